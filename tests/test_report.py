"""The report as a file, and in a browser: by mouse, keyboard and screen reader."""

import functools
import html
import json
import os
import re
import statistics
from pathlib import Path

import axe_playwright_python
import numpy
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from d2l_mlp.data.releases import CLASSES
from d2l_mlp.inference.evaluation import inspect_run
from d2l_mlp.pages.report import write_report
from d2l_mlp.runs.reader import load_run
from tests import commands
from tests.nets import written_out
from tests.processes import SAMPLE

REPORT = ("-m", "d2l_mlp.report")
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")
NAME = "a<b>&'c"
TRAIN = (*SAMPLE, "--epochs", 2, "--hidden", 32, "--dropout", 0.1)


def loaded_from(page):
    """Return the addresses that a page loads from; names of XML's vocabularies are none."""
    return re.findall(r'(?:src|href|url)\s*[=(]\s*(?!["\']?(?:data:|#))[^>\s]+', page)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """A folder with runs, one of them of a name that is markup, and reports of one and of three."""
    folder = tmp_path_factory.mktemp("reports")

    call = functools.partial(commands.call, cwd=folder)
    call(*TRAIN, "--out", NAME)
    call(*TRAIN, "--seed", 1, "--out", "other")
    call(*SAMPLE, "--epochs", 1, "--activation", "tanh", "--out", "tanh")
    call(*REPORT, NAME, "-o", "one.html")
    call(*REPORT, NAME, "other", "tanh", "-o", "three.html")
    return folder


def test_it_is_one_file_that_says_what_was_measured(reports, sample):
    page = (reports / "one.html").read_text("utf-8")
    assert loaded_from(page) == []
    assert len(page) < 5e6
    assert "<b>&'c" not in page
    assert "a&lt;b&gt;&amp;" in page
    images, labels = sample.test
    predicted = written_out(reports / NAME, images)
    buttons = re.findall(r'<button[^>]*data-cell="(\d)-(\d)"[^>]*>(\d+)</button>', page)
    counts = numpy.array([int(count) for _, _, count in buttons]).reshape(10, 10)
    assert (counts == confusion_matrix(labels, predicted)).all()
    rows = re.findall(r'<tr><th scope="row">([\w -]+)</th>((?:<td>[\d.,]+</td>){4})</tr>', page)
    scores = numpy.array([re.findall(r"[\d.]+", cells.replace(",", "")) for _, cells in rows])
    assert tuple(name for name, _ in rows) == CLASSES
    oracle = numpy.transpose(precision_recall_fscore_support(labels, predicted, zero_division=0))
    assert scores.astype(float) == pytest.approx(oracle, abs=5.1e-5)
    for sha256 in sample.sha256.values():
        assert sha256 in page
    cells = json.loads(re.search(r"application/json\">(.*?)</script>", page)[1])
    for cell, behind in cells.items():
        label, guess = map(int, cell.split("-"))
        assert len(behind) == min(40, counts[label, guess])
        numbers = [number for _, _, number, _ in behind]
        assert (labels[numbers] == label).all()
        assert (predicted[numbers] == guess).all()


def test_a_file_is_replaced_only_with_force(call, reports, tmp_path):
    folder, path = reports / NAME, tmp_path / "report.html"
    path.write_text("mine")
    call(*REPORT, folder, code=1)
    assert path.read_text() == "mine"
    assert call(*REPORT, folder, "--force").stdout == "report.html\n"
    assert path.read_bytes() == (reports / "one.html").read_bytes()
    (tmp_path / "dangling").symlink_to("nowhere")
    result = call(*REPORT, folder, "-o", "dangling", code=1)
    assert result.stderr == (
        "python -m d2l_mlp.report: error: dangling exists; name another file with -o, or replace "
        "it with --force\n"
    )


def test_runs_side_by_side(reports):
    text = (reports / "three.html").read_text("utf-8")
    assert re.search(r"other</th><td>2</td>\s*<td>\d\.\d{4} ± 0\.\d{4}</td>", text)
    heads = re.findall(r'<th scope="col">([\w ]+)</th>', text.split("</thead>")[0])
    assert heads == [
        "run", "hidden", "activation", "dropout", "epochs", "seed", "epochs done", "test loss",
        "test accuracy",
    ]  # fmt: skip


def cells_of(page, head):
    """Return the texts of the cells in the rows of a page that begin with a head."""
    rows = re.findall(rf'<th scope="row">{re.escape(head)}</th>(.*?)</tr>', page, re.DOTALL)
    return [re.findall(r"<td>(.*?)</td>", row) for row in rows]


def test_its_numbers_are_those_of_the_inspection(reports, sample, tmp_path):
    run = load_run(reports / NAME)
    first, last = run.history
    run = run._replace(history=(first._replace(val_accuracy=0.99), last))
    write_report(tmp_path / "page", [run], {"sample": sample})
    page, found = (tmp_path / "page").read_text("utf-8"), inspect_run(run, sample)
    scores = found.evaluation
    head = rf"accuracy\s+<strong>{scores.accuracy:.4f}</strong>, loss {scores.loss:.4f}\s"
    assert re.search(head, page)
    assert "The best epoch by test accuracy is 1, with the accuracy 0.9900." in page
    for m in run.history:
        losses = (m.train_loss, m.train_accuracy, m.val_loss, m.val_accuracy)
        shown = [*(f"{x:.4f}" for x in losses), f"{m.seconds:.2f}", f"{m.learning_rate:.3g}"]
        assert shown in cells_of(page, str(m.epoch))
    (layer,) = found.layers
    measured = cells_of(page, "1")[-1]
    assert measured[:3] == [
        "32", f"{layer.dead} ({layer.dead / 0.32:.1f} %)", f"{100 * layer.active.mean():.1f} %",
    ]  # fmt: skip
    assert measured[4:] == [f"{layer.mean:.3f}", f"{layer.std:.3f}"]
    bars = re.search(r"from never to always: ([\d, ]+)", measured[3])[1]
    tenths = numpy.minimum(layer.active * 10, 9).astype(int)
    assert bars == ", ".join(map(str, numpy.bincount(tenths, minlength=10)))
    shares = re.findall(r"--share:([\d.]+)", page)
    expected = found.matrix / numpy.bincount(found.labels)[:, None]
    assert [float(x) for x in shares] == pytest.approx(expected.flatten().tolist(), abs=5.1e-4)
    for behind in json.loads(re.search(r"application/json\">(.*?)</script>", page)[1]).values():
        assert all(c == pytest.approx(found.confidence[n], abs=5.1e-5) for *_, n, c in behind)
    mistakes = found.mistakes()
    assert f"Of {len(mistakes)} wrong predictions, the 24 with the largest" in page
    assert re.findall(r'"test image (\d+)".*?<b>(.*?)</b> (.*?)<br>not (.*?)</span>', page) == [
        (str(n), CLASSES[found.predicted[n]], f"{found.confidence[n]:.3f}",
         CLASSES[found.labels[n]])
        for n in mistakes[:24]
    ]  # fmt: skip


def test_runs_are_compared_by_their_own_numbers(reports, sample):
    page = (reports / "three.html").read_text("utf-8")
    settings = {
        NAME: ["32", "relu", "0.1", "2", "0", "2"],
        "other": ["32", "relu", "0.1", "2", "1", "2"],
        "tanh": ["256 256", "tanh", "0.0", "1", "0", "1"],
    }
    losses, accuracies = [], []
    for name in settings:
        scores = inspect_run(load_run(reports / name), sample).evaluation
        shown = cells_of(page, html.escape(name).replace("&#x27;", "&#39;"))[0]
        assert shown == [*settings[name], f"{scores.loss:.4f}", f"{scores.accuracy:.4f}"]
        losses.append(scores.loss)
        accuracies.append(scores.accuracy)
    (spread,) = re.findall(r"other</th><td>2</td>\s*<td>(.*?)</td>\s*<td>(.*?)</td>", page)
    assert spread == tuple(
        f"{statistics.mean(x[:2]):.4f} ± {statistics.stdev(x[:2]):.4f}"
        for x in (losses, accuracies)
    )


def test_runs_have_different_names(reports, sample, tmp_path, monkeypatch):
    monkeypatch.chdir(reports / "other")
    run = load_run(Path())
    for folders, heads in (
        ([Path(), Path("../tanh")], ["other", "tanh"]),
        ([Path("a/r"), Path("b/r")], ["a/r", "b/r"]),
    ):
        runs = [run._replace(folder=folder) for folder in folders]
        runs[1] = runs[1]._replace(history=())  # which is still to come
        write_report(tmp_path / "page", runs, {"sample": sample})
        page = (tmp_path / "page").read_text("utf-8")
        assert re.findall(r"<h2[^>]*-name\">(.*?)</h2>", page) == heads
        assert f'aria-label="Loss and accuracy by epoch of {heads[0]}"' in page


def test_train_writes_it_whatever_the_name(call, tmp_path):
    name = os.fsdecode(b"r\xff\n")  # no UTF-8
    call(*TRAIN, "--report", "--out", name)
    page = (tmp_path / name / "report.html").read_text("utf-8")
    assert r"r\udcff\n" in page
    assert "After epoch 2 of 2" in page
    call("-m", "d2l_mlp.train", "--resume", name, "--epochs", 3, "--report")
    assert "After epoch 3 of 3" in (tmp_path / name / "report.html").read_text("utf-8")


def test_a_run_before_its_first_epoch_and_softmax_regression(call, tmp_path, sample):
    call(*SAMPLE, "--hidden", "--epochs", 1, "--out", "r")
    saved = load_run(tmp_path / "r")._replace(history=(), epoch=0)
    for name in "ab":
        write_report(tmp_path / name, [saved], {"sample": sample})
    page = (tmp_path / "a").read_text("utf-8")
    assert page == (tmp_path / "b").read_text("utf-8")
    assert "After epoch 0 of 1" in page
    assert "In the order of the classes." in page
    assert "Hidden layers" not in page
    assert "Learning curves" not in page.replace("Learning curves</caption>", "")


@pytest.fixture
def open_page(browser, tmp_path):
    """Open a file in the browser, and check that it requests nothing and logs nothing."""
    asked, said = [], []

    def open_page(path, width=1280, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield open_page
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []


@pytest.mark.browser
def test_choosing_a_cell_shows_its_images(open_page, reports):
    page = open_page(reports / "one.html")
    cells = json.loads(page.locator("script[type='application/json']").inner_text())
    chosen = max((key for key in cells if key[0] != key[2]), key=lambda key: len(cells[key]))
    button = page.locator(f"button[data-cell='{chosen}']")
    behind = page.locator(".behind")
    assert behind.locator("[role=img]").count() == 0
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator("button[aria-pressed=true]").count() == 1
    names = [image.get_attribute("aria-label") for image in behind.locator("[role=img]").all()]
    assert names == [f"test image {number}" for _, _, number, _ in cells[chosen]]
    assert behind.inner_text().startswith(button.get_attribute("aria-label"))
    for image in behind.locator("[role=img]").all():
        assert image.bounding_box()["width"] == 56
    # Two different images look different: each shows its own part of the sprite.
    assert behind.locator("[role=img]").nth(0).screenshot() != (
        behind.locator("[role=img]").nth(1).screenshot()
    )
    empty = next(f"{i}-{j}" for i in range(10) for j in range(10) if f"{i}-{j}" not in cells)
    page.locator(f"button[data-cell='{empty}']").click()
    assert behind.locator("[role=img]").count() == 0
    assert behind.inner_text().endswith(": 0")


@pytest.mark.browser
def test_the_keyboard_is_enough(open_page, reports):
    page = open_page(reports / "one.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("button[data-cell='0-0']").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.dataset.cell") == "2-0"
    page.keyboard.press("Enter")
    assert page.locator("button[data-cell='2-0']").get_attribute("aria-pressed") == "true"
    assert page.locator("button[tabindex='0']").count() == 1  # one stop for Tab, not a hundred
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") != "BUTTON"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("one", 400, "dark"),
        ("three", 1600, "light"),
        pytest.param("one", 1600, "light", marks=pytest.mark.slow),
        pytest.param("three", 400, "dark", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing_and_nothing_is_cut_off(open_page, reports, name, width, scheme):
    page = open_page(reports / f"{name}.html", width, scheme)
    page.locator("button[data-cell='6-0']").first.click()
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")  # all nodes of those alone
    assert len(found["passes"]) > 30
    problems = [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]]
    assert problems == []
    assert least_contrast(page) >= 4.5


# axe does not see through what lies below half transparent colours in a box that scrolls.
CONTRAST = """
const numbers = text => text.match(/[\\d.]+/g).map(Number);
const luminance = colour => colour.map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const page = numbers(getComputedStyle(document.body).backgroundColor).slice(0, 3);
Math.min(...[...document.querySelectorAll('.confusion button')].map(button => {
    const style = getComputedStyle(button);
    const [r, g, b, alpha = 1] = numbers(style.backgroundColor);
    const ground = [r, g, b].map((v, i) => alpha * v + (1 - alpha) * page[i]);
    const both = [numbers(style.color).slice(0, 3), ground].map(luminance).sort((a, b) => a - b);
    return (both[1] + 0.05) / (both[0] + 0.05);
}))
"""


def least_contrast(page):
    """Return the least contrast, by WCAG 2.2, in a cell of the confusion matrix."""
    return page.evaluate(CONTRAST)
