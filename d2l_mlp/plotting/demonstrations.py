"""Pictures of what nets can represent: the chapter's claims, as `d2l_mlp.theory` computes them."""

from __future__ import annotations

import numpy
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from mxnet import np
from mxnet.gluon import nn

from d2l_mlp.plotting.picture import Picture
from d2l_mlp.plotting.style import book_style, legend_above
from d2l_mlp.theory import body_temperature
from d2l_mlp.theory.approximation import approximate, sawtooth
from d2l_mlp.theory.piecewise_linear import linear_pieces, linear_regions
from d2l_mlp.theory.weights import relu_net

_WIDE = (7, 2.5)
_SEED = 17  # of the nets with random weights


def plot_linear_pieces() -> Picture:
    """Plot a ReLU net of one input with its breakpoints, above its slopes (exercise 2)."""
    pieces = linear_pieces(random_net(1, 8, 8), -3, 3)
    with book_style():
        figure = Picture(
            "A ReLU net of one input: straight pieces, and their slopes below", figsize=(3.5, 3.5)
        )
        top, bottom = figure.subplots(2, sharex=True, gridspec_kw={"height_ratios": [2, 1]})
        top.plot(pieces.x, pieces.y)
        top.plot(pieces.breakpoints, pieces.y[1:-1], "ko", markersize=4)
        top.set_ylabel("o(x)")
        bottom.stairs(pieces.slopes[:, 0], pieces.x, baseline=None, linewidth=1.5)
        bottom.set(xlabel="x", ylabel="slope", xlim=(-3, 3))
        for axes in (top, bottom):
            axes.grid()
        figure.align_ylabels()
    return figure


def plot_linear_regions() -> Picture:
    """Plot the linear regions of a ReLU net of two inputs, by their gradients (exercise 2)."""
    regions = linear_regions(random_net(2, 8, 8), -3, 3)
    gradients = numpy.array([numpy.linalg.norm(region.W) for region in regions])
    with book_style():
        figure = Picture(
            "The regions on which a ReLU net of two inputs is linear", figsize=(3.5, 3)
        )
        axes = figure.add_subplot(aspect="equal")
        polygons = PolyCollection(
            [region.vertices for region in regions],
            array=gradients, cmap="Blues", edgecolors="black", linewidths=0.5,
        )  # fmt: skip
        axes.add_collection(polygons)
        axes.set(xlim=(-3, 3), ylim=(-3, 3), xlabel="x₁", ylabel="x₂", xticks=range(-3, 4))
        figure.colorbar(polygons, ax=axes, label="length of the gradient")
    return figure


def plot_approximation() -> Picture:
    """Plot nets that interpolate the sine, and how their error falls with their width."""
    hi = 2 * numpy.pi
    x = numpy.linspace(0, hi, 2001)
    widths = 2 ** numpy.arange(1, 10)
    with book_style():
        figure = Picture("Nets that interpolate the sine, and their error by width", figsize=_WIDE)
        left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.4})
        left.plot(x, numpy.sin(x), "k", linewidth=0.8, label="sin x")
        for n, style in ((3, "o--"), (9, "o-")):
            pieces = linear_pieces(approximate(np.sin, 0, hi, n), 0, hi)
            left.plot(pieces.x, pieces.y, style, markersize=4, label=f"{n} units")
        left.set(xlabel="x", ylabel="o(x)")
        left.set_xticks(
            [0, numpy.pi, hi], ["0", "\N{GREEK SMALL LETTER PI}", "2\N{GREEK SMALL LETTER PI}"]
        )
        legend_above(left, 3)
        errors = [_largest_error(approximate(np.sin, 0, hi, int(n)), x) for n in widths]
        right.loglog(widths, errors, "o-", markersize=4, label="largest error")
        right.loglog(widths, hi**2 / 8 / widths**2, "k--", linewidth=0.8, label="distance² / 8")
        right.set(xlabel="hidden units", ylabel="error")
        legend_above(right, 2)
        _label_with_plain_numbers(right)
        for axes in (left, right):
            axes.grid()
    return figure


def plot_sawtooth() -> Picture:
    """Plot two sawtooth nets, and the units that depth and width take for as many pieces."""
    depths = numpy.arange(1, 11)
    with book_style():
        figure = Picture("Sawtooth nets, and the units that depth and width take", figsize=_WIDE)
        left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.4})
        for depth, style in ((2, "k--"), (5, "-")):
            pieces = linear_pieces(sawtooth(depth), 0, 1)
            left.plot(pieces.x, pieces.y, style, linewidth=1, label=f"depth {depth}")
        left.set(xlabel="x", ylabel="o(x)", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        legend_above(left, 2)
        counts = [len(linear_pieces(sawtooth(int(depth)), 0, 1).slopes) for depth in depths]
        right.loglog(counts, numpy.array(counts) - 1, "ks--", markersize=4, label="one layer")
        right.loglog(counts, 2 * depths, "o-", markersize=4, label="layers of 2 units")
        right.set(xlabel="pieces", ylabel="hidden units")
        _label_with_plain_numbers(right)
        legend_above(right, 2)
        for axes in (left, right):
            axes.grid()
    return figure


def plot_monotonicity() -> Picture:
    """Plot the risk that each of `d2l_mlp.theory.body_temperature.MODELS` learns to predict."""
    normal, limit = body_temperature.NORMAL, body_temperature.LIMIT
    temperatures = numpy.linspace(normal - 3, normal + 3, 301)
    with book_style():
        figure = Picture(
            "Predicted risk by body temperature: a line, and curves that rise on both sides",
            figsize=(4.5, 3),
        )
        axes = figure.add_subplot()
        for lo, hi in ((normal - 3, normal - limit), (normal + limit, normal + 3)):
            axes.axvspan(lo, hi, color="0.9", linewidth=0)
        for (name, model), style in zip(body_temperature.compare().items(), ("k--", "k:", "C0-")):
            label = f"{name}: {model.error:.1%} wrong"
            axes.plot(temperatures, model.risk(temperatures), style, label=label)
        axes.set(xlabel="body temperature (°C), at risk where grey", ylabel="predicted risk")
        axes.set(xlim=temperatures[[0, -1]], ylim=(-0.05, 1.05), yticks=[0, 0.5, 1])
        legend_above(axes)
    return figure


def random_net(*sizes: int) -> nn.Sequential:
    """Build a float64 ReLU net of one output, its weights and biases normal, always the same."""
    random = numpy.random.RandomState(_SEED)
    shapes = zip([*sizes[1:], 1], sizes)
    return relu_net(
        [(random.randn(*shape) / shape[1] ** 0.5, random.randn(shape[0])) for shape in shapes]
    )


def _label_with_plain_numbers(axes: Axes) -> None:
    # Powers of ten need mathtext, and starting its parser takes longer than the drawing.
    axes.minorticks_off()
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")


def _largest_error(net: nn.Sequential, x: numpy.ndarray) -> float:
    o = net(np.array(x[:, None], dtype="float64")).asnumpy()[:, 0]
    return abs(o - numpy.sin(x)).max()
