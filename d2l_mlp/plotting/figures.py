"""Every picture of the chapter by its name.

To add one, add a line to `FIGURES`; those of an activation function follow from its entry in
`d2l_mlp.activations`. Importing this module is cheap: MXNet, d2l and matplotlib are imported when a
figure is drawn.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Callable

from d2l_mlp.activations import ACTIVATIONS, PRELU_SLOPE
from d2l_mlp.rules import SINGLE, Number, Several, check_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mxnet import np

MAX_POINTS = 100_000
"""A curve of more points than this is refused."""

MAX_HIDDEN_LAYERS = 10


@dataclass(frozen=True)
class FigureOptions:
    """What can be chosen about a figure; each figure heeds what concerns it.

    Attributes
    ----------
    range : tuple of float, optional
        Where x begins and, exclusively, ends, within +-1e30. By default [-4, 4), and [-8, 8) for
        ``relu-wide``.
    step : float, default 0.1
        Distance between two points.
    alpha : float, default `PRELU_SLOPE`
        Slope of pReLU for negative x.
    hidden : sequence of int, default (5,)
        Number of units of each hidden layer in the ``mlp`` diagram.

    Raises
    ------
    ValueError
        If a value makes no sense, or asks for too many points or for points that float32 cannot
        tell apart.
    """

    range: tuple[float, float] | None = None
    step: float = 0.1
    alpha: float = PRELU_SLOPE
    hidden: Sequence[int] = (5,)

    def __post_init__(self) -> None:
        lo, hi = self.range or (-8.0, 8.0)
        step, width = self.step, hi - lo if self.range else 8.0  # of the narrower ones
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
        if self.alpha and not SINGLE[0] <= abs(self.alpha) <= SINGLE[1]:
            raise ValueError(f"alpha {self.alpha:g}: give a finite number that float32 holds")
        layers = len(check_value("hidden", self.hidden, Several(Number(int, least=1))))
        if not 1 <= layers <= MAX_HIDDEN_LAYERS:
            raise ValueError(
                f"hidden has {layers} layers; give the units of 1 to {MAX_HIDDEN_LAYERS}"
            )

    def x(self, lo: float = -4.0, hi: float = 4.0) -> np.ndarray:
        """Return the points of the range, or of [lo, hi), as a float32 mxnet.np.ndarray."""
        from mxnet import np

        return np.arange(*(self.range or (lo, hi)), self.step)


def expression_curve(f: Callable, name: str, grad: bool, options: FigureOptions) -> Figure:
    """Draw a function of the reader's own as `d2l_mlp.plotting.curves.plot_curve` does."""
    return _curves().plot_curve(f, name, options.x(), grad)


def draw(name: str, options: FigureOptions | None = None) -> Figure:
    """Draw a figure.

    Parameters
    ----------
    name : str
        One of `FIGURES`.
    options : FigureOptions, optional
        By default the chapter's own.

    Returns
    -------
    matplotlib.figure.Figure
        Unknown to pyplot; `d2l_mlp.plotting.style.save_figure` writes it into a file.

    Raises
    ------
    ValueError
        If there is no figure of that name.
    """
    return find_figure(name)(options or FigureOptions())


def find_figure(name: str) -> Callable:
    """Look a figure up.

    Parameters
    ----------
    name : str
        One of `FIGURES`.

    Returns
    -------
    callable
        Maps `FigureOptions` to the figure.

    Raises
    ------
    ValueError
        If there is no figure of that name.
    """
    if name not in FIGURES:
        close = difflib.get_close_matches(name, FIGURES, n=1)
        remedy = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(FIGURES)}"
        raise ValueError(f"there is no figure {name!r}: {remedy}")
    return FIGURES[name][1]


def _curves() -> ModuleType:
    from d2l_mlp.plotting import curves

    return curves


def _diagrams() -> ModuleType:
    from d2l_mlp.plotting import diagrams

    return diagrams


def _demonstrations() -> ModuleType:
    from d2l_mlp.plotting import demonstrations

    return demonstrations


def _activation(name: str, grad: bool = False, lo: float = -4.0, hi: float = 4.0) -> Callable:
    return lambda options: _curves().plot_activation(name, options.x(lo, hi), options.alpha, grad)


def _of_each_activation() -> Iterator[tuple[str, tuple[str, Callable]]]:
    for name, activation in ACTIVATIONS.items():
        yield name, (f"{activation.title}: {activation.source}", _activation(name))
        yield f"{name}-grad", (f"derivative of {activation.title}", _activation(name, grad=True))


FIGURES: Mapping[str, tuple[str, Callable]] = {
    "relu-wide": ("ReLU on [-8, 8)", _activation("relu", lo=-8.0, hi=8.0)),
    **dict(_of_each_activation()),
    "activations": (
        "all activation functions above their derivatives",
        lambda options: _curves().plot_activations(options.x(), options.alpha),
    ),
    "softmax-regression": (
        "single-layer network of 4 inputs and 5 outputs",
        lambda options: _diagrams().plot_network([4, 5]),
    ),
    "mlp": (
        "multilayer perceptron of 4 inputs, 5 hidden units and 3 outputs",
        lambda options: _diagrams().plot_network([4, *options.hidden, 3]),
    ),
    "linear-pieces": (
        "a ReLU net of one input is piecewise linear",
        lambda options: _demonstrations().plot_linear_pieces(),
    ),
    "linear-regions": (
        "a ReLU net of two inputs is linear on polygons",
        lambda options: _demonstrations().plot_linear_regions(),
    ),
    "approximation": (
        "nets that approximate the sine, and their error",
        lambda options: _demonstrations().plot_approximation(),
    ),
    "sawtooth": (
        "a deep net has more pieces than a wide one",
        lambda options: _demonstrations().plot_sawtooth(),
    ),
    "monotonicity": (
        "risk by body temperature, as a linear model and an MLP predict it",
        lambda options: _demonstrations().plot_monotonicity(),
    ),
}
"""What each figure shows, and the function of `FigureOptions` that draws it."""
