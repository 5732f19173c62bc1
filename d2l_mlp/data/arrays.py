"""Refuse features and labels that MXNet takes in silence, or dies of.

It clips labels that are out of range, cuts 0.9 down to 0, compares labels of shape (n, 1) with all
n predictions, and computes with NaN: the result is a number that is wrong without a word. An array
without rows ends the process. Here each gets a line that names the example, the value and the
remedy.
"""

from typing import Any, Optional, Union

import numpy
from mxnet import np

from d2l_mlp.runtime.dense_layers import check_float

Array = Union[numpy.ndarray, np.ndarray]

_AT_ONCE = 4096  # examples copied to be looked at
_IMAGES = ((28, 28), (1, 28, 28), (28, 28, 1), (784,))


def check_labels(y: Array, num_classes: Optional[int] = None, first: int = 0) -> None:
    """Refuse labels that are not one integer an example.

    Parameters
    ----------
    y : numpy.ndarray or mxnet.np.ndarray
        Of shape (n,): of any integer dtype, or of a float dtype with whole numbers in it.
    num_classes : int, optional
        The labels are 0 to num_classes - 1; without it, up to what int32 holds.
    first : int, default 0
        Number of the first example, in the message.

    Raises
    ------
    ValueError
        If they have another shape or dtype, or one is NaN, not whole or out of range.
    """
    y = to_numpy(y)
    if y.ndim != 1:
        one_hot = y.ndim > 1 and y[:1].size > 1
        remedy = "of one-hot rows that is y.argmax(axis=1)" if one_hot else "y.reshape(-1)"
        raise ValueError(f"labels have the shape {y.shape}; give one integer an example: {remedy}")
    if y.dtype.kind not in "iuf":
        raise ValueError(f"labels are {y.dtype}; give integers, such as y.astype('int32')")
    holds = (
        numpy.iinfo(y.dtype).max if y.dtype.kind in "iu" else 2 ** (numpy.finfo(y.dtype).nmant + 1)
    )
    most = (num_classes or 2**31) - 1
    if num_classes and holds < most:
        raise ValueError(
            f"labels are {y.dtype}, too small for {num_classes} classes; give y.astype('int32')"
        )
    whole = y == numpy.floor(y)
    if not whole.all():
        i = whole.argmin()
        raise ValueError(f"example {first + i} has the label {y[i]!s}; give whole numbers")
    known = (y >= 0) & (y.astype("float64") <= most)  # which float16 cannot hold
    if not known.all():
        i = known.argmin()
        has = f"example {first + i} has the label {y[i]!s}"
        if num_classes:
            raise ValueError(
                f"{has}, but there are {num_classes} classes, 0 to {most}; mend the label, or "
                "make room for more classes (num_outputs, in a net)"
            )
        raise ValueError(f"{has}; give labels from 0, of which int32 holds up to {2**31 - 1}")


def check_features(X: Array, first: int = 0, dtype: Optional[str] = None) -> None:
    """Refuse features that no net learns from.

    Parameters
    ----------
    X : numpy.ndarray or mxnet.np.ndarray
        Of shape (n, ...), neither of them 0, of a float dtype.
    first : int, default 0
        Number of the first example, in the message.
    dtype : str, optional
        What they become; by default they stay what they are.

    Raises
    ------
    ValueError
        If they have another shape or dtype, one is NaN, infinite or too large, or they are images
        whose pixels still go to 255.
    """
    if len(X.shape) < 2 or 0 in X.shape:
        raise ValueError(
            f"features have the shape {X.shape}; give (n, ...), of at least one example and one "
            "feature, such as X.reshape(-1, 1)"
        )
    check_float(X.dtype)
    for start in range(0, len(X), _AT_ONCE):
        piece = to_numpy(X[start : start + _AT_ONCE])
        with numpy.errstate(over="ignore"):
            finite = numpy.isfinite(piece if dtype is None else piece.astype(dtype, copy=False))
        if not finite.all():
            i, *where = numpy.argwhere(~finite)[0]
            value = piece[(i, *where)]
            wrong = f"too large for {dtype}" if numpy.isfinite(value) else "NaN or infinite"
            raise ValueError(
                f"example {first + start + i} has a feature that is {wrong} ({value}); clean the "
                "data or leave that example out"
            )
    images = to_numpy(X[:16])
    if X.shape[1:] in _IMAGES and 1 < images.max() <= 255 and (images == images.round()).all():
        i = images.reshape(len(images), -1).max(axis=1).argmax()
        raise ValueError(
            f"example {first + i} has a pixel of {images[i].max():.0f}; give pixels from 0 to 1: "
            "of the uint8 images, to_features(images)"
        )


def to_numpy(array: Any) -> numpy.ndarray:
    """Give an array, or what NumPy makes one of, on the host; NumPy's own is not copied."""
    return array.asnumpy() if hasattr(array, "asnumpy") else numpy.asarray(array)
