import gzip
import hashlib

import numpy
import pytest

from d2l_mlp.data.releases import CANONICAL, KNOWN_FOREIGN, SAMPLE, SAMPLE_DIR
from d2l_mlp.data.sample import make
from tests.mirror import PUBLISHED, published


def test_canonical_release_as_published(full):
    # From the article and the repository: sizes, balance; and the first labels one sees there.
    for (images, labels), count in ((full.train, 60_000), (full.test, 10_000)):
        assert images.shape == (count, 28, 28)
        assert images.dtype == numpy.uint8
        assert labels.dtype == numpy.int32
        assert numpy.bincount(labels).tolist() == [count // 10] * 10
    assert full.train[1][:5].tolist() == [9, 0, 0, 3, 0]
    # Mean and deviation of the training pixels, as every tutorial quotes them.
    assert round(full.train[0].mean() / 255, 4) == 0.2860
    assert round(full.train[0].std() / 255, 4) == 0.3530


@pytest.mark.parametrize("file", CANONICAL, ids=lambda file: file.name)
def test_content_hashes_belong_to_the_published_files(full, file):
    raw = published(file.name)
    assert hashlib.md5(raw).hexdigest() == PUBLISHED[file.name][0]
    assert hashlib.sha256(gzip.decompress(raw)).hexdigest() == file.sha256


def test_sample_is_small_balanced_and_licensed(sample):
    assert sum(path.stat().st_size for path in SAMPLE_DIR.glob("*.gz")) < 3e6
    assert numpy.bincount(sample.train[1]).tolist() == [500] * 10
    assert numpy.bincount(sample.test[1]).tolist() == [100] * 10
    assert "Zalando SE" in (SAMPLE_DIR / "LICENSE").read_text()


def content(name):
    return gzip.decompress((SAMPLE_DIR / f"{name}.gz").read_bytes())


def test_sample_is_drawn_from_the_full_set(full):
    drawn = make.draw(full)
    assert {name: drawn[name] == content(name) for name in drawn} == {
        file.name: True for file in SAMPLE
    }


def test_sample_images_have_their_own_labels(full, sample):
    for part in ("train", "test"):
        label_of = dict(zip((i.tobytes() for i in getattr(full, part)[0]), getattr(full, part)[1]))
        images, labels = getattr(sample, part)
        assert [label_of[image.tobytes()] for image in images] == labels.tolist()


@pytest.mark.parametrize("gluon", ["MNIST", "FashionMNIST"])
def test_known_foreign_hashes_are_gluons(gluon):
    import inspect

    from mxnet.gluon.data.vision import datasets

    from d2l_mlp.data.d2l_loader import VerifiedFashionMNIST

    # The base: another test may have put our class into Gluon's place.
    original = {"MNIST": datasets.MNIST, "FashionMNIST": VerifiedFashionMNIST.__base__}[gluon]
    source = inspect.getsource(original.__init__)
    kind = {"MNIST": "handwritten", "FashionMNIST": "superseded"}[gluon]
    hashes = [sha1 for sha1, name in KNOWN_FOREIGN.items() if kind in name]
    assert len(hashes) == 4
    assert all(sha1 in source for sha1 in hashes)
