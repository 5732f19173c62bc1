"""Refuse examples on which MXNet computes wrong numbers without a word, or dies.

MXNet clips labels that are out of range, cuts 0.9 down to 0, compares labels of shape (n, 1) with
all n predictions, and computes with NaN; an array without rows ends the process. Each gets a line
that names the example, the value and the fix.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Union

import mxnet
import numpy
from mxnet import autograd, gluon, np

from d2l_mlp.hardware.devices import device_of

Array = Union[numpy.ndarray, np.ndarray]

_AT_ONCE = 4096  # examples copied to be looked at
_IMAGES = ((28, 28), (1, 28, 28), (28, 28, 1), (784,))


def to_numpy(array: Any) -> numpy.ndarray:
    """Return an array on the host, NumPy's own uncopied; a ValueError if some of it is masked."""
    if isinstance(array, numpy.ma.MaskedArray) and array.mask.any():
        raise ValueError("the array has masked values; fill them in, or leave their rows out")
    return array.asnumpy() if hasattr(array, "asnumpy") else numpy.asarray(array)


def check_float(dtype: Any) -> None:
    """Raise a ValueError if features are of a dtype that no net takes."""
    dtype = numpy.dtype(dtype)
    if dtype.kind != "f":
        raise ValueError(
            f"features are {dtype}; give floats: of images to_features(images), of others "
            "X.astype('float32')"
        )


def check_labels(y: Array, num_classes: int | None = None, first: int = 0) -> None:
    """Raise a ValueError if labels are not one whole number per example, 0 to num_classes - 1.

    Floats with whole numbers are labels too. `first` is the number of the first example. Without
    `num_classes`, labels go up to what int32 holds.
    """
    y = to_numpy(y)
    if y.ndim != 1:
        one_hot = y.ndim > 1 and y[:1].size > 1
        fix = "of one-hot rows that is y.argmax(axis=1)" if one_hot else "y.reshape(-1)"
        raise ValueError(f"labels have the shape {y.shape}; give one integer an example: {fix}")
    if y.dtype.kind not in "iuf":
        raise ValueError(f"labels are {y.dtype}; give integers, such as y.astype('int32')")
    most = (num_classes or 2**31) - 1
    is_integer = y.dtype.kind in "iu"
    holds = numpy.iinfo(y.dtype).max if is_integer else 2 ** (numpy.finfo(y.dtype).nmant + 1)
    if num_classes and holds < most:
        raise ValueError(
            f"labels are {y.dtype}, too small for {num_classes} classes; give y.astype('int32')"
        )
    # float64, because float16 cannot hold `most`
    right = (y == numpy.floor(y)) & (y >= 0) & (y.astype("float64") <= most)
    if not right.all():
        i = right.argmin()
        raise ValueError(
            f"example {first + i} has the label {y[i]!s}; give whole numbers from 0 to {most}"
            + (f", as there are {num_classes} classes" if num_classes else "")
        )


def check_features(X: Array, first: int = 0, dtype: str | None = None) -> None:
    """Raise a ValueError if features have no rows, no float dtype, NaN, or pixels up to 255.

    `first` is the number of the first example, `dtype` what the features become.
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
            raise ValueError(
                f"example {first + start + i} has a feature that is NaN, infinite or too large for "
                f"{dtype or X.dtype} ({piece[(i, *where)]}); clean the data or leave it out"
            )
    images = to_numpy(X[:16])
    if X.shape[1:] in _IMAGES and 1 < images.max() <= 255 and (images == images.round()).all():
        raise ValueError(
            f"images have pixels up to {images.max():.0f}; give pixels from 0 to 1: of the uint8 "
            "images, to_features(images)"
        )


def check_inputs(net: gluon.Block, X: np.ndarray, first: int = 0) -> int:
    """Raise a ValueError if a net cannot take features; return its number of outputs.

    It is run on one example, which also initializes parameters whose shapes wait for data.
    """
    if not isinstance(X, np.ndarray):
        raise ValueError(
            f"features are a {type(X)}; give an array of mxnet.np, np.array(X, dtype='float32'), "
            "or an ArrayLoader"
        )
    check_features(X, first)
    parameter = _first_parameter(net)
    if parameter.dtype == "float16" and device_of(net).device_type == "cpu":
        raise ValueError("the net is float16, in which MXNet cannot compute on a CPU; cast it")
    if X.dtype != parameter.dtype:
        wanted = numpy.dtype(parameter.dtype)
        raise ValueError(
            f"features are {numpy.dtype(X.dtype)}, but the net is {wanted}; give "
            f"X.astype('{wanted}')"
        )
    try:
        with autograd.pause():
            shape = net(X[:1].as_in_ctx(device_of(net))).shape
    except mxnet.base.MXNetError:
        has, weight = math.prod(X.shape[1:]), parameter.shape
        if len(weight) == 2 and has != weight[1]:
            raise ValueError(
                f"example {first} has {has} features, but the net takes {weight[1]}; "
                f"give it as many, or build it for {has}"
            ) from None
        raise
    if len(shape) != 2:
        raise ValueError(
            f"the net makes outputs of shape {shape} of one example; "
            "let it end in a Dense layer, whose logits have the shape (n, num_outputs)"
        )
    return shape[1]


def check_data(net: gluon.Block, data_iter: Iterable[Any]) -> None:
    """Raise a ValueError if a net cannot be trained on minibatches (X, y), epoch after epoch.

    All are looked at; of our loaders, which have checked their features, only the labels. This
    gives the net its shapes, and begins no epoch of ours; another loader is gone through once.
    """
    if hasattr(data_iter, "__next__"):
        raise ValueError(
            f"the minibatches come from a {type(data_iter).__name__}, which gives them only once; "
            "give a list of them, or a loader"
        )
    minibatches = checked_minibatches(net, data_iter)
    if minibatches is not data_iter:
        for _ in minibatches:
            pass


def checked_minibatches(net: gluon.Block, data_iter: Any) -> Iterable[Any]:
    """Return the same minibatches, checked: our loaders' at once, others' one by one."""
    _first_parameter(net)
    if hasattr(data_iter, "first_example"):
        check_labels(data_iter.labels, check_inputs(net, data_iter.first_example))
        return data_iter
    return _checked(net, data_iter)


def _first_parameter(net: gluon.Block) -> gluon.Parameter:
    for parameter in net.collect_params().values():
        return parameter
    raise ValueError("the net has no parameters; add a layer that has some, such as Dense")


def _checked(
    net: gluon.Block, minibatches: Iterable[Any]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    first = 0
    for minibatch in minibatches:
        if not isinstance(minibatch, (list, tuple)) or len(minibatch) != 2:
            raise ValueError("a minibatch is not a pair (X, y); give a list of pairs, or a loader")
        X, y = minibatch
        num_outputs = check_inputs(net, X, first)
        if not isinstance(y, np.ndarray):
            raise ValueError(
                f"labels are a {type(y)}; give an array of mxnet.np, np.array(y, dtype='int32'), "
                "or an ArrayLoader"
            )
        if len(X) != len(y):
            raise ValueError(f"{len(X)} examples but {len(y)} labels; give each example one")
        check_labels(y, num_outputs, first)
        first += len(y)
        yield X, y
    if not first:
        raise ValueError("the data hold no example; give at least one minibatch")
