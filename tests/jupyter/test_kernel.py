"""Shows how the installed kernel 'Rust (maturation)' meets those who work with it: several notebooks at once, words that
arrive while a cell runs, interrupts, errors and panics.

Runs in an environment that holds binder/requirements.txt and the kernel, its caches warm, as `maturation lab` and
`maturation notebooks` make it: `python -m unittest discover tests/jupyter`.
"""

import os
import pathlib
import queue
import shutil
import signal
import tempfile
import threading
import time
import unittest

from jupyter_client.manager import KernelManager

FOLDER = pathlib.Path(__file__).parents[2] / "notebooks"
PATIENCE = 300

# A network that trains for minutes, unless it is stopped.
LONG = """let small: Hyperparameters = Hyperparameters { n_rnn: 64, batch_size_test: 64, rule_trains: vec![Rule::GAP], \
target_perf: 1.0, ..Hyperparameters::paper() };
let training: Training = Training::new(small).seed(1).max_trials(100_000_000);"""


class Cell:
    """What came of a cell: what it printed, with the seconds since it began; its rich content; and how long it took."""

    def __init__(self):
        self.printed, self.complaints, self.errors, self.content, self.seconds = [], "", "", {}, 0.0
        self.status = None

    @property
    def words(self):
        return "".join(text for _, text in self.printed)


class Kernel:
    """A kernel that works in the folder of the notebooks."""

    def __enter__(self):
        self.manager = KernelManager(kernel_name="maturation")
        self.manager.start_kernel(cwd=str(FOLDER))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel()

    def run(self, code, listen=lambda cell: None):
        """Runs a cell to its end; `listen` is told of all that comes of it, as it comes."""
        cell, begin = Cell(), time.monotonic()
        message = self.client.execute(code)
        ended = False
        while True:
            try:
                # Words on standard error come by another way than the end of the cell, and may be later.
                answer = self.client.get_iopub_msg(timeout=0.3 if ended else PATIENCE)
            except queue.Empty:
                if ended:
                    cell.status = self.status(message)
                    return cell
                raise
            kind, content = answer["msg_type"], answer["content"]
            if kind == "stream" and content["name"] == "stdout":
                cell.printed.append((time.monotonic() - begin, content["text"]))
            elif kind == "stream":
                cell.complaints += content["text"]
            elif kind == "error":
                cell.errors += "\n".join(content["traceback"]) or content["evalue"]
            elif kind in ("execute_result", "display_data"):
                cell.content |= content["data"]
            elif kind == "status" and content["execution_state"] == "idle":
                # The manager numbers its interrupts as the client its cells.
                asked = answer["parent_header"]
                if (asked.get("msg_type"), asked.get("msg_id")) == ("execute_request", message):
                    ended, cell.seconds = True, time.monotonic() - begin
            if not ended:
                listen(cell)

    def status(self, message):
        """How the kernel answered the request to run a cell."""
        while True:
            reply = self.client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == message:
                return reply["content"]["status"]


class KernelAtWork(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kernel = Kernel().__enter__()
        cls.folder = pathlib.Path(tempfile.mkdtemp())

    @classmethod
    def tearDownClass(cls):
        cls.kernel.__exit__()
        shutil.rmtree(cls.folder)

    def works(self, code, *words):
        cell = self.kernel.run(code)
        self.assertEqual((cell.errors, cell.complaints), ("", ""), code)
        for word in words:
            self.assertIn(word, cell.words + "".join(str(content) for content in cell.content.values()))
        return cell

    def path(self, name):
        return f'"{self.folder / name}"'

    def test_the_first_cell_of_a_notebook_works_though_all_is_loaded(self):
        self.works(':dep maturation = { path = ".." }\nuse maturation::prelude::*;')
        self.works("Rule::all().len()", "19")

    def test_tables_and_figures_come_with_what_each_viewer_needs(self):
        self.works('let shipped: Run = Run::open("../data/6tasks")?;')
        table = self.works("shipped.log()?", "<table", "rows × 7 columns", "shape: ")
        self.assertEqual(set(table.content), {"text/html", "text/plain"})
        run = self.works("shipped", "<table", "trials trained")
        self.assertEqual(set(run.content), {"text/html", "text/plain"})
        figure = "figures::performance_growth(&shipped)?"
        first, second = self.works(figure), self.works(figure)
        for cell in (first, second):
            self.assertEqual(set(cell.content), {"application/vnd.plotly.v1+json", "image/svg+xml", "text/plain"})
            self.assertEqual(len(cell.content["application/vnd.plotly.v1+json"]["data"]), 6)
            self.assertTrue(cell.content["image/svg+xml"].startswith("<svg"))
            self.assertLess(sum(len(str(content)) for content in cell.content.values()), 80_000, "no script among it")
        self.assertEqual(first.content, second.content, "whichever is shown first")

    def test_training_tells_how_it_is_doing_and_an_interrupt_ends_it_with_everything_kept(self):
        self.works("let precious: u64 = 17;")
        self.works(LONG)
        interrupted = []

        def interrupt(cell):
            if not interrupted and cell.words.count(" a second") >= 3:
                interrupted.append(time.monotonic())
                self.kernel.manager.interrupt_kernel()

        cell = self.kernel.run(f"training.train({self.path('live')})?", interrupt)
        ended = time.monotonic()
        self.assertTrue(interrupted, cell.words)
        self.assertLess(ended - interrupted[0], 10)
        self.assertIn("what was finished until then is kept", cell.errors)
        self.assertRegex(cell.words, r"\d+ trials, \d+ a second, .* left  \|  gap [01]\.\d\d\n")
        lines = [seconds for seconds, text in cell.printed if " a second" in text]
        self.assertGreater(lines[2] - lines[0], 5, "each line arrives when it is printed")
        self.works("precious", "17")
        self.works(f"Run::open({self.path('live')})?", "trials trained")

    def test_training_in_the_background_answers_and_stops(self):
        self.works(LONG)
        self.works(f"let background: BackgroundTraining = training.start({self.path('background')})?;")
        time.sleep(3)
        self.works("background.progress()", "in training", "trials a second")
        self.works("background.stop();")
        cell = self.kernel.run("background.wait()?")
        self.assertIn("what was finished until then is kept", cell.errors)
        self.works(f"Run::open({self.path('background')})?", "trials trained")

    def test_a_failed_question_mark_tells_what_to_do_and_keeps_variables(self):
        self.works("let kept: u64 = 23;")
        cell = self.kernel.run('let nothing: Run = Run::open("no/such/run")?;')
        self.assertEqual(cell.complaints, "")
        self.assertIn("no/such/run", cell.errors)
        self.assertNotIn("Error {", cell.errors)
        self.assertNotIn("Io(", cell.errors)
        self.works("kept", "23")

    def test_a_panic_keeps_variables(self):
        self.works("let still: Vec<u64> = vec![1, 2, 3];")
        cell = self.kernel.run("still[7]")
        self.assertEqual(cell.complaints, "")
        self.assertIn("index out of bounds", cell.errors)
        self.works("still.len()", "3")

    def test_a_mistake_in_a_cell_is_shown_and_keeps_variables(self):
        self.works("let there: u64 = 29;")
        cell = self.kernel.run("let wrong: u64 = \"text\";")
        self.assertIn("mismatched types", cell.errors)
        self.works("there", "29")


class KernelsAtOnce(unittest.TestCase):
    def test_three_notebooks_work_at_once_from_the_same_compiled_crates(self):
        answers = {}

        def notebook(number):
            with Kernel() as kernel:
                kernel.run(f"let mine: usize = {number} * Rule::all().len();")
                answers[number] = kernel.run('println!("{} {}", mine, std::process::id());').words.split()

        threads = [threading.Thread(target=notebook, args=(number,)) for number in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({number: answer[0] for number, answer in answers.items()}, {1: "19", 2: "38", 3: "57"})
        self.assertEqual(len({answer[1] for answer in answers.values()}), 3)

    def test_a_killed_kernel_does_not_harm_the_next(self):
        with Kernel() as kernel:
            kernel.run("let mine: u64 = 1;")
            os.kill(kernel.manager.provisioner.pid, signal.SIGKILL)
        with Kernel() as kernel:
            self.assertEqual(kernel.run('println!("{}", Rule::ODR.name());').words, "odr\n")


if __name__ == "__main__":
    unittest.main()
