"""Diagrams of fully connected networks, drawn from their layer sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from d2l_mlp.plotting.picture import Picture
from d2l_mlp.plotting.style import book_style
from d2l_mlp.rules import Number, Several, check_value

MAX_UNITS = 10  # of a wider layer the first units and the last are drawn

_INCHES = 0.5  # between two units of a layer; all else is measured in this
_RADIUS = 0.32
_LAYER_DISTANCE = 1.75
_NAME_WIDTH = 2.7
_COLOURS = {"x": "#ffffff", "h": "#9ecae1", "o": "#e0e0e0"}  # apart in grey too
# Not mathtext: starting its parser takes longer than the drawing.
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def plot_network(sizes: Sequence[int]) -> Picture:
    """Draw a fully connected network as the chapter does, its inputs at the bottom.

    Parameters
    ----------
    sizes : sequence of int
        Number of inputs, of units of each hidden layer, and of outputs. ``[4, 5]`` is the
        chapter's softmax regression, ``[4, 5, 3]`` its multilayer perceptron.

    Returns
    -------
    Picture
        Half an inch for each unit of the widest layer, plus the names of the layers.

    Raises
    ------
    ValueError
        If a size is not a positive integer.
    """
    sizes = check_value("sizes", sizes, Several(Number(int, least=1)))
    rows = [_shown(size) for size in sizes]
    right = max(map(len, rows)) / 2
    top = _LAYER_DISTANCE * (len(rows) - 1) + 0.5
    with book_style():
        figure = Picture(
            f"Fully connected network, from the inputs up, of {', '.join(map(str, sizes))} units",
            figsize=(_INCHES * (2 * right + _NAME_WIDTH), _INCHES * (top + 0.5)),
        )
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(-right - _NAME_WIDTH, right), ylim=(-0.5, top))
        axes.set_axis_off()
        below: list[float] = []
        for layer, units in enumerate(rows):
            y = _LAYER_DISTANCE * layer
            axes.text(-right - 0.2, y, _name(layer, sizes), ha="right", va="center")
            symbol = "x" if layer == 0 else "h" if layer < len(sizes) - 1 else "o"
            drawn = _draw_layer(axes, y, units, symbol, _number(layer, sizes))
            for x in below:
                _draw_arrows(axes, x, y - _LAYER_DISTANCE, drawn)
            below = drawn
    return figure


def _draw_arrows(axes: Axes, x: float, y: float, above: Sequence[float]) -> None:
    """Draw an arrow from a unit to each of those above it, from edge to edge."""
    across, up = numpy.array(above) - x, numpy.full(len(above), _LAYER_DISTANCE)
    part = _RADIUS / numpy.hypot(across, up)  # of the way, within each of the two circles
    axes.quiver(
        x + part * across, y + part * up, (1 - 2 * part) * across, (1 - 2 * part) * up,
        angles="xy", scale_units="xy", scale=1, color="0.45",
        units="inches", width=0.01, headwidth=7, headlength=8, headaxislength=7,
    )  # fmt: skip


def _shown(size: int) -> list[int | None]:
    """Return the numbers of the units to draw, with None for a gap."""
    if size <= MAX_UNITS:
        return list(range(1, size + 1))
    return [*range(1, MAX_UNITS - 1), None, size]


def _name(layer: int, sizes: Sequence[int]) -> str:
    if layer == 0:
        name = "Input layer"
    elif layer == len(sizes) - 1:
        name = "Output layer"
    else:
        name = "Hidden layer" + (f" {layer}" if len(sizes) > 3 else "")
    return f"{name}\n({sizes[layer]} units)" if sizes[layer] > MAX_UNITS else name


def _number(layer: int, sizes: Sequence[int]) -> str:
    """Return the number of a hidden layer, if there are several: h⁽¹⁾, h⁽²⁾."""
    hidden = 0 < layer < len(sizes) - 1 and len(sizes) > 3
    return f"⁽{str(layer).translate(_SUPERSCRIPTS)}⁾" if hidden else ""


def _draw_layer(
    axes: Axes, y: float, units: Sequence[int | None], symbol: str, number: str
) -> list[float]:
    """Draw the units of one layer and return their x, without the gap."""
    drawn = []
    for column, unit in enumerate(units):
        x = column - (len(units) - 1) / 2
        if unit is None:
            axes.text(x, y, "\N{MIDLINE HORIZONTAL ELLIPSIS}", ha="center", va="center")
            continue
        drawn.append(x)
        axes.add_patch(Circle((x, y), _RADIUS, fc=_COLOURS[symbol], ec="black", lw=0.8, zorder=2))
        text = symbol + str(unit).translate(_SUBSCRIPTS) + number
        # Fits into the circle; what is raised or lowered is narrow.
        size = min(10, (42 if number else 30) / len(text))
        axes.text(x, y, text, ha="center", va="center", size=size, style="italic", zorder=3)
    return drawn
