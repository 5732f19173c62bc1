"""The site of docs, notebooks and docstrings as its readers see it, in a browser."""

import re
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urldefrag

import axe_playwright_python
import pytest

import d2l_mlp
from d2l_mlp.__main__ import COMMANDS
from tests.conftest import ROOT, skip_unless_ci

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SITE = ROOT / "docs" / "_build" / "html"
SCREENS = [(1280, "light"), (420, "dark")]
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")

# Some load only when they are visible.
_LOAD_PICTURES = """() => Promise.all([...document.images].map(image => {
    image.loading = "eager";
    return image.decode().catch(() => null);
}))"""

_FIND_FAULTS = r"""async () => {
    await window.MathJax?.startup?.promise;
    const faults = [];
    const check = (fault, name, what) => { if (fault) faults.push(`${name}: ${what}`); };
    const article = document.querySelector("article");
    document.querySelectorAll("details").forEach(e => { e.open = true; });
    check(document.documentElement.scrollWidth > innerWidth, "too wide", document.title);
    const tables = innerWidth > 1000 ? ", .table-wrapper" : "";  // a narrow screen scrolls them
    for (const e of article.querySelectorAll("pre, mjx-container, figure, img" + tables))
        check(e.scrollWidth > e.clientWidth + 1 && e.clientWidth, "cut", e.outerHTML);
    for (const e of document.images) {
        check(!e.naturalWidth, "no picture", e.src);
        check(!e.alt || /\.(png|svg|jpe?g)$/.test(e.alt), "no alternative text", e.src);
    }
    const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const { data, parentElement } = texts.currentNode;
        const raw = /\$|\|---|:math:|```|\]\(|<!--/.test(data);
        check(raw && !parentElement.closest("pre, code, script, mjx-container"), "raw", data);
    }
    await Promise.all(document.getAnimations().map(a => a.finished));  // of colours, to their end
    for (const { nodes } of (await axe.run(article, { runOnly: "color-contrast" })).violations)
        nodes.forEach(node => check(true, "contrast", node.html));
    return faults;
}"""


class Silent(SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/favicon.ico":  # which no page names: it is the browser's own idea
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def site():
    """Serve the site, which .ci/run built before the tests, and yield its address."""
    if not (SITE / "index.html").exists():
        if not find_spec("sphinx"):
            reason = "needs the site, or Python 3.11 and what builds it: pip install .[docs]"
            skip_unless_ci(reason)
        command = [sys.executable, "-m", "sphinx", "-q", "-W", ROOT / "docs", SITE]
        subprocess.run(command, cwd=ROOT, check=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def pages():
    """Return the paths of all pages within the site."""
    return sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))


def test_no_page_has_a_fault_or_leads_nowhere(browser, site):
    faults, links, anchors = [], {}, {}
    page = browser.new_page()
    page.on("console", lambda m: m.type == "error" and faults.append((page.url, m.text)))
    page.on("pageerror", lambda error: faults.append((page.url, str(error))))
    page.on("requestfailed", lambda request: faults.append((page.url, request.url)))
    page.on("response", lambda r: r.status >= 400 and faults.append((page.url, r.url, r.status)))
    page.on("request", lambda r: r.url.startswith(("data:", site)) or faults.append(r.url))
    for name in pages():
        page.goto(site + name)
        page.evaluate(_LOAD_PICTURES)
        page.evaluate(AXE)
        for width, colours in SCREENS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=colours)
            faults += [(name, width, fault) for fault in page.evaluate(_FIND_FAULTS)]
        links[name] = set(page.evaluate("[...document.links].map(a => a.href)"))
        anchors[name] = set(page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)"))
    assert faults == []
    assert len(links["index.html"] & {site + name for name in links}) > 10  # there is what to find
    for name, found in links.items():
        for link in found:
            if link.startswith(site):
                target, anchor = urldefrag(link[len(site) :])
                target += "index.html" * (target in {""} or target.endswith("/"))
                assert (SITE / unquote(target)).is_file(), f"{name}: {link}"
                if anchor and target in anchors:
                    assert unquote(anchor) in anchors[target], f"{name}: {link}"
            else:
                assert link.startswith("https://"), f"{name}: {link}"


def test_what_the_code_makes_is_there(site):
    text = {name: (SITE / name).read_text("utf-8") for name in pages()}
    for figure in d2l_mlp.FIGURES:
        assert f"{figure}.svg" in text["figures.html"]
    flags = {flag for m in COMMANDS.values() for flag in m.parser()._option_string_actions}
    assert [flag for flag in flags if flag not in text["commands.html"]] == []
    for name in d2l_mlp.__all__:
        (page,) = set(
            re.findall(rf'href="(reference/\w+.html)#[\w.]+\.{name}"', text["reference.html"])
        )
        assert f'.{name}">' in text[page]
