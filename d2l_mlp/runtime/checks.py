"""Refuse what MXNet takes in silence.

It clips labels that are out of range, computes with NaN, and accepts any number as a
hyperparameter: the result is a net that is wrong without a word.
"""

import math
from typing import Iterable

import numpy
from mxnet import gluon, np

from d2l_mlp.runtime.device import device_of


def check_integer(name: str, value: int, least: int = 1) -> None:
    """Raise a ValueError if a size or a count is not an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is {value!r}; give an integer of at least {least}")


def check_hyperparameters(num_epochs: int, lr: float, momentum: float, wd: float) -> None:
    """Raise a ValueError that names the first hyperparameter out of its range."""
    for name, value, holds, rule in (
        ("num_epochs", num_epochs, isinstance(num_epochs, int) and num_epochs > 0,
         "an integer of at least 1"),
        ("lr", lr, 0 < lr < math.inf, "a number greater than 0"),
        ("momentum", momentum, 0 <= momentum < 1, "a number of at least 0 and less than 1"),
        ("wd", wd, 0 <= wd < math.inf, "a number of at least 0"),
    ):  # fmt: skip
        if not holds:
            raise ValueError(f"{name} is {value!r}; give {rule}")


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
