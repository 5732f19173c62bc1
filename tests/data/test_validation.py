import numpy
import pytest

from d2l_mlp.data.loaders import hold_out


@pytest.mark.parametrize(("share", "each"), [(0.1, 50), (0.5, 250), (0.002, 1)])
def test_each_class_gives_its_share(sample, share, each):
    parts = hold_out(sample, share, seed=3)
    for (images, labels), count in ((parts.test, each), (parts.train, 500 - each)):
        assert (numpy.bincount(labels) == count).all()
        assert len(images) == len(labels) == 10 * count
    assert (parts.release, parts.sha256) == (sample.release, sample.sha256)


def test_nothing_is_lost_and_nothing_is_in_both(sample):
    parts = hold_out(sample, 0.3, seed=0)
    rows = [row.tobytes() for images, _ in (parts.train, parts.test) for row in images]
    assert sorted(rows) == sorted(row.tobytes() for row in sample.train[0])
    # In the old order, each image with its own label.
    label = {row.tobytes(): y for row, y in zip(*sample.train)}
    place = {row.tobytes(): i for i, row in enumerate(sample.train[0])}
    for images, labels in (parts.train, parts.test):
        assert [label[row.tobytes()] for row in images] == labels.tolist()
        places = [place[row.tobytes()] for row in images]
        assert places == sorted(places)


def test_the_seed_decides(sample):
    def held(seed):
        return hold_out(sample, 0.1, seed).test[0].tobytes()

    numpy.random.seed(1)
    first = held(5)
    assert first == held(5)
    assert first != held(6)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1e-9, 1 - 1e-9, float("nan"), "0.1"])
def test_refused(sample, share):
    with pytest.raises(ValueError, match=r"share (is|of) .*; give "):
        hold_out(sample, share, 0)
