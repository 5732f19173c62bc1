import gzip
import hashlib
import inspect
import random
import shutil
import tracemalloc
import zlib

import numpy
import pytest
from mxnet.gluon.data.vision import datasets

from d2l_mlp.data.fashion_mnist import read_release
from d2l_mlp.data.releases import (
    CANONICAL,
    KNOWN_FOREIGN,
    SAMPLE,
    SAMPLE_DIR,
    DatasetError,
    read_verified_file,
)  # fmt: skip
from d2l_mlp.data.sample import make
from tests.damage import damage
from tests.mirror import PUBLISHED, published

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.fixture
def folder(tmp_path):
    """A copy of the sample, to be damaged."""
    for file in SAMPLE:
        shutil.copy(SAMPLE_DIR / f"{file.name}.gz", tmp_path)
    return tmp_path


def content(name):
    return gzip.decompress((SAMPLE_DIR / f"{name}.gz").read_bytes())


def test_decompressed_files_are_read_too(folder, sample):
    for file in SAMPLE:
        (folder / f"{file.name}.gz").unlink()
        (folder / file.name).write_bytes(content(file.name))
    assert (read_release(folder, "sample").train[0] == sample.train[0]).all()


def flip(raw, position):
    return raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]


@pytest.mark.parametrize(
    ("name", "damage", "says"),
    [
        (IMAGES, lambda raw: raw[:-100], "is a truncated gzip file"),
        (LABELS, lambda raw: raw[:5], "is a truncated gzip file"),
        (IMAGES, lambda raw: flip(raw, len(raw) // 2), "is a corrupt gzip file"),
        (LABELS, lambda raw: flip(raw, len(raw) - 6), "is a corrupt gzip file"),
        (LABELS, lambda raw: b"", "starts with nothing, which is not"),
        (LABELS, lambda raw: b"<html>502", "starts with 3c68746d, which is not"),
        (LABELS, lambda raw: gzip.compress(content(IMAGES)[:60_000]), "starts with 00000803"),
        (LABELS, lambda raw: gzip.compress(content(IMAGES), 1), "has more than 70,544 bytes"),
        (LABELS, lambda raw: content(LABELS)[:-1], "has less than 5,008 bytes"),
        (LABELS, lambda raw: content(LABELS) + b"\0", "has more than 5,008 bytes"),
        (LABELS, lambda raw: flip(content(LABELS), 7), "starts with 00000801, which is not"),
        (LABELS, lambda raw: flip(content(LABELS), 2000), "has another SHA-256"),
        (IMAGES, lambda raw: flip(content(IMAGES), 2000), "has another SHA-256"),
    ],
)  # fmt: skip
def test_damaged_file_is_named(folder, name, damage, says):
    path = folder / f"{name}.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetError) as caught:
        read_release(folder, "sample")
    message = str(caught.value)
    assert message.startswith(f"{path} {says}")
    assert message.endswith(f"expected {name} with 5,000 items")
    assert "\n" not in message


def test_missing_file_is_named(folder):
    path = folder / f"{LABELS}.gz"
    path.unlink()
    with pytest.raises(DatasetError, match=f"{path} is missing"):
        read_release(folder, "sample")


@pytest.mark.parametrize("kind", ["superseded release of August 2017", "MNIST, the handwritten"])
def test_files_of_other_sets_under_these_names(folder, monkeypatch, kind):
    # Those files cannot be had any more. What Gluon's tables say of them is in Gluon's source;
    # here, that a file on the table is called what the table calls it.
    raw = gzip.compress(flip(content(LABELS), 2000))
    (folder / f"{LABELS}.gz").write_bytes(raw)
    name = next(value for value in KNOWN_FOREIGN.values() if kind in value)
    monkeypatch.setitem(KNOWN_FOREIGN, hashlib.sha1(raw).hexdigest(), name)
    with pytest.raises(DatasetError, match=f"is of .*{kind}"):
        read_release(folder, "sample")


@pytest.mark.parametrize("compressed", [True, False])
def test_every_file_damaged_at_random(tmp_path, fuzz_size, compressed):
    outcomes = {"whole": 0, "refused": 0}
    contents = {file: content(file.name) for file in SAMPLE}
    for file, whole in contents.items():
        path = tmp_path / (f"{file.name}.gz" if compressed else file.name)
        raw = (SAMPLE_DIR / f"{file.name}.gz").read_bytes() if compressed else whole
        rand = random.Random(file.name)
        for _ in range(fuzz_size):
            path.write_bytes(damage(rand, raw, [contents[SAMPLE[0]], contents[SAMPLE[3]]]))
            try:
                found, error = read_verified_file(tmp_path, file), ""
            except DatasetError as refusal:
                found, error = None, str(refusal)
            outcomes["refused" if error else "whole"] += 1
            # What is accepted was damaged in gzip's header, or not at all.
            assert error.startswith(f"{path} ") if error else found == whole
            assert len(error.splitlines()) <= 1
    print(f"{fuzz_size} x {len(contents)} files: {outcomes}")
    assert outcomes["refused"] > 2 * fuzz_size


def test_gzip_bomb_is_not_unpacked(folder):
    squeeze = zlib.compressobj(9, wbits=31)
    bomb = b"".join(squeeze.compress(bytes(2**20)) for _ in range(64)) + squeeze.flush()
    (folder / f"{LABELS}.gz").write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(DatasetError, match="starts with 00000000"):
        read_release(folder, "sample")
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_links_are_followed(folder, tmp_path_factory, sample):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for path in folder.iterdir():
        (elsewhere / path.name).symlink_to(path)
    assert (read_release(elsewhere, "sample").train[0] == sample.train[0]).all()


def test_gzip_files_of_several_members_are_read_whole(folder, sample):
    for file in SAMPLE:
        whole = content(file.name)
        parts = [whole[:10], whole[10:10], whole[10:3000], whole[3000:]]
        (folder / f"{file.name}.gz").write_bytes(
            b"".join(gzip.compress(part, 1) for part in parts) + bytes(512)
        )
    assert (read_release(folder, "sample").train[0] == sample.train[0]).all()


@pytest.mark.parametrize("bad", [b"", b"<html>", b"\x1f\x8bno"], ids=["empty", "page", "torn"])
def test_a_bad_compressed_file_does_not_hide_a_right_plain_one(folder, bad):
    (folder / f"{LABELS}.gz").write_bytes(bad)
    (folder / LABELS).write_bytes(content(LABELS)[:-1])
    with pytest.raises(DatasetError, match=rf"{LABELS}\.gz (starts|is)"):
        read_release(folder, "sample")
    (folder / LABELS).write_bytes(content(LABELS))
    read_release(folder, "sample")


def test_canonical_release_as_published(full):
    # From the article and the repository: sizes, balance; and the first labels one sees there.
    for (images, labels), count in ((full.train, 60_000), (full.test, 10_000)):
        assert images.shape == (count, 28, 28)
        assert images.dtype == numpy.uint8
        assert labels.dtype == numpy.int32
        assert numpy.bincount(labels).tolist() == [count // 10] * 10
    assert full.train[1][:5].tolist() == [9, 0, 0, 3, 0]
    # Mean and deviation of the training pixels, as every tutorial quotes them.
    counts, values = numpy.bincount(full.train[0].ravel()), numpy.arange(256) / 255
    mean = numpy.average(values, weights=counts)
    deviation = numpy.average((values - mean) ** 2, weights=counts) ** 0.5
    assert (round(mean, 4), round(deviation, 4)) == (0.2860, 0.3530)


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


def test_sample_is_drawn_from_the_full_set(full):
    drawn = make.draw_sample(full)
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
    source = inspect.getsource(getattr(datasets, gluon).__init__)  # as Gluon wrote it
    kind = {"MNIST": "handwritten", "FashionMNIST": "superseded"}[gluon]
    hashes = [sha1 for sha1, name in KNOWN_FOREIGN.items() if kind in name]
    assert len(hashes) == 4
    assert all(sha1 in source for sha1 in hashes)
