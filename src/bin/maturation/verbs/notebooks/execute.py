"""Executes notebooks through Jupyter, looks at what their cells put out, and writes each as an HTML page.

A cell fails if the kernel says so, if it writes to standard error (where the usual Rust kernel puts the message of a panic
or of a failed `?`, and then calls the cell a success), or if its output lacks what the cell's metadata lists under `expect`:
kinds of content (`mime`) and words (`text`).
"""

import argparse
import asyncio
import copy
import json
import pathlib
import queue
import re
import sys
import time

import latex2mathml.converter
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from plotly.offline import get_plotlyjs

PLOTLY = "application/vnd.plotly.v1+json"

# What is printed comes by another way than the end of the cell, and may be later.
LATE_WORDS_SECONDS = 0.2


class Failure(Exception):
    """What was wrong with a cell."""


def lines(value):
    """A text or a list of texts as a list."""
    return [value] if isinstance(value, str) else list(value or [])


def plain(text):
    """A text without the colours of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def check(cell):
    """Raises Failure unless the cell's outputs are what they should be."""
    kinds, words, complaints = set(), [], []
    for output in cell.outputs:
        if output.output_type == "stream":
            (complaints if output.name == "stderr" else words).append(output.text)
        elif output.output_type == "error":
            raise Failure(plain("\n".join(output.traceback) or f"{output.ename}: {output.evalue}"))
        else:
            kinds.update(output.data)
            contents = output.data.values()
            words += [text if isinstance(text, str) else json.dumps(text, ensure_ascii=False) for text in contents]
    if complaints:
        raise Failure("it wrote to standard error:\n" + plain("".join(complaints)))
    expected = cell.metadata.get("expect", {})
    for kind in lines(expected.get("mime")):
        if kind not in kinds:
            raise Failure(f"its output has no {kind}, only {sorted(kinds)}")
    for text in lines(expected.get("text")):
        if not any(text in word for word in words):
            raise Failure(f"'{text}' is not in its output")


def reason(cell, problem):
    """Why a cell failed: in the kernel's own words, if it has any."""
    errors = [output for output in cell.outputs if output.output_type == "error"]
    words = "\n".join("\n".join(error.traceback) or error.evalue for error in errors)
    return plain(words or str(problem)).strip()


async def late_words(client, cell):
    """Adds what comes after the cell has ended."""
    while True:
        try:
            message = await client.kc.get_iopub_msg(timeout=LATE_WORDS_SECONDS)
        except (queue.Empty, asyncio.TimeoutError):
            return
        if message["msg_type"] == "stream":
            cell.outputs.append(nbformat.v4.output_from_msg(message))


async def execute(notebook, folder, kernel, timeout):
    """Runs all cells and returns the seconds that each code cell took; raises Failure at the first that fails."""
    client = NotebookClient(
        notebook, kernel_name=kernel, timeout=timeout, startup_timeout=300, resources={"metadata": {"path": str(folder)}}
    )
    seconds = []
    code_cells = 0
    async with client.async_setup_kernel():
        for place, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            code_cells += 1
            begin = time.monotonic()
            try:
                await client.async_execute_cell(cell, place)
                seconds.append(time.monotonic() - begin)
                await late_words(client, cell)
                check(cell)
            except (CellExecutionError, CellTimeoutError, DeadKernelError, Failure) as problem:
                first_line = cell.source.partition("\n")[0]
                raise Failure(f"cell {code_cells} (`{first_line}`): {reason(cell, problem)}") from problem
    return seconds


def with_formulas(text):
    """Markdown whose formulas are MathML, which browsers draw without MathJax."""

    def formula(found):
        code, display, inline = found.groups()
        if code:
            return code
        drawn = latex2mathml.converter.convert((display or inline).strip(), display="block" if display else "inline")
        # These would be Markdown.
        return drawn.replace("*", "&#42;").replace("_", "&#95;")

    return re.sub(r"(```.*?```|`[^`]*`)|\$\$(.+?)\$\$|\$([^$\n]+?)\$", formula, text, flags=re.DOTALL)


def within_script(text):
    """A text that ends no script."""
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")


def draw(outputs, number):
    """Has plotly.js draw each figure in place of its picture, which stays where no script runs; gives how many there are
    so far."""
    for output in outputs:
        data = output.get("data", {})
        if PLOTLY not in data:
            continue
        figure, picture = within_script(json.dumps(data[PLOTLY])), data.get("image/svg+xml", "")
        # plotly.js comes with the first.
        script = "" if number else f"<script>{get_plotlyjs()}</script>\n"
        number += 1
        output.data = {
            "text/html": f'{script}<div id="figure-{number}">{picture}</div>\n<script>(() => {{ const figure = {figure}; '
            f'const place = document.getElementById("figure-{number}"); place.textContent = ""; '
            "Plotly.newPlot(place, figure.data, figure.layout, figure.config); })();</script>\n",
            "text/plain": data.get("text/plain", ""),
        }
    return number


def page(notebook, name):
    """The notebook as an HTML page that asks nothing of the network."""
    notebook = copy.deepcopy(notebook)
    figures = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_formulas(cell.source)
        figures = draw(cell.get("outputs", []), figures)
    exporter = HTMLExporter(mathjax_url="", require_js_url="")
    body, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": name}})
    return body


def main():
    parser = argparse.ArgumentParser(prog="maturation notebooks")
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--timeout", type=float, default=1800, help="seconds that a cell may take")
    parser.add_argument("notebooks", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    failed = 0
    for path in arguments.notebooks:
        begin = time.monotonic()
        print(f"{path.stem} …", flush=True)
        try:
            notebook = nbformat.read(path, as_version=4)
            try:
                seconds = asyncio.run(execute(notebook, path.parent, arguments.kernel, arguments.timeout))
            finally:
                # A page that shows where it stopped helps to see why.
                written = arguments.out / f"{path.stem}.html"
                written.write_text(page(notebook, path.stem), encoding="utf-8")
            first, later = (seconds or [0])[0], sorted(seconds[1:] or [0])
            times = f"first cell {first:.1f} s, then {later[len(later) // 2]:.1f} s (median)"
            outcome = f"ok: {len(seconds)} cells, {times}; {written}, {written.stat().st_size / 1e6:.1f} MB"
        except Exception as problem:  # the other notebooks are executed all the same
            failed += 1
            outcome = f"FAILED: {problem}"
        print(f"  {time.monotonic() - begin:6.1f} s  {outcome}", flush=True)
    print(f"{len(arguments.notebooks) - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
