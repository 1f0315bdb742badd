"""Opens, in a real browser, what was made of names that look like markup or scripts, and looks whether any of it ran.

    MATURATION_HOSTILE=DIR cargo test --release --lib report::tests
    python tests/browser/hostile.py DIR [--chromium FILE]

Every page is shown, each figure on it is hovered over and each link and label clicked. Nothing may call `hostile`, ask for
a file, open a dialog or leave the page. A page with the same names as they are must fail, or this would not see anything.
"""

import argparse
import pathlib
import sys

from playwright.sync_api import sync_playwright

RAW = "<p title=\"\"><img src=x onerror=hostile()><svg onload=hostile()></svg><script>hostile()</script></p>"


def look(browser, address, content=None):
    """What happened on a page, or on one with this content, that should not have."""
    happened = []
    page = browser.new_page()
    page.expose_function("hostile", lambda: happened.append("a name ran as a script"))
    page.on("dialog", lambda dialog: (happened.append("a dialog opened"), dialog.dismiss()))
    page.on("popup", lambda _: happened.append("a window opened"))
    page.on("pageerror", lambda problem: happened.append(f"an error: {problem}"))
    page.on("request", lambda request: happened.append(f"asked for {request.url}") if request.url != address else None)
    page.set_content(content) if content else page.goto(address)
    page.wait_for_timeout(300)
    for link in page.query_selector_all("a[href], svg a"):
        target = link.evaluate("link => link.getAttribute('href') || link.getAttribute('xlink:href') || ''")
        if not target.startswith("#"):
            happened.append(f"a link to {target}")
    for place in page.query_selector_all(".js-plotly-plot")[:4]:
        box = place.bounding_box()
        if box:
            place.scroll_into_view_if_needed()
            for share in (0.2, 0.5, 0.8):
                page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
                page.wait_for_timeout(60)
    for text in page.query_selector_all(".js-plotly-plot text")[:40]:
        text.dispatch_event("click")
    page.wait_for_timeout(200)
    drawn = len(page.query_selector_all(".js-plotly-plot .main-svg"))
    page.close()
    return happened, drawn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--chromium")
    arguments = parser.parse_args()
    failed = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        happened, _ = look(browser, "about:blank", RAW)
        if not happened:
            sys.exit("a page with the names as they are passed: this check sees nothing")
        pages = sorted(path for path in arguments.folder.iterdir() if path.suffix in (".html", ".svg"))
        figures = 0
        for path in pages:
            happened, drawn = look(browser, path.resolve().as_uri())
            figures += drawn > 0
            if happened:
                failed += 1
                print(f"{path.name}: {'; '.join(sorted(set(happened)))}")
        print(f"{len(pages)} pages, {figures} with figures that plotly.js drew, {failed} with something that happened")
        if not pages or not figures:
            sys.exit("there was nothing to look at")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
