import re

import numpy
import pytest
from mxnet import cpu, np

from d2l_mlp.data.d2l_loader import d2l_loaders
from d2l_mlp.data.loaders import ArrayLoader, array_loaders, hold_out, to_features
from tests.conftest import collect

IMAGES = numpy.arange(2 * 28 * 28).reshape(2, 28, 28).astype("uint8")


@pytest.mark.parametrize("images", [IMAGES, IMAGES[:1], IMAGES[1], IMAGES[:0]])
@pytest.mark.parametrize("make", [numpy.array, lambda images: np.array(images, dtype="uint8")])
def test_features_are_numpys_own_quotients(images, make):
    X = to_features(make(images))
    expected = images.reshape(-1, 1, 28, 28) / numpy.float32(255)
    assert isinstance(X, np.ndarray)
    assert (X.dtype, X.shape) == (numpy.float32, expected.shape)
    assert X.asnumpy().tobytes() == expected.astype("float32").tobytes()


def test_features_live_where_asked_for():
    assert to_features(IMAGES, cpu(1)).ctx == cpu(1)


def test_minibatches_live_where_asked_for(sample):
    arrays = np.ones((9, 2)), np.ones((9,), dtype="int32")
    loaders = [ArrayLoader(*arrays, 8, device=cpu(1)), *array_loaders(sample, 256, device=cpu(1))]
    with cpu(1):
        loaders.append(ArrayLoader(numpy.ones((9, 2)), numpy.ones(9), 8))
    for loader in loaders:
        assert {array.ctx for array in (*next(iter(loader)), *loader.arrays)} == {cpu(1)}


@pytest.mark.parametrize(
    "images",
    [
        IMAGES.astype("float32") / 255,
        IMAGES.astype("int32"),
        IMAGES > 100,
        IMAGES[:, :27],
        IMAGES[..., None],
        IMAGES[None],
        IMAGES.reshape(2, 784),
        IMAGES[0, 0],
        [[1, 2]],
    ],
)
def test_what_are_no_images(images):
    array = numpy.asarray(images)
    says = f"images are {array.dtype} of shape {array.shape}; give uint8, 0 to 255, of shape (n, 28"
    with pytest.raises(ValueError, match=f"^{re.escape(says)}"):
        to_features(images)


@pytest.mark.parametrize("make", [array_loaders, d2l_loaders])
def test_minibatches_are_as_the_book_has_them(sample, make):
    train_iter, test_iter = make(sample, 256)
    assert (len(train_iter), len(test_iter)) == (20, 4)
    batches = list(test_iter)
    assert [len(y) for X, y in batches] == [256, 256, 256, 232]
    X, y = batches[0]
    assert (X.shape, X.dtype, y.dtype) == ((256, 1, 28, 28), numpy.float32, numpy.int32)
    # The test set in its order, each pixel what NumPy's own division gives.
    X, y = collect(batches)
    images, labels = sample.test
    assert (X[:, 0] == images.astype("float32") / numpy.float32(255)).all()
    assert (y == labels).all()
    assert {0.0, 1.0} <= set(X.ravel().tolist())


def test_both_loaders_give_identical_examples_in_identical_order(sample):
    few = sample._replace(train=tuple(part[:1050] for part in sample.train))
    ours, theirs = (make(few, 100, seed=7)[0] for make in (array_loaders, d2l_loaders))
    for _ in range(2):
        (X, y), (X_d2l, y_d2l) = collect(ours), collect(theirs)
        assert X.tobytes() == X_d2l.tobytes()
        assert y.tobytes() == y_d2l.tobytes()


@pytest.mark.parametrize("make", [array_loaders, d2l_loaders])
def test_order_depends_on_seed_and_epoch_alone(sample, make):
    few = sample._replace(train=tuple(part[:100] for part in sample.train))

    loaders = {seed: make(few, 30, seed)[0] for seed in (3, 4, 5)}

    def order(seed, epoch, disturb):
        data_iter = loaders[seed]
        numpy.random.seed(disturb)
        data_iter.epoch = epoch
        return collect(data_iter)[1].tolist()

    assert order(3, 5, disturb=0) == order(3, 5, disturb=1)
    labels = {tuple(order(*key, disturb=0)) for key in [(3, 5), (3, 6), (4, 5), (5, 3)]}
    assert len(labels) == 4


def test_seed_0_shuffles_and_is_the_default(sample):
    few = sample._replace(train=tuple(part[:100] for part in sample.train))
    expected = few.train[1][numpy.random.RandomState([0, 0]).permutation(100)]
    for train_iter in (array_loaders(few, 100)[0], ArrayLoader(*few.train, 100, seed=0)):
        assert collect(train_iter)[1].tolist() == expected.tolist()


@pytest.mark.parametrize("in_place", [False, True])
def test_each_epoch_has_every_example_once(in_place):
    X = numpy.arange(10, dtype="float32")[:, None]
    data_iter = ArrayLoader(X, numpy.arange(10), 4, seed=0)
    memory = {}
    for _ in range(3):
        features, labels = collect(data_iter.in_place(memory) if in_place else data_iter)
        assert sorted(labels) == list(range(10))
        assert (features[:, 0] == labels).all()
    assert data_iter.epoch == 3


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, True, "256", None])
@pytest.mark.parametrize("make", [array_loaders, d2l_loaders])
def test_bad_batch_size(sample, make, batch_size):
    with pytest.raises(ValueError, match="give an integer of at least 1"):
        make(sample, batch_size)


@pytest.mark.parametrize(
    ("X", "n", "says"),
    [
        (numpy.zeros((3, 1), "float32"), 2, "3 examples but 2 labels"),
        (
            numpy.zeros((0, 28, 28), "uint8"),
            0,
            r"shape \(0, 28, 28\); give .* at least one example",
        ),
    ],
)
def test_bad_examples(X, n, says):
    with pytest.raises(ValueError, match=says):
        ArrayLoader(X, numpy.zeros(n, "int32"), 8)


@pytest.mark.parametrize("num_parts", [1, 2, 3, 4])
@pytest.mark.parametrize(("n", "batch_size"), [(22, 9), (22, 10**20), (8, 4), (23, 22), (3, 1)])
@pytest.mark.parametrize("images", [False, True])
def test_parts_are_the_minibatches_of_one_process(num_parts, n, batch_size, images):
    X, y = numpy.random.RandomState(0).rand(n, 3).astype("float32"), numpy.arange(n)
    if images:
        X = numpy.random.RandomState(0).randint(0, 256, (n, 28, 28)).astype("uint8")
    whole = ArrayLoader(X, y, batch_size, seed=5)
    parts = [
        ArrayLoader(X, y, batch_size, seed=5, rank=rank, num_parts=num_parts)
        for rank in range(num_parts)
    ]
    for loader in parts:
        assert len(loader) == len(whole)
        assert loader.minibatch_size == whole.minibatch_size == min(batch_size, n)
    for epoch in range(2):
        shares = list(zip(*parts))  # as many minibatches from each, or the last would be missing
        order = numpy.random.RandomState([5, epoch]).permutation(n)
        minibatches = [order[start : start + batch_size] for start in range(0, n, batch_size)]
        assert len(shares) == len(minibatches) == len(list(whole))
        for rows, minibatch in zip(minibatches, shares):
            for rank, (X_part, y_part) in enumerate(minibatch):
                assert (y_part.asnumpy() == rows[rank::num_parts]).all()
                expected = X[rows[rank::num_parts]]
                if images:
                    expected = (expected / 255.0)[:, None].astype("float32")
                assert X_part.shape == expected.shape
                numpy.testing.assert_allclose(X_part.asnumpy(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rank": 2, "num_parts": 2}, "rank is 2; give 0 to 1"),
        ({"rank": -1}, "rank is -1; give an integer of at least 0"),
        ({"num_parts": 0}, "num_parts is 0; give an integer of at least 1"),
    ],
)
def test_bad_parts(options, says):
    with pytest.raises(ValueError, match=says):
        ArrayLoader(numpy.zeros((4, 1)), numpy.zeros(4, int), 4, **options)


@pytest.mark.parametrize("make", [array_loaders, d2l_loaders])
def test_every_loader_has_its_minibatch_size_and_all_examples_in_order(sample, make):
    train_iter, test_iter = make(sample, 2000)
    assert (train_iter.minibatch_size, test_iter.minibatch_size) == (2000, 1000)
    (X, y), (X_all, y_all) = collect(test_iter), test_iter.arrays
    assert isinstance(X_all, np.ndarray)
    assert X.tobytes() == X_all.asnumpy().tobytes()
    assert y.tobytes() == y_all.asnumpy().tobytes() == test_iter.labels.asnumpy().tobytes()
    assert X[:1].tobytes() == test_iter.first_example.asnumpy().tobytes()


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


def test_the_seed_decides_what_is_held_out(sample):
    first, again, other = (hold_out(sample, 0.1, s).test[0].tobytes() for s in (5, 5, 6))
    assert first == again != other


def test_what_is_held_out_is_the_same_in_every_version(sample):
    images, labels = sample.train
    random, held = numpy.random.RandomState([3, 2**32 - 1]), numpy.zeros(len(labels), bool)
    for label in range(10):
        held[random.choice(numpy.flatnonzero(labels == label), 50, replace=False)] = True
    assert (hold_out(sample, 0.1, seed=3).test[0] == images[held]).all()


@pytest.mark.parametrize("share", [0, 1, -0.1, 1e-9, 1 - 1e-9, float("nan"), "0.1"])
def test_bad_shares(sample, share):
    with pytest.raises(ValueError, match=r"share (is|of) .*; give "):
        hold_out(sample, share, 0)
