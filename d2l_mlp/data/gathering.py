"""Gather examples into a minibatch: on a CPU by NumPy, which does it in half of MXNet's time."""

from functools import partial
from typing import Callable, Optional, Union

import mxnet
import numpy
from mxnet import np

from d2l_mlp.runtime.host_memory import HostMemory, is_on_host


def gatherer(
    X: Union[numpy.ndarray, np.ndarray], device: mxnet.Context
) -> Callable[..., np.ndarray]:
    """Give a function that gathers examples.

    Parameters
    ----------
    X : numpy.ndarray or mxnet.np.ndarray
        NumPy's: grey images, uint8 of shape (n, 28, 28). MXNet's: features of shape (n, ...), or
        labels (n,).
    device : mxnet.Context
        Where `X` is, and the features that are gathered.

    Returns
    -------
    callable
        Maps the numbers of examples (m,) to their features: of images those that
        `d2l_mlp.data.features.to_features` makes, of shape (m, 1, 28, 28), bit for bit. On the host
        it may also be given the `HostMemory` of an array of m others, to be overwritten.
    """
    if isinstance(X, numpy.ndarray):
        return partial(_scale, X, device)
    if is_on_host(device):
        return partial(_copy, HostMemory(X), device)
    return lambda rows: X.take(np.array(rows, dtype="int32", ctx=device), axis=0)


def _scale(
    images: numpy.ndarray, device: mxnet.Context, rows: numpy.ndarray,
    out: Optional[HostMemory] = None,
) -> np.ndarray:  # fmt: skip
    if out is None:
        out = HostMemory(np.empty((len(rows), 1, 28, 28), ctx=device))
    pixels = images.take(rows, axis=0)[:, None]
    numpy.divide(pixels, 255, out=out.view(), dtype="float32")
    return out.array


def _copy(
    X: HostMemory, device: mxnet.Context, rows: numpy.ndarray, out: Optional[HostMemory] = None
) -> np.ndarray:
    if out is None:
        out = HostMemory(np.empty((len(rows), *X.array.shape[1:]), dtype=X.array.dtype, ctx=device))
    # The numbers are right; "clip" is how NumPy is told to write at once where it shall.
    X.view().take(rows, axis=0, out=out.view(), mode="clip")
    return out.array
