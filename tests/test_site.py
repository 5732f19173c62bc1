"""The site of docs, notebooks and docstrings as its readers see it, in a browser."""

import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from urllib.parse import unquote, urldefrag

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SITE = ROOT / "docs" / "_build" / "html"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 480, "height": 900}

# Some load only when they are visible.
_LOAD_PICTURES = """() => Promise.all([...document.images].map(image => {
    image.loading = "eager";
    return image.decode().catch(() => null);
}))"""


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
            # With PYTHON, .ci/run takes an interpreter for the code alone.
            on_default = os.environ.get("CI") and not os.environ.get("PYTHON")
            pytest.fail(reason) if on_default else pytest.skip(reason)
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


def visit(browser, site, names, viewport):
    """Open pages, and return the errors, the links and the anchors of each page."""
    wrong, links, anchors = [], {}, {}
    page = browser.new_page(viewport=viewport)
    page.on("console", lambda m: m.type == "error" and wrong.append((page.url, m.text)))
    page.on("pageerror", lambda error: wrong.append((page.url, str(error))))
    page.on("requestfailed", lambda request: wrong.append((page.url, request.url)))
    page.on("response", lambda r: r.status >= 400 and wrong.append((page.url, r.url, r.status)))
    page.on("request", lambda r: r.url.startswith(("data:", site)) or wrong.append(r.url))
    for name in names:
        page.goto(site + name)
        page.evaluate(_LOAD_PICTURES)
        wrong += [
            (name, source, "is no picture")
            for source in page.evaluate(
                "[...document.images].filter(i => !i.naturalWidth).map(i => i.src)"
            )
        ]
        links[name] = set(page.evaluate("[...document.links].map(a => a.href)"))
        anchors[name] = set(page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)"))
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append((name, viewport["width"], "is not wide enough"))
    page.close()
    return wrong, links, anchors


def test_no_page_lacks_anything_or_leads_nowhere(browser, site):
    wrong, links, anchors = visit(browser, site, pages(), WIDE)
    assert wrong == []
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


def test_the_pages_and_notebooks_on_a_narrow_screen(browser, site):
    names = [name for name in pages() if not name.startswith("reference/")]
    assert visit(browser, site, [*names, "reference/d2l_mlp.mlp.html"], NARROW)[0] == []
