import shutil

import pytest

from d2l_mlp.data import fashion_mnist
from d2l_mlp.data.canonical import SAMPLE_DIR
from d2l_mlp.data.fashion_mnist import cache_dir, load
from d2l_mlp.data.reader import DatasetError


@pytest.fixture(autouse=True)
def no_system_package(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion_mnist, "SYSTEM_DIR", tmp_path / "nowhere")


def copy(source, folder):
    folder.mkdir(parents=True)
    for path in source.glob("*.gz"):
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture
def full_copy(full, tmp_path):
    return copy(full.folder, tmp_path / "mine")


def test_named_folder_comes_first(full_copy, monkeypatch):
    copy(SAMPLE_DIR, cache_dir())
    assert load(data_dir=full_copy).folder == full_copy
    monkeypatch.setenv("D2L_MLP_DATA", str(full_copy))
    assert load("fashion-mnist").folder == full_copy
    assert load("sample").release == "sample"


def test_the_environment_names_the_dataset_that_auto_is(full, monkeypatch):
    copy(full.folder, cache_dir())
    monkeypatch.setenv("D2L_MLP_DATASET", "sample")
    assert load().release == "sample"
    assert load("fashion-mnist").release == "fashion-mnist"
    monkeypatch.setenv("D2L_MLP_DATASET", "mnist")
    with pytest.raises(DatasetError, match="dataset 'mnist' is not known; choose one of auto"):
        load()


@pytest.mark.parametrize("place", [cache_dir, fashion_mnist._gluon_dir])
def test_folders_under_mxnet_home(full, place):
    folder = copy(full.folder, place())
    data = load()
    assert data.folder == folder
    assert str(folder) in data.describe()


def test_wrong_files_are_passed_over_aloud(full, caplog):
    copy(SAMPLE_DIR, cache_dir())
    good = copy(full.folder, fashion_mnist._gluon_dir())
    assert load().folder == good
    assert f"passed over: {cache_dir()}/train-images-idx3-ubyte.gz announces 5000" in caplog.text


def test_sample_is_announced(caplog):
    data = load()
    assert len(data.train[1]) == 5_000
    assert len(data.test[1]) == 1_000
    (record,) = caplog.records
    for part in ("embedded sample", "5,000 training and 1,000 test", "apt-get install"):
        assert part in record.getMessage()
    assert "\n" not in record.getMessage()


def test_asked_for_the_sample_nothing_is_said(caplog):
    assert load("sample").release == "sample"
    assert caplog.text == ""


def test_full_set_never_falls_back():
    with pytest.raises(DatasetError, match=r"no mirror answered.*apt-get install.*--data-dir"):
        load("fashion-mnist")


@pytest.mark.parametrize(
    ("dataset", "data_dir", "says"),
    [
        ("auto", "/nonexistent", "/nonexistent/train-images-idx3-ubyte.gz is missing.*apt-get"),
        ("auto", SAMPLE_DIR, "announces 5000 x 28 x 28"),
        ("sample", "/data", "the sample is embedded"),
        ("mnist", None, "'mnist' is not known; choose one of auto, fashion-mnist, sample"),
    ],
)
def test_refused(dataset, data_dir, says):
    with pytest.raises(DatasetError, match=says):
        load(dataset, data_dir)


def test_one_missing_file(full_copy):
    (full_copy / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DatasetError, match=r"t10k-labels-idx1-ubyte\.gz is missing"):
        load(data_dir=full_copy)


def test_folder_is_not_written(full_copy):
    before = sorted(full_copy.iterdir())
    load(data_dir=full_copy)
    assert sorted(full_copy.iterdir()) == before
    shutil.rmtree(full_copy)
