"""The pieces on which a ReLU net is linear.

Exercise 2: a multilayer perceptron that uses only ReLU or pReLU is a continuous piecewise linear
function. Of one input it consists of straight pieces, of two inputs of flat polygons. Here they are
computed from the weights and not by sampling.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy
from mxnet import gluon

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.theory.weights import Layer, read_layers

_EPS = float(numpy.finfo("float64").eps)


class PiecewiseLinear(NamedTuple):
    """A continuous piecewise linear function on an interval."""

    x: numpy.ndarray  # ends of the pieces, increasing, of shape (pieces + 1,)
    y: numpy.ndarray  # values there, of shape (pieces + 1, outputs)
    slopes: numpy.ndarray  # of shape (pieces, outputs)

    @property
    def breakpoints(self) -> numpy.ndarray:
        """Where the slope changes, of shape (pieces - 1,)."""
        return self.x[1:-1]

    def __call__(self, x: numpy.ndarray) -> numpy.ndarray:
        """Evaluate it at points of shape (n,) on its interval; return shape (n, outputs)."""
        lo, hi = self.x[0], self.x[-1]
        outside = ~((lo <= numpy.asarray(x)) & (numpy.asarray(x) <= hi))
        if outside.any():
            raise ValueError(
                f"x is {numpy.asarray(x)[outside][0]} at a point; the pieces are those from {lo} "
                f"to {hi}: give linear_pieces a wider interval"
            )
        return numpy.stack([numpy.interp(x, self.x, y) for y in self.y.T], axis=-1)


def linear_pieces(net: gluon.Block, lo: float, hi: float) -> PiecewiseLinear:
    """Find the pieces of a ReLU or pReLU net of one input.

    Layer by layer: if the layer's inputs are piecewise linear, so is every weighted sum of them,
    on the same pieces. The activation bends it where it crosses zero, and only there; so each
    piece is cut at the zeros inside it, and on each part the unit is either on or off.

    Parameters
    ----------
    net : gluon.Block
        What `d2l_mlp.theory.weights.read_layers` reads, of one input, any number of outputs, and no
        activation but ReLU and pReLU.
    lo, hi : float
        The interval.

    Returns
    -------
    PiecewiseLinear
        In float64.

    Raises
    ------
    ValueError
        If the net is another one or computes numbers too large for float64, or if lo and hi are
        not finite, not in order, or closer than rounding can tell.

    Notes
    -----
    Slopes are sums of products of weights, never quotients of differences. Two rules keep
    rounding errors from passing for pieces. Breakpoints closer to each other than 64 units in
    the last place of the larger of ``abs(lo)`` and ``abs(hi)`` are one. Neighbouring pieces are
    one if their slopes differ, in every output, by no more than the rounding errors of that many
    sums and products of weights of that size could make of equal slopes.

    Examples
    --------
    >>> from d2l_mlp.theory.weights import relu_net
    >>> bend = relu_net([([[2.0]], [-1.0]), ([[3.0]], [0.0])])  # 3 relu(2x - 1)
    >>> pieces = linear_pieces(bend, 0, 1)
    >>> pieces.breakpoints, pieces.slopes[:, 0]
    (array([0.5]), array([0., 6.]))
    """
    lo, hi = float(lo), float(hi)
    resolution = check_interval(lo, hi)
    layers = piecewise_linear_layers(net, num_inputs=1)
    x = numpy.array([lo, hi])
    y, slopes = x[:, None], numpy.ones((1, 1))
    largest, terms = numpy.ones(1), 0  # slope that weights of one sign would add up to
    with numpy.errstate(over="ignore", invalid="ignore"):
        for layer in layers:
            y, slopes = y @ layer.weight.T + layer.bias, slopes @ layer.weight.T
            largest = abs(layer.weight) @ largest * numpy.maximum(1, abs(layer.alpha))
            terms += layer.weight.shape[1]
            if layer.activation is not None:
                x, y, slopes, on = _cut_at_zeros(x, y, slopes, resolution)
                y = numpy.where(y > 0, y, layer.alpha * y)
                slopes = numpy.where(on, slopes, layer.alpha * slopes)
    check_finite(y, slopes)
    bent = (abs(numpy.diff(slopes, axis=0)) > 4 * _EPS * terms * largest).any(axis=1)
    return PiecewiseLinear(
        x[numpy.r_[True, bent, True]], y[numpy.r_[True, bent, True]], slopes[numpy.r_[True, bent]]
    )


def piecewise_linear_layers(net: gluon.Block, num_inputs: int) -> list[Layer]:
    """Read the layers of a ReLU or pReLU net of `num_inputs` inputs; refuse any other net."""
    layers = read_layers(net)
    usable = [name for name, activation in ACTIVATIONS.items() if activation.piecewise_linear]
    for layer in layers:
        if layer.activation not in (None, *usable):
            raise ValueError(f"{layer.name} is not piecewise linear; use {' or '.join(usable)}")
    inputs = layers[0].weight.shape[1]
    if inputs != num_inputs:
        raise ValueError(f"the net takes {inputs} inputs, not {num_inputs}: {layers[0].name}")
    return layers


def check_interval(lo: float, hi: float, parts: int = 1) -> float:
    """Refuse an interval too short for its parts; return how close two distinct points may be."""
    resolution = 64 * _EPS * max(abs(lo), abs(hi))
    if not parts * resolution < hi - lo < math.inf:
        apart = f", more than {parts * resolution:.1g} apart" if 0 < hi - lo < math.inf else ""
        raise ValueError(
            f"the interval is {lo} to {hi}; give two finite numbers, the lower first{apart}"
        )
    return resolution


def check_finite(*arrays: numpy.ndarray) -> None:
    """Refuse numbers that float64 does not hold."""
    if not all(numpy.isfinite(array).all() for array in arrays):
        raise ValueError("the net computes numbers too large for float64; scale its weights down")


def _cut_at_zeros(
    x: numpy.ndarray, y: numpy.ndarray, slopes: numpy.ndarray, resolution: float
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Cut pieces where one of several functions changes sign; return also where each is on.

    A zero close to an old breakpoint, or to another zero, makes no new one.
    """
    piece, unit = numpy.nonzero(numpy.sign(y[:-1]) * numpy.sign(y[1:]) < 0)
    left, right = y[piece, unit], y[piece + 1, unit]
    zeros = x[piece] + (x[piece + 1] - x[piece]) * (left / (left - right))
    points = numpy.sort(numpy.concatenate([x, zeros]))
    new = points[numpy.r_[True, numpy.diff(points) > resolution]]
    if len(new) == 1:  # the zero is as close to one end as to the other
        new = x[[0, -1]]
    new[-1] = x[-1]

    i = numpy.minimum(numpy.searchsorted(x, new, side="right") - 1, len(x) - 2)
    t = ((new - x[i]) / (x[i + 1] - x[i]))[:, None]
    values = (1 - t) * y[i] + t * y[i + 1]
    middles = (new[:-1] + new[1:]) / 2
    return new, values, slopes[numpy.searchsorted(x, middles) - 1], values[:-1] + values[1:] > 0


class Region(NamedTuple):
    """A convex polygon on which the net is one affine function, ``X @ W.T + b``."""

    vertices: numpy.ndarray  # its corners in turn, of shape (corners, 2)
    W: numpy.ndarray  # of shape (outputs, 2)
    b: numpy.ndarray  # of shape (outputs,)


def linear_regions(net: gluon.Block, lo: float, hi: float) -> list[Region]:
    """Find the linear regions of a ReLU or pReLU net of two inputs.

    Layer by layer: on a polygon where a layer's inputs are affine, each unit is zero along a
    line, on at one side of it and off at the other. These lines cut the polygon up.

    Parameters
    ----------
    net : gluon.Block
        What `d2l_mlp.theory.weights.read_layers` reads, of two inputs, any number of outputs,
        and no activation but ReLU and pReLU.
    lo, hi : float
        Bounds of both inputs.

    Returns
    -------
    list of Region
        Regions that fill the square; in each, every hidden unit is either on or off.

    Raises
    ------
    ValueError
        If the net is another one or computes numbers too large for float64, or if lo and hi are
        not finite, or not in order, or closer than rounding can tell.
    """
    check_interval(lo, hi)
    square = numpy.array([[lo, lo], [hi, lo], [hi, hi], [lo, hi]], "float64")
    regions = [Region(square, numpy.eye(2), numpy.zeros(2))]
    for layer in piecewise_linear_layers(net, num_inputs=2):
        below, regions = regions, []
        for vertices, W, b in below:
            with numpy.errstate(over="ignore", invalid="ignore"):
                W, b = layer.weight @ W, layer.weight @ b + layer.bias
                check_finite(W, b, vertices @ W.T + b)
            polygons = [vertices]
            if layer.activation is not None:
                for w, c in zip(W, b):
                    polygons = [part for polygon in polygons for part in _cut(polygon, w, c)]
            for polygon in polygons:
                on = W @ polygon.mean(axis=0) + b > 0
                slope = numpy.where(on | (layer.activation is None), 1, layer.alpha)
                regions.append(Region(polygon, slope[:, None] * W, slope * b))
    return regions


def _cut(polygon: numpy.ndarray, w: numpy.ndarray, c: float) -> list[numpy.ndarray]:
    """Cut a convex polygon where ``w @ x + c`` is 0, unless that is at its edge."""
    z = polygon @ w + c
    rounding = 64 * _EPS * (abs(polygon) @ abs(w) + abs(c)).max()
    if z.min() >= -rounding or z.max() <= rounding:
        return [polygon]
    z[abs(z) <= rounding] = 0
    points, values = [], []
    for i, j in zip(range(-1, len(z) - 1), range(len(z))):
        if z[i] * z[j] < 0:
            points.append(polygon[i] + z[i] / (z[i] - z[j]) * (polygon[j] - polygon[i]))
            values.append(0.0)
        points.append(polygon[j])
        values.append(z[j])
    corners, sides = numpy.array(points), numpy.array(values)
    return [corners[sides >= 0], corners[sides <= 0]]
