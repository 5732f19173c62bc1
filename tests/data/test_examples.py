import mxnet
import numpy
import pytest
from mxnet import gluon, np

from d2l_mlp.data.examples import infer_shapes, to_features
from d2l_mlp.data.loaders import ArrayLoader

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
    assert to_features(IMAGES, mxnet.cpu(1)).ctx == mxnet.cpu(1)


@pytest.mark.parametrize(
    "images",
    [
        IMAGES.astype("float32") / 255,
        IMAGES.astype("int32"),
        IMAGES > 100,
        IMAGES[:, :27],
        IMAGES[..., None],
        IMAGES.reshape(2, 784),
        IMAGES[0, 0],
        [[1, 2]],
    ],
)
def test_what_are_no_images(images):
    array = numpy.asarray(images)
    with pytest.raises(ValueError) as caught:
        to_features(images)
    assert str(caught.value) == (
        f"images are {array.dtype} of shape {array.shape}; give uint8, 0 to 255, "
        "of shape (n, 28, 28)"
    )


@pytest.mark.parametrize("as_list", [False, True])
def test_shapes_are_inferred_from_one_example(as_list):
    net = gluon.nn.Sequential()
    net.add(gluon.nn.Dense(4), gluon.nn.Dense(3))
    net.initialize()
    data_iter = ArrayLoader(numpy.ones((6, 5), "float32"), numpy.zeros(6), 2, seed=0)
    infer_shapes(net, list(data_iter) if as_list else data_iter)
    assert [p.shape for p in net.collect_params().values()] == [(4, 5), (4,), (3, 4), (3,)]
    assert data_iter.epoch == as_list
    infer_shapes(net, None)  # it has them: no data are looked at
