"""The figures of the chapter by name.

A new figure is a line in `FIGURES`; those of an activation function follow from its entry in
`d2l_mlp.activations`. Importing this module is cheap: MXNet, d2l and matplotlib are imported when a
figure is drawn.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from d2l_mlp.activations import ACTIVATIONS, PRELU_SLOPE

if TYPE_CHECKING:
    from mxnet import np

    from d2l_mlp.plotting.picture import Picture

MAX_POINTS = 100_000


@dataclass(frozen=True)
class FigureOptions:
    """Options of the figures; each figure uses those that concern it.

    Attributes
    ----------
    range : tuple of float, optional
        First x and, exclusively, last x, within +-1e30. By default [-4, 4), and [-8, 8) for
        ``relu-wide``.
    step : float, default 0.1
        Distance between two points; at most `MAX_POINTS` of them.
    alpha : float, default `PRELU_SLOPE`
        Slope of pReLU for negative x.
    hidden : sequence of int, default (5,)
        Number of units of each hidden layer in the ``mlp`` diagram.

    Raises
    ------
    ValueError
        If the range is empty, or its points are too many or too close for float32.
    """

    range: tuple[float, float] | None = None
    step: float = 0.1
    alpha: float = PRELU_SLOPE
    hidden: Sequence[int] = (5,)

    def __post_init__(self) -> None:
        lo, hi = self.range or (-8.0, 8.0)
        step, width = self.step, hi - lo if self.range else 8.0  # of the narrower default
        if not -1e30 <= lo < hi <= 1e30:
            raise ValueError(f"range {lo:g} {hi:g}: give two numbers within +-1e30, lower first")
        if not 0 < step < width:
            raise ValueError(f"step {step:g}: give a positive number below {width:g}, the range")
        if hi - lo > MAX_POINTS * step:
            raise ValueError(
                f"step {step:g}: more than {MAX_POINTS} points from {lo:g} to {hi:g}; "
                f"give {(hi - lo) / MAX_POINTS:g} or more"
            )
        if step < 2.0**-22 * max(-lo, hi):
            raise ValueError(f"step {step:g}: too small for float32 numbers from {lo:g} to {hi:g}")

    def x(self, lo: float = -4.0, hi: float = 4.0) -> np.ndarray:
        """Return the points of the range, or of [lo, hi), as a float32 mxnet.np.ndarray."""
        import numpy
        from mxnet import np

        lo, hi = self.range or (lo, hi)
        # On Arm, np.arange(lo, hi, step) misses 0 by a last bit, and so does ReLU's derivative.
        return np.arange(numpy.arange(lo, hi, self.step).size) * self.step + lo


def draw(name: str, options: FigureOptions | None = None) -> Picture:
    """Draw a figure of the chapter.

    Parameters
    ----------
    name : str
        Key of `FIGURES`.
    options : FigureOptions, optional
        Range, step, slope and layer sizes; by default the chapter's own.

    Returns
    -------
    Picture
        A matplotlib figure unknown to pyplot. `d2l_mlp.plotting.style.save_figure` writes it to a
        file; a notebook shows it.

    Raises
    ------
    ValueError
        If there is no figure of that name, or it cannot be drawn with these options.
    """
    check_figure_name(name)
    return FIGURES[name][1](options or FigureOptions())


def check_figure_name(name: str) -> None:
    """Raise a ValueError if there is no figure of that name."""
    if name not in FIGURES:
        close = difflib.get_close_matches(name, FIGURES, n=1)
        fix = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(FIGURES)}"
        raise ValueError(f"there is no figure {name!r}: {fix}")


def _curve(
    name: str, grad: bool = False, lo: float = -4.0, hi: float = 4.0
) -> Callable[[FigureOptions], Picture]:
    def draw_curve(options: FigureOptions) -> Picture:
        from d2l_mlp.plotting.curves import plot_activation

        return plot_activation(name, options.x(lo, hi), options.alpha, grad)

    return draw_curve


def _all_curves(options: FigureOptions) -> Picture:
    from d2l_mlp.plotting.curves import plot_activations

    return plot_activations(options.x(), options.alpha)


def _network(*sizes: int) -> Picture:
    from d2l_mlp.plotting.diagrams import plot_network

    return plot_network(sizes)


def _demonstration(function: str) -> Callable[[FigureOptions], Picture]:
    def draw_demonstration(options: FigureOptions) -> Picture:
        from d2l_mlp.plotting import demonstrations

        picture: Picture = getattr(demonstrations, function)()
        return picture

    return draw_demonstration


def _curves_of_each_activation() -> Iterator[
    tuple[str, tuple[str, Callable[[FigureOptions], Picture]]]
]:
    for name, activation in ACTIVATIONS.items():
        yield name, (f"{activation.title}: {activation.source}", _curve(name))
        yield f"{name}-grad", (f"derivative of {activation.title}", _curve(name, grad=True))


FIGURES: Mapping[str, tuple[str, Callable[[FigureOptions], Picture]]] = {
    "relu-wide": ("ReLU on [-8, 8)", _curve("relu", lo=-8.0, hi=8.0)),
    **dict(_curves_of_each_activation()),
    "activations": (
        "all activation functions with their derivatives",
        _all_curves,
    ),
    "softmax-regression": (
        "single-layer network of 4 inputs and 5 outputs",
        lambda options: _network(4, 5),
    ),
    "mlp": (
        "multilayer perceptron of 4 inputs, 5 hidden units and 3 outputs",
        lambda options: _network(4, *options.hidden, 3),
    ),
    "linear-pieces": (
        "a ReLU net of one input is piecewise linear",
        _demonstration("plot_linear_pieces"),
    ),
    "linear-regions": (
        "a ReLU net of two inputs is linear on polygons",
        _demonstration("plot_linear_regions"),
    ),
    "approximation": (
        "nets that approximate the sine, and their error",
        _demonstration("plot_approximation"),
    ),
    "sawtooth": (
        "a deep net has more pieces than a wide one",
        _demonstration("plot_sawtooth"),
    ),
    "monotonicity": (
        "risk by body temperature, as a linear model and an MLP predict it",
        _demonstration("plot_monotonicity"),
    ),
}
"""Title of each figure, and the function of `FigureOptions` that draws it."""
