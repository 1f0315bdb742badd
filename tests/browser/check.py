"""Opens notebooks in a real JupyterLab, Notebook 7 and as nbconvert's pages, in a real browser without a screen, and looks
at what is drawn: every figure with all of its curves and words, every table with its rows. Takes a picture of each.

    python tests/browser/check.py --out DIR [--run | --pages DIR] [--chromium FILE] NOTEBOOK...

Runs in an environment that holds binder/requirements.txt and requirements.txt beside this file. The notebooks are looked at

- as they are stored, by nbconvert also in a narrow window with scripts forbidden, as viewers do that trust nobody;
- with --run, after all cells were run with the installed kernel `maturation`;
- with --pages, as the pages in DIR that `maturation notebooks` wrote of them.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import nbformat
from nbconvert import HTMLExporter
from playwright.sync_api import sync_playwright

PLOTLY = "application/vnd.plotly.v1+json"
WIDTH, HEIGHT = 1280, 900
NARROW = 800

# What is on the page: figures that plotly has drawn, images, tables.
LOOK = """() => {
    const size = (element) => {
        const box = element.getBoundingClientRect();
        return [Math.round(box.width), Math.round(box.height)];
    };
    const drawn = [...document.querySelectorAll('.js-plotly-plot')].filter((figure) => figure._fullLayout);
    // JupyterLab's renderer keeps one such element in another.
    const figures = drawn.filter((figure) => !figure.querySelector('.js-plotly-plot'));
    // What a figure says of itself: titles, the names in its legend, annotations. Spaces are left out, as is markup.
    const plain = (text) => {
        const element = document.createElement("i");
        element.innerHTML = text;
        return element.textContent.replace(/[\\s\\u200b]/g, "");
    };
    const said = (figure) => {
        const { layout, _fullLayout: whole, _fullData: curves } = figure;
        const titled = [layout, ...Object.keys(layout).filter((key) => /^[xy]axis/.test(key)).map((key) => layout[key])];
        const titles = titled.filter((part) => part.visible !== false).map((part) => part.title && part.title.text);
        const names = curves.filter((curve) => whole.showlegend && curve.showlegend && curve.visible === true);
        const notes = (layout.annotations || []).filter((note) => note.visible !== false).map((note) => note.text);
        return [...titles, ...names.map((curve) => curve.name), ...notes].filter((text) => text).map(plain);
    };
    const complaints = ["error", "stderr"].map((kind) => `[data-mime-type="application/vnd.jupyter.${kind}"]`).join();
    return {
        width: window.innerWidth,
        complaints: [...document.querySelectorAll(complaints)].map((complaint) => complaint.textContent),
        figures: figures.map((figure) => ({
            size: size(figure),
            traces: figure.data.length,
            drawn: figure.querySelectorAll('.trace, .heatmaplayer image, .polarlayer path').length,
            background: getComputedStyle(figure.querySelector('.main-svg')).backgroundColor,
            buttons: [...figure.querySelectorAll('.modebar-btn')].map((button) => button.dataset.title || ""),
            silent: said(figure).filter((text) => !figure.textContent.replace(/[\\s\\u200b]/g, "").includes(text)),
        })),
        images: [...document.querySelectorAll('.jp-RenderedImage img, .jp-RenderedSVG img')].map((image) => ({
            size: size(image), loaded: image.complete && image.naturalWidth > 0,
        })),
        tables: [...document.querySelectorAll('.jp-OutputArea-output table')].map((table) => ({
            size: size(table), rows: table.rows.length,
        })),
    };
}"""


class Wrong(Exception):
    """What is not as it should be."""


def outputs_of(notebook):
    """The rich outputs of a notebook: for each, its kinds of content."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [output.data for cell in cells for output in cell.outputs if "data" in output]


def expected(notebook, anew):
    """How many figures (with how many curves each, where known) and tables a notebook shows, as it is stored or once it is
    run anew."""
    if anew:
        cells = [cell.metadata.get("expect", {}) for cell in notebook.cells if cell.cell_type == "code"]
        kinds = [cell.get("mime", []) for cell in cells]
        curves = [None for kind in kinds if PLOTLY in kind]
        return curves, sum("text/html" in kind and PLOTLY not in kind for kind in kinds)
    shown = outputs_of(notebook)
    curves = [len(data[PLOTLY]["data"]) for data in shown if PLOTLY in data]
    tables = sum("<table" in "".join(data.get("text/html", "")) for data in shown if PLOTLY not in data)
    return curves, tables


def check(where, seen, curves, tables, images_do=False):
    """Raises Wrong unless the page shows these figures and tables."""
    if seen["complaints"]:
        raise Wrong(f"{where}: {seen['complaints'][0][:300]}")
    figures = seen["figures"]
    drawn = len(figures) + (len(seen["images"]) if images_do else 0)
    if drawn != len(curves):
        raise Wrong(f"{where}: {drawn} figures are drawn of {len(curves)}")
    for figure, count in zip(figures, curves):
        if not 1 <= figure["traces"] <= figure["drawn"] or (count and figure["traces"] != count):
            raise Wrong(f"{where}: a figure has {figure['traces']} curves, {figure['drawn']} drawn, of {count}")
        if figure["silent"]:
            raise Wrong(f"{where}: a figure does not show its words {figure['silent']}")
        if figure["background"] != "rgba(0, 0, 0, 0)":
            raise Wrong(f"{where}: a figure has a background of its own, {figure['background']}, whatever the page's theme")
        uploads = [button for button in figure["buttons"] if re.search("cloud|share|edit", button, re.IGNORECASE)]
        if uploads:
            raise Wrong(f"{where}: a figure's bar offers {uploads}")
        if figure["size"][0] < 300 or figure["size"][1] < 200:
            raise Wrong(f"{where}: a figure is only {figure['size']} pixels in size")
    for image in seen["images"]:
        if not image["loaded"] or not 300 <= image["size"][0] <= seen["width"]:
            raise Wrong(f"{where}: an image is broken, small or cut off: {image}")
    if len(seen["tables"]) < tables:
        raise Wrong(f"{where}: {len(seen['tables'])} tables are drawn of {tables}")
    for table in seen["tables"]:
        if table["rows"] < 2 or table["size"][1] < 30:
            raise Wrong(f"{where}: a table is empty: {table}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def jupyter(program, folder, settings):
    """A Jupyter server on a folder; gives its address with the token."""
    port, token = free_port(), secrets.token_hex(16)
    # Nothing is to be written into the notebooks that are looked at.
    for name, setting in [
        ("docmanager-extension/plugin", {"autosave": False}),
        ("apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False}),
    ]:
        written = settings / f"lab/user-settings/@jupyterlab/{name}.jupyterlab-settings"
        written.parent.mkdir(parents=True)
        written.write_text(json.dumps(setting))
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(settings),
        "JUPYTER_DATA_DIR": str(settings / "data"),
        "JUPYTER_RUNTIME_DIR": str(settings / "runtime"),
    }
    command = [sys.executable, "-m", program, "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"]
    command += ["--Application.log_level=ERROR", "--MultiKernelManager.default_kernel_name=maturation"]
    server = subprocess.Popen(command, env=environment)
    try:
        for _ in range(240):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={token}", timeout=5)
                break
            time.sleep(0.25)
        else:
            raise Wrong(f"{program} does not answer")
        yield f"http://127.0.0.1:{port}", token
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(30)
        server.kill()


def run_all(page, cells, patience):
    """Runs all cells, and waits until each has its number."""
    page.click("text=/^Edit$/")
    page.click("text=/^Clear Outputs of All Cells$/")
    page.click("text=/^Run$/")
    page.click("text=/^Run All Cells$/")
    finished = """(cells) => {
        const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map((prompt) => prompt.textContent);
        return prompts.filter((prompt) => /[0-9]/.test(prompt)).length >= cells;
    }"""
    page.wait_for_function(finished, arg=cells, timeout=patience * 1000)


def settle(page):
    """Scrolls through the notebook, so that everything is drawn, and waits until it is."""
    scroller = ".jp-WindowedPanel-outer, .jp-Notebook"
    page.evaluate(
        """async (selector) => {
            const scroller = document.querySelector(selector) || document.scrollingElement;
            for (let top = 0; top < scroller.scrollHeight; top += 400) {
                scroller.scrollTop = top;
                await new Promise((done) => setTimeout(done, 120));
            }
            scroller.scrollTop = 0;
        }""",
        scroller,
    )
    page.wait_for_timeout(1500)


def picture(page, path, tall):
    """A picture of the whole notebook, for which the window is made tall."""
    page.set_viewport_size({"width": WIDTH, "height": tall})
    page.wait_for_timeout(2000)
    seen = page.evaluate(LOOK)
    page.screenshot(path=path)
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    return seen


def in_server(browser, program, path, arguments):
    """Looks at a notebook in JupyterLab or Notebook 7."""
    notebook = nbformat.read(path, as_version=4)
    curves, tables = expected(notebook, anew=arguments.run)
    place = "lab/tree" if program == "jupyterlab" else "notebooks"
    with tempfile.TemporaryDirectory() as settings, jupyter(program, path.parent, pathlib.Path(settings)) as (at, token):
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(f"{at}/{place}/{path.name}?token={token}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
        page.wait_for_timeout(3000)
        cells = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in notebook.cells)
        # Without the kernel that a notebook names, Jupyter asks for another.
        without = page.locator(".jp-Dialog button.jp-mod-reject")
        if not arguments.run and without.count() > 0:
            without.click()
        if arguments.run:
            begin = time.monotonic()
            run_all(page, cells, arguments.patience)
            print(f"    all cells run in {time.monotonic() - begin:.1f} s")
        settle(page)
        page.screenshot(path=arguments.out / f"{path.stem}-{program}-window.png")
        seen = picture(page, arguments.out / f"{path.stem}-{program}.png", arguments.tall)
        page.close()
    check(f"{path.name} in {program}", seen, curves, tables, images_do=not arguments.run)
    return seen


def look_at_page(browser, page_file, picture_file, scripts=True):
    """What a page shows that has no network; without scripts, in a narrow window."""
    size = {"width": WIDTH if scripts else NARROW, "height": HEIGHT}
    context = browser.new_context(viewport=size, offline=True, java_script_enabled=scripts)
    page = context.new_page()
    page.goto(page_file.resolve().as_uri())
    page.wait_for_timeout(2000)
    seen = page.evaluate(LOOK)
    page.screenshot(path=picture_file, full_page=True)
    context.close()
    return seen


def as_stored(browser, scripts, path, arguments):
    """Looks at a notebook as the page that nbconvert makes of it."""
    notebook = nbformat.read(path, as_version=4)
    body, _ = HTMLExporter(mathjax_url="", require_js_url="").from_notebook_node(notebook)
    written = arguments.out / f"{path.stem}.html"
    written.write_text(body, encoding="utf-8")
    name = "nbconvert" if scripts else "scriptless"
    seen = look_at_page(browser, written, arguments.out / f"{path.stem}-{name}.png", scripts)
    check(f"{path.name} by {name}", seen, *expected(notebook, anew=False), images_do=True)
    return seen


def as_executed(browser, _, path, arguments):
    """Looks at the page that `maturation notebooks` has written."""
    notebook = nbformat.read(path, as_version=4)
    written = arguments.pages / f"{path.stem}.html"
    seen = look_at_page(browser, written, arguments.out / f"{path.stem}-executed.png")
    check(f"{path.name}, executed", seen, *expected(notebook, anew=True))
    return seen


# Where a notebook is looked at: by which function, and of which kind.
SERVERS = {"jupyterlab": (in_server, "jupyterlab"), "notebook": (in_server, "notebook")}
LOOKS = {
    "stored": SERVERS | {"nbconvert": (as_stored, True), "scriptless": (as_stored, False)},
    "run": SERVERS,
    "pages": {"executed": (as_executed, None)},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the folder that pictures are written to")
    parser.add_argument("--run", action="store_true", help="run all cells first")
    parser.add_argument("--pages", type=pathlib.Path, help="the folder that `maturation notebooks` wrote to")
    parser.add_argument("--only", choices=list(dict.fromkeys(sum(map(list, LOOKS.values()), []))), help="look there only")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser [default: chromium]")
    parser.add_argument("--tall", type=int, default=9000, help="how tall a window takes in a whole notebook, in pixels")
    parser.add_argument("--patience", type=float, default=900, help="seconds that all cells may take")
    parser.add_argument("notebooks", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    if not arguments.chromium:
        sys.exit("there is no chromium: install it (on Debian: apt install chromium), or name it with --chromium")
    arguments.out.mkdir(parents=True, exist_ok=True)

    failed = 0
    looks = LOOKS["run" if arguments.run else "pages" if arguments.pages else "stored"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox", "--disable-gpu"])
        for path in arguments.notebooks:
            for name, (look, kind) in looks.items():
                if arguments.only not in (None, name):
                    continue
                begin = time.monotonic()
                try:
                    path = path.resolve()
                    seen = look(browser, kind, path, arguments)
                    counts = ", ".join(f"{len(seen[kind])} {kind}" for kind in ("figures", "images", "tables"))
                    outcome = f"ok: {counts}"
                except Exception as problem:  # the other looks are worth having all the same
                    failed += 1
                    outcome = f"FAILED: {problem}"
                print(f"{path.stem} in {name}: {time.monotonic() - begin:.1f} s, {outcome}", flush=True)
        browser.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
