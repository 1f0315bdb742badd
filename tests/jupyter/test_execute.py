"""Shows that every way in which a notebook's cell can fail is noticed, with Jupyter's own Python kernel.

Runs in an environment that holds binder/requirements.txt: `python -m unittest discover tests/jupyter`.
"""

import contextlib
import importlib.util
import io
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

import nbformat

SCRIPT = pathlib.Path(__file__).parents[2] / "src/bin/maturation/verbs/notebooks/execute.py"


def load():
    spec = importlib.util.spec_from_file_location("execute", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Execute(unittest.TestCase):
    def run_notebook(self, *cells):
        """Runs cells (source, expected) as one notebook; gives the status, what was printed, and the page."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            notebook = nbformat.v4.new_notebook()
            for source, expected in cells:
                notebook.cells.append(nbformat.v4.new_code_cell(source, metadata={"expect": expected}))
            nbformat.write(notebook, folder / "some.ipynb")
            arguments = ["execute", "--kernel", "python3", "--out", str(folder / "out"), str(folder / "some.ipynb")]
            printed = io.StringIO()
            with mock.patch.object(sys, "argv", arguments), contextlib.redirect_stdout(printed):
                with self.assertRaises(SystemExit) as ended:
                    load().main()
            return ended.exception.code, printed.getvalue(), (folder / "out/some.html").read_text()

    def fails(self, word, *cells):
        status, printed, _ = self.run_notebook(*cells)
        self.assertEqual(status, 1, printed)
        self.assertIn("FAILED", printed)
        self.assertIn(word, printed)
        self.assertIn("0 passed, 1 failed", printed)

    def test_good_cells_pass_and_make_a_page_that_needs_no_network(self):
        status, printed, page = self.run_notebook(
            ("print(6 * 7)", {"text": ["42"]}),
            ("from IPython.display import HTML; HTML('<b>bold</b>')", {"mime": ["text/html"], "text": "bold"}),
        )
        self.assertEqual(status, 0, printed)
        self.assertIn("ok: 2 cells", printed)
        self.assertIn("1 passed, 0 failed", printed)
        self.assertIn("<b>bold</b>", page)
        self.assertNotRegex(page, r"""(src|href)=["']https?://""")

    def test_formulas_are_drawn_without_a_network(self):
        drawn = load().with_formulas("a $x_1^*$, `$HOME`, $y$:\n\n$$ \\frac{x_1^*}{2} $$\n")
        self.assertEqual(drawn.count("<math"), 3)
        self.assertEqual(drawn.count('display="block"'), 1)
        self.assertIn("`$HOME`", drawn)
        self.assertIn("<mfrac>", drawn)
        self.assertNotRegex(drawn, r"[*_\\]")

    def test_an_error_fails(self):
        self.fails("ZeroDivisionError", ("1 / 0", {}))

    def test_words_on_standard_error_fail_and_name_the_cell(self):
        complain = "import sys; sys.stderr.write('no way')"
        self.fails(f"cell 2 (`{complain}`): it wrote to standard error:\nno way", ("1", {}), (complain, {}))

    def test_late_words_on_standard_error_fail(self):
        late = "threading.Timer(0.05, lambda: print('too late', file=sys.stderr, flush=True)).start()"
        late = f"import sys, threading; {late}"
        self.fails("too late", (late, {}))

    def test_a_missing_word_fails(self):
        self.fails("'42' is not in its output", ("print(41)", {"text": ["42"]}))

    def test_a_missing_kind_of_content_fails(self):
        self.fails("its output has no image/png, only ['text/plain']", ("42", {"mime": ["image/png"]}))

    def test_a_kernel_that_dies_fails(self):
        self.fails("died", ("import os; os._exit(1)", {}))


if __name__ == "__main__":
    unittest.main()
