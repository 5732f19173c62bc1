import gzip
import hashlib

import pytest

from d2l_mlp.data import fashion_mnist as places
from d2l_mlp.data.fashion_mnist import SYSTEM_DIR, cache_dir, gluon_dir
from d2l_mlp.data.releases import KNOWN_FOREIGN, SAMPLE_DIR
from d2l_mlp.diagnosis.search import data


@pytest.fixture
def no_system_package(monkeypatch, tmp_path):
    monkeypatch.setattr(places, "SYSTEM_DIR", tmp_path / "nowhere")


def link(source, folder):
    folder.mkdir(parents=True)
    for path in source.glob("*.gz"):
        (folder / path.name).symlink_to(path)
    return folder


def test_the_first_right_place_is_used(full, no_system_package):
    link(full.folder, gluon_dir())
    found = [(finding.status, finding.text) for finding in data()]
    assert found == [
        ("ok", "our cache: absent"),
        ("ok", f"Gluon's folder: right, used ({gluon_dir()})"),
        ("ok", "system package: absent"),
    ]


def test_two_right_places(full):
    link(full.folder, cache_dir())
    first, _, last = data()
    assert ", used (" in first.text
    assert last.text == f"system package: right ({SYSTEM_DIR})"


def test_damaged_and_withdrawn_files_are_passed_over(full, no_system_package, monkeypatch):
    for folder in (cache_dir(), gluon_dir()):
        link(full.folder, folder)
    labels = "train-labels-idx1-ubyte.gz"
    for folder, raw in (
        (cache_dir(), (full.folder / labels).read_bytes()[:-9]),
        (gluon_dir(), gzip.compress(b"files that cannot be had any more")),
    ):
        (folder / labels).unlink()
        (folder / labels).write_bytes(raw)
    withdrawn = next(iter(KNOWN_FOREIGN.values()))
    monkeypatch.setitem(KNOWN_FOREIGN, hashlib.sha1(raw).hexdigest(), withdrawn)
    cache, gluon, system, network, sample = data()
    assert "is a truncated gzip file" in cache.text
    assert "is of the superseded release of August 2017" in gluon.text
    assert [cache.status, gluon.status, system.status] == ["note", "note", "ok"]
    assert network.status == "note"
    assert network.text.startswith("network: 127.0.0.1:9: Connection refused")
    assert sample.text.startswith("embedded sample: right, used (")


@pytest.mark.parametrize(
    ("dataset", "found"),
    [
        ("sample", [("ok", f"embedded sample: right, used ({SAMPLE_DIR})")]),
        (
            "mnist",
            [("fail", "dataset 'mnist' is not known; choose auto, fashion-mnist, sample")],
        ),
        (
            "fashion-mnist",
            [
                ("ok", "our cache: absent"),
                ("ok", "Gluon's folder: absent"),
                ("ok", "system package: absent"),
                ("fail", "network: 127.0.0.1:9: Connection refused"),
            ],
        ),
    ],
)
def test_the_data_set_that_the_environment_names(
    no_system_package, monkeypatch, tmp_path, dataset, found
):
    monkeypatch.setenv("D2L_MLP_DATASET", dataset)
    if dataset == "sample":  # which takes nothing else
        monkeypatch.setenv("D2L_MLP_DATA", str(tmp_path))
    assert [(finding.status, finding.text) for finding in data()] == found


def test_a_folder_that_is_named_has_to_be_right(full, monkeypatch, tmp_path):
    monkeypatch.setenv("D2L_MLP_DATA", str(tmp_path))
    (found,) = data()
    assert found.status == "fail"
    assert "train-images-idx3-ubyte.gz is missing" in found.text
    monkeypatch.setenv("D2L_MLP_DATA", str(full.folder))
    (found,) = data()
    assert (found.status, found.text) == ("ok", f"$D2L_MLP_DATA: right, used ({full.folder})")
