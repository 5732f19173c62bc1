"""The command that predicts images, as a user starts it."""

import json
import os
from xml.etree import ElementTree

import numpy
import pytest
from PIL import Image

from d2l_mlp.data.releases import CLASSES
from d2l_mlp.runs.reader import load_run
from tests import commands
from tests.nets import written_out
from tests.processes import SAMPLE

PREDICT = ("-m", "d2l_mlp.predict")
PROG = "python -m d2l_mlp.predict"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("predict")
    flags = ("--hidden", 16, "--epochs", 2, "--dropout", 0.1, "--quiet", "--out", "run")
    commands.call(*SAMPLE, *flags, cwd=place)
    return place / "run"


@pytest.fixture
def pngs(tmp_path, sample):
    for i, image in enumerate(sample.test[0][:30]):
        Image.fromarray(image).save(tmp_path / f"{i:02}.png")
    return [f"{i:02}.png" for i in range(30)]


def test_images_of_the_test_set_get_the_label_that_the_run_gives_them(
    run, call, folder, pngs, sample, tmp_path
):
    labels = written_out(folder, sample.test[0][:30])
    lines = run(*PREDICT, folder, *pngs[:4], "--show", "out.png").stdout.splitlines()
    lines += call(*PREDICT, folder, *pngs[4:]).stdout.splitlines()
    assert [line.split(", ")[0].rsplit(" ", 1)[0] for line in lines] == [
        f"{name}: {CLASSES[label]}" for name, label in zip(pngs, labels)
    ]
    result = json.loads(call(*PREDICT, folder, *pngs, "--json", "--as-is").stdout)
    assert result["epoch"] == 2
    assert [one["label"] for one in result["predictions"]] == labels.tolist()
    for one in result["predictions"]:
        assert list(one["probabilities"]) == list(CLASSES)
        values = list(one["probabilities"].values())
        assert sum(values) == pytest.approx(1, abs=1e-6)
        assert max(one["probabilities"], key=one["probabilities"].get) == one["class"]
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.height > picture.width  # four rows


def test_a_file_that_cannot_be_read_stops_no_other(call, folder, pngs, tmp_path):
    (tmp_path / "text.png").write_text("no image")
    Image.new("CMYK", (30, 30)).save(tmp_path / "ink.jpg")
    args = ("missing.png", pngs[0], "text.png", "ink.jpg", pngs[1])
    result = call(*PREDICT, folder, *args, "--show", "a.svg", code=1)
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == pngs[:2]
    assert result.stderr.splitlines() == [
        f"{PROG}: error: missing.png is missing",
        f"{PROG}: error: text.png is no image that Pillow reads",
        f"{PROG}: error: ink.jpg has the mode CMYK; save it as RGB or grey with 8 bits a channel",
    ]
    svg = (tmp_path / "a.svg").read_text()
    assert "<!-- 00.png -->" in svg
    assert "<!-- 01.png -->" in svg
    result = json.loads(call(*PREDICT, folder, *args, "--json", code=1).stdout)["predictions"]
    assert [one["image"] for one in result] == list(args)
    assert [one.get("error") for one in result][2] == "is no image that Pillow reads"


def test_names_from_outside_stay_in_their_line(call, folder, pngs, tmp_path):
    names = [b"a\nb.png: bag 1.000.png", b"\x1b[31m\x07.png", b"\xff.png"]
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("no image")
    for name, png in zip(names, pngs):
        (tmp_path / png).rename(tmp_path / "folder" / os.fsdecode(name))
    lines = call(*PREDICT, folder, "folder", "--show", "a.svg").stdout.splitlines()
    shown = ["\\x1b[31m\\x07.png", "a\\nb.png: bag 1.000.png", "\\udcff.png"]
    assert [line[: len(name) + 8] for line, name in zip(lines, shown)] == [
        f"folder/{name}:" for name in shown
    ]
    assert len(lines) == 3
    ElementTree.parse(tmp_path / "a.svg")
    result = call(*PREDICT, folder, "bad\x1b", "bad\nline", code=1)
    assert result.stderr.splitlines() == [
        f"{PROG}: error: bad\\x1b is missing", f"{PROG}: error: bad\\nline is missing",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["empty"], 2, "no file in the folder has the name of an image"),
        (["loop.svg", "--show", "loop.svg"], 2, "--show loop.svg would replace an image"),
        (["00.png", "--show", f"{'x' * 4000}.svg"], 1, "File name too long"),
    ],
    ids=["empty", "loop", "long"],
)
def test_odd_paths(call, folder, pngs, tmp_path, args, code, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop.svg").symlink_to("loop.svg")
    assert says in call(*PREDICT, folder, *args, code=code).stderr.splitlines()[-1]


def test_a_net_that_computes_no_numbers_predicts_and_measures_nothing(
    call, folder, pngs, monkeypatch
):
    def load(*args, **kwargs):
        run = load_run(*args, **kwargs)
        run.net[0].bias.set_data(run.net[0].bias.data() * 0 + numpy.inf)
        return run

    monkeypatch.setattr("d2l_mlp.runs.reader.load_run", load)
    for command in ((*PREDICT, folder, pngs[0]), ("-m", "d2l_mlp.evaluate", folder)):
        result = call(*command, "--json", code=1)
        assert result.stdout == ""
        assert "error: the net computes NaN or infinity" in result.stderr


def test_a_photograph_is_prepared_and_can_be_left_as_it_is(call, folder, sample, tmp_path):
    image = sample.test[0][numpy.flatnonzero(sample.test[1] == 1)[0]]  # a trouser
    large = numpy.kron(255 - image, numpy.ones((9, 9), "uint8"))
    Image.fromarray(numpy.pad(large, 60, constant_values=255)).save(tmp_path / "shop.jpg")
    assert call(*PREDICT, folder, "shop.jpg").stdout.startswith("shop.jpg: trouser ")
    assert not call(*PREDICT, folder, "shop.jpg", "--as-is").stdout.startswith("shop.jpg: trouser ")
