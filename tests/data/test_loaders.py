import numpy
import pytest
from d2l import mxnet as d2l
from mxnet import np
from mxnet.gluon.data import vision

from d2l_mlp.data.loaders import ArrayLoader, array_loaders, d2l_loaders, use_verified_data


@pytest.fixture(autouse=True)
def _gluon_as_it_was(monkeypatch):
    monkeypatch.setattr(vision, "FashionMNIST", vision.FashionMNIST)
    monkeypatch.setattr(vision.datasets, "FashionMNIST", vision.datasets.FashionMNIST)
    monkeypatch.setattr(d2l, "get_dataloader_workers", lambda: 0)


def collect(data_iter):
    X, y = zip(*((X.asnumpy(), y.asnumpy()) for X, y in data_iter))
    return numpy.concatenate(X), numpy.concatenate(y)


@pytest.mark.parametrize("make", [array_loaders, d2l_loaders])
def test_minibatches_are_as_the_book_has_them(sample, make):
    train_iter, test_iter = make(sample, 256)
    assert (len(train_iter), len(test_iter)) == (20, 4)
    batches = list(test_iter)
    assert [len(y) for X, y in batches] == [256, 256, 256, 232]
    X, y = batches[0]
    assert (X.shape, X.dtype, y.dtype) == ((256, 1, 28, 28), numpy.float32, numpy.int32)
    # The test set in its order, each pixel what NumPy's own division gives.
    X, y = collect(test_iter)
    images, labels = sample.test
    assert (X[:, 0] == images.astype("float32") / numpy.float32(255)).all()
    assert (y == labels).all()
    assert {0.0, 1.0} <= set(X.ravel().tolist())


def test_both_loaders_give_identical_examples_in_identical_order(sample):
    ours, theirs = (make(sample, 100, seed=7)[0] for make in (array_loaders, d2l_loaders))
    for _ in range(2):
        (X, y), (X_d2l, y_d2l) = collect(ours), collect(theirs)
        assert X.tobytes() == X_d2l.tobytes()
        assert y.tobytes() == y_d2l.tobytes()


@pytest.mark.parametrize("make", [array_loaders, d2l_loaders])
def test_order_depends_on_seed_and_epoch_alone(sample, make):
    def order(seed, epoch, disturb):
        data_iter = make(sample, 1000, seed)[0]
        numpy.random.seed(disturb)
        data_iter.epoch = epoch
        return collect(data_iter)[1].tolist()

    assert order(3, 5, disturb=0) == order(3, 5, disturb=1)
    labels = {tuple(order(*key, disturb=0)) for key in [(3, 5), (3, 6), (4, 5), (5, 3)]}
    assert len(labels) == 4


def test_each_epoch_has_every_example_once():
    X = numpy.arange(10, dtype="float32")[:, None]
    data_iter = ArrayLoader(X, numpy.arange(10), 4, seed=0)
    for _ in range(3):
        features, labels = collect(data_iter)
        assert sorted(labels) == list(range(10))
        assert (features[:, 0] == labels).all()
    assert data_iter.epoch == 3


def test_both_loaders_on_the_full_set(full):
    (X, y), (X_d2l, y_d2l) = (
        collect(make(full, 256, seed=1)[1]) for make in (array_loaders, d2l_loaders)
    )
    assert len(y) == 10_000
    assert (X_d2l == X).all()
    assert (y == y_d2l).all()


def test_one_call_makes_the_books_loaders_work(sample):
    use_verified_data(sample)
    train_iter, test_iter = d2l.load_data_fashion_mnist(500)
    assert (len(train_iter), len(test_iter)) == (10, 2)
    X, y = collect(test_iter)
    assert (X[:, 0] == sample.test[0].astype("float32") / numpy.float32(255)).all()
    assert d2l.get_fashion_mnist_labels(y[:1]) == [
        ["t-shirt", "trouser", "pullover", "dress", "coat",
         "sandal", "shirt", "sneaker", "bag", "ankle boot"][sample.test[1][0]]
    ]  # fmt: skip


@pytest.mark.skipif(not hasattr(d2l, "FashionMNIST"), reason="d2l 0.17 has no such class")
def test_one_call_makes_the_books_data_module_work(sample):
    use_verified_data(sample)
    data = d2l.FashionMNIST(batch_size=64)
    assert (len(data.train), len(data.val)) == (5_000, 1_000)
    data.num_workers = 0
    X, y = next(iter(data.val_dataloader()))
    assert (X.shape, X.dtype, y.dtype) == ((64, 1, 28, 28), numpy.float32, numpy.int32)


def test_gluons_own_interface_and_transform(sample):
    use_verified_data(sample)
    dataset = vision.FashionMNIST(train=False, transform=lambda image, label: (image, -label))
    image, label = dataset[3]
    assert isinstance(image, np.ndarray)
    assert (image.shape, image.dtype) == ((28, 28, 1), numpy.uint8)
    assert label == -sample.test[1][3]


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, True, "256", None])
@pytest.mark.parametrize("make", [array_loaders, d2l_loaders])
def test_bad_batch_size(sample, make, batch_size):
    with pytest.raises(ValueError, match="give an integer of at least 1"):
        make(sample, batch_size)


def test_lengths_have_to_agree():
    with pytest.raises(ValueError, match="3 examples but 2 labels"):
        ArrayLoader(numpy.zeros((3, 1), "float32"), numpy.zeros(2, "int32"), 1)
