"""The notebooks as their readers see them: in JupyterLab, in a browser."""

import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress

import nbformat
import pytest
from nbconvert import HTMLExporter

from notebooks.execute import HERE
from tests import svg
from tests.conftest import ROOT
from tests.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def answers(address):
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Start a JupyterLab on copies of the notebooks, and yield the address of each."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(HERE, home / "notebooks")
    settings = home / "config" / "lab" / "user-settings" / "@jupyterlab"
    for name, text in {
        # All cells in the page, and not only those within sight.
        "notebook-extension/tracker": '{"windowingMode": "none"}',
        "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    }.items():
        file = settings / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    port = free_port()
    token = secrets.token_hex(16)
    own = {
        "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"), "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_TOKEN": token, "PYTHONPATH": str(ROOT), "D2L_MLP_DATASET": "sample",
        "MPLCONFIGDIR": str(home / "matplotlib"), "IPYTHONDIR": str(home / "ipython"),
    }  # fmt: skip
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
    ]
    address = f"http://127.0.0.1:{port}"
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=home, env={**os.environ, **own}, stdout=log, stderr=log
        ) as server,
    ):
        try:
            deadline = time.monotonic() + 90
            while not answers(f"{address}/api?token={token}"):
                assert server.poll() is None, (home / "log").read_text()
                assert time.monotonic() < deadline, (home / "log").read_text()
                time.sleep(0.2)
            # Each in a workspace of its own, without the tabs of the one before.
            yield f"{address}/lab/workspaces/{{0}}/tree/notebooks/{{0}}.ipynb?token={token}"
        finally:
            server.terminate()


@pytest.fixture
def page(browser, tmp_path):
    """Open a page of headless Chromium; its last state is left in ``page.png``."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(300_000)
    yield page
    page.screenshot(path=tmp_path / "page.png")


# How many code cells have run: the number is in the margin beside each.
NUMBERED = r"""[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
    .filter(prompt => /\d/.test(prompt.innerText)).length"""
ERROR = "[data-mime-type='application/vnd.jupyter.error']"
IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"


def choose(page, menu, item):
    for name in (menu, item):
        page.get_by_role("menuitem", name=name, exact=True).click()


def run_all(page, address, path, watch="0"):
    """Open a notebook, clear its outputs, run all its cells, and check their outputs."""
    from playwright.sync_api import TimeoutError

    cells = nbformat.read(path, as_version=4).cells
    num_cells = sum(cell.cell_type == "code" for cell in cells)
    page.goto(address.format(path.stem))
    page.wait_for_selector(IDLE)
    page.wait_for_function(f"{NUMBERED} === {num_cells}")
    choose(page, "Edit", "Clear Outputs of All Cells")
    page.wait_for_function(f"{NUMBERED} === 0")
    assert page.locator(".jp-OutputArea-output").count() == 0
    page.evaluate(watch)
    for _ in range(3):
        choose(page, "Run", "Run All Cells")
        # On a busy machine JupyterLab may connect to its kernel anew, and forgets what it asked.
        with suppress(TimeoutError):
            ended = f"{NUMBERED} === {num_cells} || document.querySelector({ERROR!r})"
            page.wait_for_function(ended, timeout=200_000)
            break
    page.wait_for_selector(IDLE)
    assert page.locator(f"{ERROR}, {ERROR.replace('error', 'stderr')}").all_inner_texts() == []
    assert page.evaluate(NUMBERED) == num_cells
    assert page.locator("mjx-container").count() > 0
    assert page.locator("mjx-merror").count() == 0
    for image in page.locator(".jp-OutputArea img").all():
        assert image.is_visible()
        assert image.evaluate("image => image.complete && image.naturalWidth > 100")
        assert min(image.bounding_box()[side] for side in ("width", "height")) > 100


def test_activation_notebook(lab, page, tmp_path):
    (path,) = HERE.glob("2-*.ipynb")
    run_all(page, lab, path)
    assert page.locator(".jp-OutputArea img").count() == 13

    image = page.locator("img.widget-image")

    def texts():
        return svg.texts(image.evaluate("image => fetch(image.src).then(file => file.text())"))

    def wait_for(text):
        deadline = time.monotonic() + 30
        while text not in texts():
            assert time.monotonic() < deadline, texts()
            time.sleep(0.1)

    assert "tanh(1.0) = 0.762" in texts()
    before = image.screenshot()
    point = page.get_by_role("slider").last
    for _ in range(10):
        point.press("ArrowLeft")
    wait_for("tanh(0.0) = 0.000")
    assert "derivative at 0.0: 1.000" in texts()
    assert image.screenshot() != before
    page.locator(".widget-dropdown select").select_option("prelu")
    point.press("ArrowLeft")
    wait_for("prelu(-0.1) = -0.025")
    page.get_by_role("slider").first.press("ArrowRight")  # alpha: 0.25 to 0.3
    wait_for("prelu(-0.1) = -0.030")
    page.screenshot(path=tmp_path / "widget.png")


# On every frame that the browser paints: how many pictures the cell shows, and how high it is.
WATCH = """
const cell = [...document.querySelectorAll('.jp-CodeCell')].find(
    cell => cell.innerText.includes('LiveCurve('));
window.seen = {frames: [], pictures: new Set()};
const look = () => {
    const images = [...cell.querySelectorAll('.jp-OutputArea img')];
    seen.frames.push([images.length, cell.offsetHeight]);
    images.forEach(image => seen.pictures.add(image.src));
    requestAnimationFrame(look);
};
look();
"""


def test_live_curve_changes_in_place_without_flashing(lab, page):
    (path,) = HERE.glob("3-*.ipynb")
    run_all(page, lab, path, WATCH)
    frames = page.evaluate("seen.frames")
    first = next(number for number, (count, _) in enumerate(frames) if count)
    counts, heights = zip(*frames[first:])
    assert set(counts) == {1}
    settled = heights[heights.index(max(heights)) :]
    assert max(settled) - min(settled) <= 1
    assert settled[0] - heights[0] < 25  # the line of figures, which comes right after the picture
    assert page.evaluate("seen.pictures.size") > 3  # of ten; a slow machine may skip some


def test_solutions_are_folded_away_until_asked_for(lab, page):
    (path,) = HERE.glob("4-*.ipynb")
    page.goto(lab.format(path.stem))
    page.wait_for_selector(IDLE)
    page.wait_for_function("document.querySelectorAll('.jp-Notebook details').length === 5")
    argument = page.locator("p", has_text="by induction over the layers")
    code = page.locator(".jp-CodeCell .cm-content", has_text="linear_pieces(net, -3, 3)")
    pictures = page.locator(".jp-OutputArea img")
    assert not argument.is_visible()
    assert not code.is_visible()
    assert pictures.count() == 0
    page.locator("summary").nth(1).click()
    assert argument.is_visible()
    experiment = page.locator(".jp-CodeCell").nth(2)
    experiment.locator(".jp-InputPlaceholder").click()
    experiment.locator(".jp-OutputPlaceholder").click()
    code.wait_for()
    pictures.first.wait_for()
    assert pictures.count() == 2


def test_they_are_in_a_page_of_nbconvert_too(page, tmp_path):
    (path,) = HERE.glob("4-*.ipynb")
    html, _ = HTMLExporter().from_filename(str(path))
    (tmp_path / "page.html").write_text(html, "utf-8")
    page.route("https://**", lambda route: route.abort())  # MathJax
    page.goto((tmp_path / "page.html").as_uri())
    experiments = page.locator(".celltag_hide-cell")
    assert (page.locator("details").count(), experiments.count()) == (5, 6)
    assert not any(experiment.is_visible() for experiment in experiments.all())
    page.locator("summary").nth(1).click()
    visible = [experiment.is_visible() for experiment in experiments.all()]
    assert visible == [False, True, False, False, False, False]
    assert page.get_by_text("by induction over the layers").is_visible()
