import numpy
import pytest
from d2l import mxnet as d2l
from mxnet import np
from mxnet.gluon.data import vision

from d2l_mlp.data import d2l_loader
from d2l_mlp.data.d2l_loader import d2l_loaders, use_verified_data
from d2l_mlp.data.releases import DatasetError
from tests.conftest import collect


@pytest.fixture(autouse=True)
def _no_choice_yet(monkeypatch):
    monkeypatch.setattr(d2l_loader, "_used", None)
    monkeypatch.setattr(d2l, "get_dataloader_workers", lambda: 0)


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


def test_without_a_call_the_data_is_searched_for(monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("D2L_MLP_DATASET", "sample")
    train_iter, _ = d2l.load_data_fashion_mnist(500)
    assert len(train_iter) == 10
    monkeypatch.setattr(d2l_loader, "_used", None)
    monkeypatch.setenv("D2L_MLP_DATASET", "fashion-mnist")
    monkeypatch.setenv("D2L_MLP_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match=r"^.* is missing; .*apt-get install .*D2L_MLP_DATA$"):
        d2l.load_data_fashion_mnist(500)


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


@pytest.mark.parametrize("batch_size", [100, "no batch size", 10**30])
def test_making_loaders_leaves_d2l_and_gluon_as_they_were(sample, batch_size):
    def patched():
        return d2l_loader._used, d2l.get_dataloader_workers

    before = patched()
    try:
        d2l_loaders(sample, batch_size)
    except ValueError:
        assert batch_size == "no batch size"
    assert patched() == before


def test_loading_leaves_numpys_generator_alone(sample):
    numpy.random.seed(9)
    expected = numpy.random.RandomState(9).rand(3)
    labels = sample.train[1][:500]
    few = sample._replace(train=(sample.train[0][:500], labels))
    train_iter, _ = d2l_loaders(few, 100, seed=3)
    found = [numpy.random.rand()]
    _, y = collect(train_iter)
    found.append(numpy.random.rand())
    _, y_next = collect(train_iter)
    found.append(numpy.random.rand())
    assert found == expected.tolist()
    for epoch, given in enumerate((y, y_next)):
        order = numpy.random.RandomState([3, epoch]).permutation(500)
        assert (given == labels[order]).all()
