"""Curves of a function of one variable and of its derivative, drawn as the chapter draws them."""

from functools import partial
from typing import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mxnet import np

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.gradients import value_and_grad
from d2l_mlp.plotting.savefig import book_style

_TITLES = {"relu": "ReLU", "prelu": "pReLU, \N{GREEK SMALL LETTER ALPHA} = {alpha:g}"}


def plot_curve(
    f: Callable[[np.ndarray], np.ndarray], name: str, x: np.ndarray, grad: bool = False
) -> Figure:
    """Plot an elementwise function, or its derivative by autograd, as the chapter does.

    Parameters
    ----------
    f : callable
        What `d2l_mlp.gradients.value_and_grad` accepts.
    name : str
        For the label of the vertical axis, ``name(x)`` or ``grad of name``.
    x : mxnet.np.ndarray
        Points to join, 1-d.
    grad : bool, default False
        Whether to plot the derivative.

    Returns
    -------
    matplotlib.figure.Figure
        With one line, of d2l's default size, 3.5 x 2.5 inches.

    Raises
    ------
    ValueError
        If the function is not elementwise, or what is to be plotted is nowhere finite.
    """
    y = value_and_grad(f, x)[grad]
    label = f"grad of {name}" if grad else f"{name}(x)"
    if not np.isfinite(y).any():
        raise ValueError(f"cannot plot {label}: it is nowhere finite on the given range")
    with book_style():
        figure = Figure()
        _plot(figure.add_subplot(), x, y, "x", label)
    return figure


def plot_activation(name: str, x: np.ndarray, alpha: float = 0.25, grad: bool = False) -> Figure:
    """Plot one of `d2l_mlp.activations.ACTIVATIONS`, or its derivative, as `plot_curve` does.

    `alpha` is the slope of pReLU.
    """
    return plot_curve(activation_function(name, alpha), name, x, grad)


def plot_activations(x: np.ndarray, alpha: float = 0.25) -> Figure:
    """Plot all the activations side by side, each above its derivative, on common axes.

    Parameters are those of `plot_activation`.
    """
    with book_style():
        figure = Figure(figsize=(8, 3.6), layout="constrained")
        columns = figure.subplots(2, len(ACTIVATIONS), sharex=True, sharey="row").T
        for name, column in zip(ACTIVATIONS, columns):
            curves = value_and_grad(activation_function(name, alpha), x)
            for axes, y, xlabel, ylabel in zip(column, curves, ["", "x"], ["f(x)", "grad of f"]):
                _plot(axes, x, y, xlabel, ylabel if name == "relu" else "")
            column[0].set_title(_TITLES.get(name, name).format(alpha=alpha))
        for axes in figure.axes:
            axes.autoscale()  # over all curves: d2l.plot has fixed the limits at its own curve's
            axes.label_outer()
    return figure


def activation_function(name: str, alpha: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return one of `d2l_mlp.activations.ACTIVATIONS`, with `alpha` as the slope if it is pReLU."""
    function = ACTIVATIONS[name].function
    return partial(function, alpha=alpha) if name == "prelu" else function


def _plot(axes: Axes, x: np.ndarray, y: np.ndarray, xlabel: str, ylabel: str) -> None:
    from d2l import mxnet as d2l

    # d2l.plot asks the IPython shell for SVG: a script would start one, with a history file in
    # the home folder, and a notebook would have its own choice overruled.
    use_svg_display, d2l.use_svg_display = d2l.use_svg_display, lambda: None
    try:
        d2l.plot(x.asnumpy(), y.asnumpy(), xlabel, ylabel, axes=axes)
    finally:
        d2l.use_svg_display = use_svg_display
