"""Where the data set is searched for; mostly a small one, which loads at once."""

import hashlib
import os

import pytest

from d2l_mlp.data import fashion_mnist as places
from d2l_mlp.data.fashion_mnist import SYSTEM_DIR, cache_dir, gluon_dir, load_fashion_mnist
from d2l_mlp.data.releases import CANONICAL, RELEASES, SAMPLE_DIR, DatasetError
from tests.conftest import without_permission


@pytest.fixture(autouse=True)
def no_system_package(monkeypatch, tmp_path):
    monkeypatch.setattr(places, "SYSTEM_DIR", tmp_path / "nowhere")


def copy(source, folder):
    folder.mkdir(parents=True)
    for path in source.glob("*-ubyte*"):
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Let files of three examples be the canonical ones, and return their folder."""
    folder, files = tmp_path / "small", []
    folder.mkdir()
    for file in CANONICAL:
        file = file._replace(num_items=3)
        content = file.header.ljust(file.size, b"\1")
        (folder / file.name).write_bytes(content)
        files.append(file._replace(sha256=hashlib.sha256(content).hexdigest()))
    monkeypatch.setitem(RELEASES, "fashion-mnist", tuple(files))
    return folder


def test_named_folder_comes_first(small, monkeypatch):
    copy(SAMPLE_DIR, cache_dir())
    before = sorted(small.iterdir())
    assert load_fashion_mnist(data_dir=small).folder == small
    assert sorted(small.iterdir()) == before  # nothing is written
    monkeypatch.setenv("D2L_MLP_DATA", str(small))
    assert load_fashion_mnist("fashion-mnist").folder == small
    assert load_fashion_mnist("sample").release == "sample"


def test_the_environment_names_the_dataset_that_auto_is(small, monkeypatch):
    copy(small, cache_dir())
    monkeypatch.setenv("D2L_MLP_DATASET", "sample")
    assert load_fashion_mnist().release == "sample"
    assert load_fashion_mnist("fashion-mnist").release == "fashion-mnist"
    monkeypatch.setenv("D2L_MLP_DATASET", "mnist")
    with pytest.raises(DatasetError, match="dataset 'mnist' is not known; choose auto"):
        load_fashion_mnist()


@pytest.mark.parametrize("place", [cache_dir, gluon_dir])
def test_folders_under_mxnet_home(small, place):
    folder = copy(small, place())
    data = load_fashion_mnist()
    assert data.folder == folder
    assert str(folder) in data.describe()


def test_wrong_files_are_passed_over_aloud(small, caplog):
    cache_dir().mkdir(parents=True)
    (wrong := cache_dir() / "train-images-idx3-ubyte").write_text("<html>")
    good = copy(small, gluon_dir())
    assert load_fashion_mnist().folder == good
    assert f"passed over: {wrong} starts with 3c68746d" in caplog.text


def test_sample_is_announced(caplog):
    data = load_fashion_mnist()
    assert len(data.train[1]) == 5_000
    assert len(data.test[1]) == 1_000
    (record,) = caplog.records
    for part in ("embedded sample", "5,000 training and 1,000 test", "apt-get install"):
        assert part in record.getMessage()
    assert "\n" not in record.getMessage()


def test_asked_for_the_sample_nothing_is_said(caplog):
    assert load_fashion_mnist("sample").release == "sample"
    assert caplog.text == ""


def test_full_set_never_falls_back():
    with pytest.raises(DatasetError, match=r"no mirror has the files.*apt-get install.*--data-dir"):
        load_fashion_mnist("fashion-mnist")


@pytest.mark.parametrize(
    ("dataset", "data_dir", "says"),
    [
        ("auto", "/nonexistent", "/nonexistent/train-images-idx3-ubyte.gz is missing.*apt-get"),
        ("auto", SAMPLE_DIR, "starts with 00000803, which is not train-images.*apt-get"),
        ("sample", "/data", "the sample is embedded"),
        ("auto", "", "the data's folder is empty text; name a folder, or leave it out"),
        ("auto", "~nobody-of-this-name/data", "~nobody-of-this-name/data/train-.* is missing"),
        ("auto", "x" * 300, r"x/train-images-idx3-ubyte.gz cannot be read \(File name too long\)"),
        ("mnist", None, "'mnist' is not known; choose auto, fashion-mnist, sample"),
    ],
)
def test_refused(dataset, data_dir, says):
    with pytest.raises(DatasetError, match=says):
        load_fashion_mnist(dataset, data_dir)


@pytest.mark.parametrize("layout", [".", "FashionMNIST/raw", "fashion-mnist"])
def test_layouts_of_other_libraries(small, tmp_path, layout):
    folder = copy(small, tmp_path / "datasets" / layout / "")
    assert load_fashion_mnist(data_dir=tmp_path / "datasets").folder == folder


def test_tilde_is_the_home(small, monkeypatch):
    monkeypatch.setenv("HOME", str(small.parent))
    assert load_fashion_mnist(data_dir="~/small").folder == small
    monkeypatch.setenv("D2L_MLP_DATA", "~/small")
    assert load_fashion_mnist().folder == small


def test_empty_variables_are_unset_ones(small, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("D2L_MLP_DATA", "D2L_MLP_DATASET", "D2L_MLP_MIRROR", "MXNET_HOME"):
        monkeypatch.setenv(name, "")
    folder = copy(small, tmp_path / ".mxnet" / "datasets" / "fashion-mnist")
    assert load_fashion_mnist().folder == folder
    monkeypatch.setenv("MXNET_HOME", "~/.mxnet")
    assert load_fashion_mnist().folder == folder


def test_an_unreadable_place_is_passed_over(full, monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(places, "SYSTEM_DIR", SYSTEM_DIR)
    monkeypatch.setenv("MXNET_HOME", str(tmp_path))
    with without_permission(tmp_path):
        assert load_fashion_mnist().folder == SYSTEM_DIR
        monkeypatch.delenv("MXNET_HOME")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert load_fashion_mnist().folder == SYSTEM_DIR
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 4  # our folder and Gluon's, twice
    for line in lines:
        assert line.startswith(f"passed over: {tmp_path}")
        assert line.endswith("/train-images-idx3-ubyte.gz cannot be read (Permission denied)")


@pytest.mark.parametrize(
    ("home", "says"),
    [
        ("x" * 300, "File name too long"),
        ("loop", "Too many levels of symbolic links"),
        ("file", None),  # nothing can be below it
        ("missing", None),
    ],
)
def test_an_impossible_place_is_passed_over(monkeypatch, tmp_path, caplog, home, says):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MXNET_HOME", str(tmp_path / home))
    assert load_fashion_mnist().release == "sample"
    assert (f"cannot be read ({says})" in caplog.text) == bool(says)


def test_a_user_without_a_home(full, monkeypatch, tmp_path, caplog):
    monkeypatch.delenv("MXNET_HOME")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 54321)  # who is not in the list of users
    monkeypatch.setattr(places, "SYSTEM_DIR", SYSTEM_DIR)
    assert load_fashion_mnist().folder == SYSTEM_DIR
    assert {record.getMessage() for record in caplog.records} == {
        "passed over: ~/.mxnet is nowhere: there is no such home (HOME is not set)"
    }
    monkeypatch.setattr(places, "SYSTEM_DIR", tmp_path / "nowhere")
    assert load_fashion_mnist().release == "sample"
    assert "~/.mxnet is nowhere" in caplog.records[-1].getMessage()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match=r"~/.mxnet is nowhere.*apt-get install"):
        load_fashion_mnist("fashion-mnist")
    assert list(tmp_path.iterdir()) == []
