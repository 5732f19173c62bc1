"""Refuse what MXNet takes in silence.

It clips labels that are out of range, computes with NaN, and accepts any number as a
hyperparameter: the result is a net that is wrong without a word.
"""

import math
from typing import Iterable

import numpy
from mxnet import gluon, np

from d2l_mlp.runtime.device import device_of
from d2l_mlp.runtime.rules import Number, check


def check_integer(name: str, value: int, least: int = 1) -> int:
    """Give a size or a count as an int; a ValueError if it is not one of at least `least`."""
    return check(name, value, Number(int, least=least))


def check_interval(lo: float, hi: float, resolution: float = 0.0) -> None:
    """Raise a ValueError if two numbers are not finite, in order, and apart by `resolution`."""
    if not resolution < hi - lo < math.inf:
        raise ValueError(f"the interval is {lo} to {hi}; give two finite numbers, the lower first")


def check_data(net: gluon.Block, data_iter: Iterable) -> None:
    """Raise a ValueError that names the first example no loss can be computed for.

    Parameters
    ----------
    net : gluon.Block
        Tells, by its outputs, which labels there are.
    data_iter : iterable
        Minibatches (X, y). It is gone through once, unless it has them all as ``arrays``.
    """
    device = device_of(net)
    first = 0
    for X, y in _pieces(data_iter):
        X, y = (a.asnumpy() if isinstance(a, np.ndarray) else a for a in (X, y))
        finite = numpy.isfinite(X).reshape(len(X), -1).all(axis=1)
        if not finite.all():
            raise ValueError(
                f"example {first + finite.argmin()} has a feature that is NaN or infinite; "
                "clean the data or leave that example out"
            )
        dtype = X.dtype if X.dtype.kind == "f" else "float32"
        num_outputs = net(np.array(X[:1], dtype=dtype, ctx=device)).shape[-1]
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
