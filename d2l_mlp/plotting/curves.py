"""Curves of a function of one variable and of its derivative, drawn as the chapter draws them."""

from __future__ import annotations

import math
from functools import partial
from typing import Callable

from matplotlib.ticker import MaxNLocator
from mxnet import np

from d2l_mlp.activations import ACTIVATIONS, PRELU_SLOPE
from d2l_mlp.gradients import value_and_grad
from d2l_mlp.plotting.picture import Picture
from d2l_mlp.plotting.style import book_style
from d2l_mlp.rules import Choice, check_value


def plot_curve(
    f: Callable[[np.ndarray], np.ndarray], name: str, x: np.ndarray, grad: bool = False
) -> Picture:
    """Plot an elementwise function, or its derivative by autograd, as the chapter does.

    Parameters
    ----------
    f : callable
        Function that `value_and_grad` accepts.
    name : str
        Name in the label of the vertical axis, ``name(x)`` or ``grad of name``.
    x : mxnet.np.ndarray
        Points to join, float32 of shape (n,).
    grad : bool, default False
        Whether to plot the derivative.

    Returns
    -------
    Picture
        One line, of d2l's default size, 3.5 x 2.5 inches.

    Raises
    ------
    ValueError
        If the function is not elementwise, or the curve is nowhere finite.
    """
    y = value_and_grad(f, x)[grad]
    label = f"grad of {name}" if grad else f"{name}(x)"
    if not np.isfinite(y).any():
        raise ValueError(f"cannot plot {label}: it is nowhere finite on the given range")
    with book_style():
        figure = Picture(f"Curve of {label} for x from {x[0].item():g} to {x[-1].item():.3g}")
        axes = figure.add_subplot()
        axes.plot(x.asnumpy(), y.asnumpy())
        axes.set(xlabel="x", ylabel=label)
        axes.grid()
    return figure


def plot_activation(
    name: str, x: np.ndarray, alpha: float = PRELU_SLOPE, grad: bool = False
) -> Picture:
    """Plot one of `ACTIVATIONS`, or its derivative, as `plot_curve` does.

    Parameters
    ----------
    name : str
        Key of `ACTIVATIONS`.
    x : mxnet.np.ndarray
        Points to join, float32 of shape (n,).
    alpha : float, default `PRELU_SLOPE`
        Slope of pReLU for negative x.
    grad : bool, default False
        Whether to plot the derivative.

    Returns
    -------
    Picture
        One line, of d2l's default size, 3.5 x 2.5 inches.

    Raises
    ------
    ValueError
        If there is no activation of that name, or the curve is nowhere finite.
    """
    return plot_curve(activation_function(name, alpha), name, x, grad)


def plot_activations(x: np.ndarray, alpha: float = PRELU_SLOPE) -> Picture:
    """Plot all activation functions, each with its derivative.

    Parameters
    ----------
    x : mxnet.np.ndarray
        Points to join, float32 of shape (n,).
    alpha : float, default `PRELU_SLOPE`
        Slope of pReLU for negative x.

    Returns
    -------
    Picture
        Three panels in a row, one for each of `ACTIVATIONS`.
    """
    with book_style():
        rows = math.ceil(len(ACTIVATIONS) / 3)
        figure = Picture(
            f"Curves of {', '.join(ACTIVATIONS)}, each with its derivative",
            figsize=(7, 0.4 + 2.2 * rows),
            layout="constrained",
        )
        for number, (name, activation) in enumerate(ACTIVATIONS.items(), 1):
            axes = figure.add_subplot(rows, 3, number)
            value, grad = value_and_grad(activation_function(name, alpha), x)
            axes.plot(x.asnumpy(), value.asnumpy(), label="f(x)")
            axes.plot(x.asnumpy(), grad.asnumpy(), "C1--", label="grad of f")
            slope = f", \N{GREEK SMALL LETTER ALPHA} = {alpha:g}" * has_slope(name)
            axes.set(title=activation.title + slope, xlabel="x")
            axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
            axes.grid()
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def activation_function(name: str, alpha: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return one of `ACTIVATIONS` as a function of x alone; pReLU gets its slope `alpha`."""
    check_value("activation", name, Choice(tuple(ACTIVATIONS)))
    function = ACTIVATIONS[name].function
    return partial(function, alpha=alpha) if has_slope(name) else function


def has_slope(name: str) -> bool:
    """Return whether one of `ACTIVATIONS` has a slope, alpha, as pReLU has."""
    return "alpha" in ACTIVATIONS[name].parameters
