"""The value and the derivative of any elementwise function, by ``autograd.record``."""

from __future__ import annotations

from typing import Callable

import numpy
from mxnet import autograd, np
from mxnet.base import MXNetError

from d2l_mlp.activations import FLOATS

_BASE = 8


def value_and_grad(
    f: Callable[[np.ndarray], np.ndarray], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute ``y = f(x)`` and, for every element, its derivative ``dy/dx``.

    What the chapter does before it plots a derivative: ``x.attach_grad()``, ``y = f(x)`` under
    ``autograd.record()``, ``y.backward()``. That gives the gradient of ``y.sum()``, which is the
    derivative only if each element of `y` depends on its own element of `x` alone. This function
    makes sure of it. Gradients of other arrays, such as parameters in `f`, stay as they are.

    Parameters
    ----------
    f : callable
        Elementwise function of one array, built from differentiable MXNet operations.
    x : mxnet.np.ndarray
        Of any shape, float16, float32 or float64. It is left as it is, with any gradient
        attached to it.

    Returns
    -------
    y, grad : mxnet.np.ndarray
        Both of the shape of `x`, and `grad` of its dtype. MXNet computes them lazily.

    Raises
    ------
    TypeError
        If `x` is not an MXNet array of floats.
    ValueError
        If `f` does not return a float array of the shape of `x`, if MXNet cannot differentiate
        it, or if it is not elementwise.

    Notes
    -----
    The check costs one more backward pass for every factor of 8 in ``x.size`` (2 for 64
    elements, 7 for a million) and one synchronisation. It reads the derivative at `x`: an `f`
    that mixes elements only through steps, such as ``x * (x.mean() > 0)``, or only through
    ``detach`` passes, and what is returned is its elementwise derivative all the same.

    Examples
    --------
    >>> from mxnet import np
    >>> value_and_grad(lambda x: x * x, np.array([1.0, 2.0, 3.0]))
    (array([1., 4., 9.]), array([2., 4., 6.]))
    """
    if not isinstance(x, np.ndarray) or x.dtype.name not in FLOATS:
        raise TypeError(
            f"x must be an MXNet array of floats, not {_describe(x)}; "
            "convert it with mxnet.np.array(x, dtype='float32')"
        )
    x = x.copy()
    x.attach_grad()
    with autograd.record():
        y = f(x)
    if not isinstance(y, np.ndarray) or y.shape != x.shape or y.dtype.name not in FLOATS:
        raise ValueError(
            f"f is not elementwise: it maps {_describe(x)} to {_describe(y)}; "
            "differentiate a function that keeps the shape and returns floats"
        )
    try:
        (grad,) = autograd.grad(y, [x], retain_graph=True)
        elementwise = _is_elementwise(x, y, grad)
    except MXNetError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(f"MXNet cannot differentiate f at x: {reason}") from error
    if not elementwise:
        raise ValueError(
            "f is not elementwise: an element of its result depends on several elements of x, "
            "as in a softmax or a mean; use autograd.record and backward for such a function"
        )
    return y.detach(), grad


def _is_elementwise(x: np.ndarray, y: np.ndarray, grad: np.ndarray) -> bool:
    # Backpropagating a head v gives sum_i v_i dy_i/dx_j for every j. If only i = j counts, that
    # is v_j * grad_j; and bit for bit, when v is a power of two, because backpropagation is
    # linear in v. If other i count, it differs as soon as v_i does. So let v encode a digit of
    # the element's index at a time: any two elements differ in one of their digits.
    index = numpy.arange(x.size).reshape(x.shape)
    tiny = numpy.finfo(x.dtype).tiny  # what falls below it may be rounded or flushed to zero
    mixed = np.zeros((), dtype="int64")
    while index.any():
        index, digit = numpy.divmod(index, _BASE)
        v = np.array(0.5**digit, dtype=y.dtype)
        (scaled,) = autograd.grad(y, [x], v, retain_graph=True)
        # An infinite or undefined derivative speaks for itself.
        mixed = mixed + (np.isfinite(grad) * (np.abs(scaled - grad * v) > tiny)).sum()
    return mixed.item() == 0


def _describe(value: object) -> str:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if not isinstance(value, (np.ndarray, numpy.ndarray)):
        return kind
    return f"{kind} of {value.dtype.name} and shape {value.shape}"
