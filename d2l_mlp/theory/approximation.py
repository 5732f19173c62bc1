"""Nets set by hand that show what width and what depth can do.

Chapter, section "From Linear to Nonlinear": one wide hidden layer is enough to approximate any
function, and several narrow ones can do with far fewer units.
"""

from __future__ import annotations

from typing import Callable

import numpy
from mxnet import np
from mxnet.gluon import nn

from d2l_mlp.data.checks import to_numpy
from d2l_mlp.rules import check_integer
from d2l_mlp.theory.piecewise_linear import check_interval
from d2l_mlp.theory.weights import relu_net


def approximate(
    f: Callable[[np.ndarray], np.ndarray], lo: float, hi: float, num_hidden: int
) -> nn.Sequential:
    r"""Build a ReLU net of one hidden layer that interpolates a function; no training.

    Universal approximation: each hidden unit is :math:`\mathrm{ReLU}(x - x_i)`, which bends the
    net's output at the knot :math:`x_i` and nowhere else. Its output weight is the change of
    slope there. For an f with a second derivative the error is at most
    :math:`\max |f''| (hi - lo)^2 / (8 n^2)` with :math:`n` hidden units.

    Parameters
    ----------
    f : callable
        Maps an array of shape (n,) elementwise to one of that shape; it is called once, with the
        ``num_hidden + 1`` equidistant knots from `lo` to `hi`, in float64.
    lo, hi : float
        The interval. To its left the net is constant; to its right its last piece continues.
    num_hidden : int
        Hidden units, at least 1.

    Returns
    -------
    gluon.nn.Sequential
        Of 1 input and 1 output, in float64; equal to f at the knots and straight between them.

    Raises
    ------
    ValueError
        If `num_hidden` is not a positive integer, lo and hi are not finite, in order, and so far
        apart that rounding leaves the knots distinct, or f is not finite at every knot.

    Examples
    --------
    >>> net = approximate(np.square, 0, 4, 4)  # knots at 0, 1, 2, 3, 4
    >>> net(np.array([[3.0], [3.5]], dtype="float64"))[:, 0]
    array([ 9. , 12.5], dtype=float64)
    """
    check_integer("num_hidden", num_hidden)
    check_interval(lo, hi, num_hidden)
    x = numpy.linspace(lo, hi, num_hidden + 1)
    y = to_numpy(f(np.array(x, dtype="float64")))
    if y.shape != x.shape or not numpy.isfinite(y).all():
        raise ValueError(
            f"f gives {y} for the knots {x}; give a function that is finite on all of the interval"
        )
    bends = numpy.diff(numpy.diff(y) / numpy.diff(x), prepend=0.0)
    return relu_net([(numpy.ones((num_hidden, 1)), -x[:-1]), (bends[None], y[:1])])


def sawtooth(depth: int) -> nn.Sequential:
    """Build a narrow and deep ReLU net that goes up and down between 0 and 1 on [0, 1].

    Deeper rather than wider: two units form the tooth ``2 relu(x) - 4 relu(x - 1/2)``, from 0 to
    1 and back. Each further layer applies it to the layer before and so doubles the teeth: 2 **
    depth straight pieces, from 2 * depth hidden units. A net of one hidden layer needs 2 ** depth
    - 1 of them, because each bends its output once. Telgarsky 2016, arXiv:1602.04485.

    Parameters
    ----------
    depth : int
        Hidden layers, at least 1; each has 2 units.

    Returns
    -------
    gluon.nn.Sequential
        Of 1 input and 1 output, in float64.

    Raises
    ------
    ValueError
        If `depth` is not a positive integer.
    """
    check_integer("depth", depth)
    bias, tooth = [0, -0.5], [[2, -4]]
    layers = [([[1], [1]], bias)]
    layers += [(tooth * 2, bias)] * (depth - 1)
    return relu_net([*layers, (tooth, [0])])
