"""Examples as a net takes them: features made of images, and data that no loss exists for."""

from typing import Iterable, Optional, Union

import mxnet
import numpy
from mxnet import gluon, np

from d2l_mlp.runtime.device import device_of


def to_features(
    images: Union[numpy.ndarray, np.ndarray], device: Optional[mxnet.Context] = None
) -> np.ndarray:
    """Make the features that a net is given of images.

    Parameters
    ----------
    images : numpy.ndarray or mxnet.np.ndarray
        Grey values, uint8 of shape (n, 28, 28), or (28, 28) for one image.
    device : mxnet.Context, optional
        Where the features live; by default MXNet's current context.

    Returns
    -------
    mxnet.np.ndarray
        Divided by 255, float32 in [0, 1] of shape (n, 1, 28, 28): bit for bit those of the book's
        loaders.

    Raises
    ------
    ValueError
        If the images have another dtype or shape.
    """
    images = _numpy(images)
    if images.dtype != numpy.uint8 or images.shape[-2:] != (28, 28) or images.ndim not in (2, 3):
        raise ValueError(
            f"images are {images.dtype} of shape {images.shape}; give uint8, 0 to 255, "
            "of shape (n, 28, 28)"
        )
    X = np.array(images.reshape(-1, 1, 28, 28), dtype="uint8", ctx=device).astype("float32")
    X /= 255  # not times 1/255, which rounds otherwise: the book's loaders divide
    return X


def infer_shapes(net: gluon.Block, data_iter: Iterable) -> None:
    """Initialize those parameters of a net whose shapes wait for data, by running one example.

    Parameters
    ----------
    net : gluon.Block
        Initialized, perhaps without its input sizes; nothing is done if it has them all.
    data_iter : iterable
        Minibatches (X, y), of which the first is taken, unless it has them all as ``arrays``.
    """
    try:
        for parameter in net.collect_params().values():
            parameter.data()
    except gluon.parameter.DeferredInitializationError:
        X, _ = getattr(data_iter, "arrays", None) or next(iter(data_iter))
        net(X[:1].as_in_ctx(device_of(net)))


def check_data(net: gluon.Block, data_iter: Iterable) -> None:
    """Raise a ValueError that names the first example no loss can be computed for.

    Parameters
    ----------
    net : gluon.Block
        Tells, by its outputs, which labels there are; see `infer_shapes`.
    data_iter : iterable
        Minibatches (X, y). It is gone through once, unless it has them all as ``arrays``.

    Raises
    ------
    ValueError
        If a feature is not finite, or a label is not one of 0 to num_outputs - 1.
    """
    device = device_of(net)
    first = 0
    for X, y in _pieces(data_iter):
        X, y = _numpy(X), _numpy(y)
        finite = numpy.isfinite(X).reshape(len(X), -1).all(axis=1)
        if not finite.all():
            raise ValueError(
                f"example {first + finite.argmin()} has a feature that is NaN or infinite; "
                "clean the data or leave that example out"
            )
        num_outputs = net(np.array(X[:1], dtype=X.dtype, ctx=device)).shape[-1]
        known = numpy.isin(y, range(num_outputs))
        if not known.all():
            i = known.argmin()
            raise ValueError(
                f"example {first + i} has the label {y[i]}, but the net has {num_outputs} "
                f"outputs, for the labels 0 to {num_outputs - 1}; give it more, or mend the label"
            )
        first += len(y)


def _pieces(data_iter: Iterable) -> Iterable:
    """Give the data in pieces that are small enough to be copied."""
    arrays = getattr(data_iter, "arrays", None)
    if arrays is None:
        return data_iter
    X, y = arrays
    return ((X[i : i + 4096], y[i : i + 4096]) for i in range(0, len(y), 4096))


def _numpy(array: Union[numpy.ndarray, np.ndarray]) -> numpy.ndarray:
    return array.asnumpy() if hasattr(array, "asnumpy") else numpy.asarray(array)
