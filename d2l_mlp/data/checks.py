"""Refuse examples that do not suit a net, before it is trained or tested on them."""

# DOC(data.arrays): Refuse features and labels that MXNet takes in silence, or dies of.
#
# DOC(data.arrays): It clips labels that are out of range, cuts 0.9 down to 0, compares labels of shape (n, 1) with all
# DOC(data.arrays): n predictions, and computes with NaN: the result is a number that is wrong without a word. An array
# DOC(data.arrays): without rows ends the process. Here each gets a line that names the example, the value and the
# DOC(data.arrays): remedy.

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Union

import mxnet
import numpy
from mxnet import gluon, np

from d2l_mlp.hardware.devices import device_of


def check_dtype(has: Any, wanted: Any) -> None:
    """Raise a ValueError if features of one dtype are for a net of another."""
    check_float(has)
    has, wanted = numpy.dtype(has), numpy.dtype(wanted)
    if has != wanted:
        raise ValueError(f"features are {has}, but the net is {wanted}; give X.astype('{wanted}')")


def check_float(dtype: Any) -> None:
    """Raise a ValueError if features are of a dtype that no net takes."""
    dtype = numpy.dtype(dtype)
    if dtype.kind != "f":
        raise ValueError(
            f"features are {dtype}; give floats: of images to_features(images), of others "
            "X.astype('float32')"
        )


Array = Union[numpy.ndarray, np.ndarray]

_AT_ONCE = 4096  # examples copied to be looked at
_IMAGES = ((28, 28), (1, 28, 28), (28, 28, 1), (784,))


def check_labels(y: Array, num_classes: int | None = None, first: int = 0) -> None:
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


def check_features(X: Array, first: int = 0, dtype: str | None = None) -> None:
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


def check_inputs(net: gluon.Block, X: np.ndarray, first: int = 0) -> int:
    """Refuse features that a net cannot take, or that `check_features` refuses.

    Parameters
    ----------
    net : gluon.Block
        Initialized; maps features to logits (n, num_outputs). It is run on one example, which
        gives shapes to those parameters that still wait for data (see `infer_shapes`).
    X : mxnet.np.ndarray
        Features of shape (n, ...), of the net's dtype.
    first : int, default 0
        Number of the first example, in the message.

    Returns
    -------
    int
        num_outputs.

    Raises
    ------
    ValueError
        If the features are refused, or the net has no parameters or gives no logits.
    """
    if not isinstance(X, np.ndarray):
        raise ValueError(f"features are a {_name(X)}; give an mxnet.np.ndarray, or ArrayLoader")
    check_features(X, first)
    parameter = _first_parameter(net)
    check_dtype(X.dtype, parameter.dtype)
    try:
        shape = net(X[:1].as_in_ctx(device_of(net))).shape
    except mxnet.base.MXNetError as error:
        has, weight = math.prod(X.shape[1:]), parameter.shape
        if len(weight) == 2 and has != weight[1]:
            raise ValueError(
                f"example {first} has {has} features, but the net takes {weight[1]}; "
                f"give it as many, or build it for {has}"
            ) from None
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(f"the net cannot take features of shape {X.shape} ({reason})") from None
    if len(shape) != 2:
        raise ValueError(
            f"the net makes outputs of shape {shape} of one example; "
            "let it end in a Dense layer, whose logits have the shape (n, num_outputs)"
        )
    return shape[1]


def infer_shapes(net: gluon.Block, data_iter: Iterable) -> None:
    """Initialize those parameters of a net whose shapes wait for data, by running one example.

    Parameters
    ----------
    net : gluon.Block
        Initialized, perhaps without its input sizes; nothing is done if it has them all.
    data_iter : iterable
        Minibatches (X, y), of which the first is taken, be it of ``pieces()`` if it has them.

    Raises
    ------
    ValueError
        If the example is refused by `check_inputs`.
    """
    try:
        for parameter in net.collect_params().values():
            parameter.list_data()
    except gluon.parameter.DeferredInitializationError:
        for X, _ in _checked_minibatches(data_iter):
            check_inputs(net, X[:1])
            return


def check_data(net: gluon.Block, data_iter: Iterable) -> None:
    """Refuse data that a net cannot be trained or tested on, epoch after epoch.

    Parameters
    ----------
    net : gluon.Block
        Initialized; see `check_inputs`.
    data_iter : iterable
        Minibatches (X, y). It is gone through once, unless it gives all of them in ``pieces()``.

    Raises
    ------
    ValueError
        If there are no examples, one is refused by `check_inputs` or `check_labels`, or the data
        can be gone through only once.
    """
    if hasattr(data_iter, "__next__"):
        raise ValueError(
            f"the minibatches come from a {_name(data_iter)}, which gives them only once; "
            "give a list of them, or a loader"
        )
    for _ in _checked(net, _checked_minibatches(data_iter)):
        pass


def checked_minibatches(net: gluon.Block, data_iter: Iterable) -> Iterable:
    """Give the minibatches of data that are gone through once, refused as by `check_data`.

    Parameters
    ----------
    net : gluon.Block
        Initialized; see `check_inputs`.
    data_iter : iterable
        Minibatches (X, y); also a generator of them.

    Returns
    -------
    iterable
        The same minibatches. Those of a loader that gives all of them in ``pieces()`` are checked
        at once, others when their turn comes, which raises the ValueError then.
    """
    _first_parameter(net)
    if hasattr(data_iter, "pieces"):
        check_data(net, data_iter)
        return data_iter
    return _checked(net, data_iter)


def _first_parameter(net: gluon.Block) -> gluon.Parameter:
    for parameter in net.collect_params().values():
        return parameter
    raise ValueError("the net has no parameters; add a layer that has some, such as Dense")


def _checked(net: gluon.Block, minibatches: Iterable) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    first = 0
    for minibatch in minibatches:
        if not isinstance(minibatch, (tuple, list)) or len(minibatch) != 2:
            raise ValueError(f"a minibatch is a {_name(minibatch)}; give pairs (X, y)")
        X, y = minibatch
        num_outputs = check_inputs(net, X, first)
        if not isinstance(y, np.ndarray):
            raise ValueError(f"labels are a {_name(y)}; give an mxnet.np.ndarray, or ArrayLoader")
        if len(X) != len(y):
            raise ValueError(f"{len(X)} examples but {len(y)} labels; give each example one")
        check_labels(y, num_outputs, first)
        first += len(y)
        yield X, y
    if not first:
        raise ValueError("the data hold no example; give at least one minibatch")


def _checked_minibatches(data_iter: Iterable) -> Iterable:
    """Give the data so that no epoch begins: a loader's order goes on with each."""
    return data_iter.pieces() if hasattr(data_iter, "pieces") else data_iter


def _name(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__name__}".replace("builtins.", "")
