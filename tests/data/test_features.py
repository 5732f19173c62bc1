import re

import mxnet
import numpy
import pytest
from mxnet import np

from d2l_mlp.data.loaders import to_features

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
    says = f"images are {array.dtype} of shape {array.shape}; give uint8, 0 to 255, of shape (n, 28"
    with pytest.raises(ValueError, match=f"^{re.escape(says)}"):
        to_features(images)
