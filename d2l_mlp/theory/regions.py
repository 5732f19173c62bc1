"""The flat regions of a ReLU net of two inputs.

Exercise 2 in the plane: where it has one input, a net that uses only ReLU or pReLU consists of
straight pieces (`d2l_mlp.theory.pieces`); where it has two, of flat polygons.
"""

from typing import List, NamedTuple

import numpy
from mxnet import gluon

from d2l_mlp.runtime.checks import check_interval
from d2l_mlp.theory.pieces import check_finite, piecewise_linear_layers


class Region(NamedTuple):
    """A convex polygon on which the net is one affine function."""

    vertices: numpy.ndarray
    """Its corners in turn, of shape (corners, 2)."""
    W: numpy.ndarray
    """Of shape (outputs, 2)."""
    b: numpy.ndarray
    """Of shape (outputs,); the net's logits in the region are ``X @ W.T + b``."""


def linear_regions(net: gluon.Block, lo: float, hi: float) -> List[Region]:
    """Find the linear regions of a ReLU or pReLU net of two inputs.

    Layer by layer: on a polygon where a layer's inputs are affine, each unit is zero along a
    line, and is on at one side of it and off at the other. The lines cut the polygon up.

    Parameters
    ----------
    net : gluon.Block
        What `d2l_mlp.theory.weights.read_layers` reads, of two inputs, any number of outputs,
        and no activation but ReLU and pReLU.
    lo, hi : float
        Both inputs are between these.

    Returns
    -------
    list of Region
        They fill the square; in each, every hidden unit is either on or off.

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


def _cut(polygon: numpy.ndarray, w: numpy.ndarray, c: float) -> List[numpy.ndarray]:
    """Cut a convex polygon in two where ``w @ x + c`` is 0, unless that is at its edge."""
    z = polygon @ w + c
    rounding = 64 * numpy.finfo("float64").eps * (abs(polygon) @ abs(w) + abs(c)).max()
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
