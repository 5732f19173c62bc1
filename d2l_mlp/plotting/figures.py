"""The figures of the chapter by name.

A new figure is a line in `FIGURES`; those of an activation function follow from its entry in
`d2l_mlp.activations`. Importing this module is cheap: MXNet, d2l and matplotlib are imported when a
figure is drawn.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from d2l_mlp.activations import ACTIVATIONS, PRELU_SLOPE

if TYPE_CHECKING:
    from mxnet import np

    from d2l_mlp.plotting.picture import Picture

MAX_POINTS = 100_000


@dataclass(frozen=True)
class FigureOptions:
    """Options of the figures; each figure uses those that concern it."""

    range: tuple[float, float] | None = None  # of x; None: [-4, 4), and [-8, 8) for relu-wide
    step: float = 0.1  # from x to x
    alpha: float = PRELU_SLOPE  # slope of pReLU for negative x
    hidden: Sequence[int] = (5,)  # units of each hidden layer in the mlp diagram

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


# Functions of their own, so that naming the figures imports none of these modules.


def _curves() -> Any:
    from d2l_mlp.plotting import curves

    return curves


def _diagrams() -> Any:
    from d2l_mlp.plotting import diagrams

    return diagrams


def _demonstrations() -> Any:
    from d2l_mlp.plotting import demonstrations

    return demonstrations


Drawing = Callable[[FigureOptions], "Picture"]


def _curve(name: str, grad: bool = False, lo: float = -4.0, hi: float = 4.0) -> Drawing:
    return lambda options: _curves().plot_activation(name, options.x(lo, hi), options.alpha, grad)


def _of_each_activation() -> Iterator[tuple[str, tuple[str, Drawing]]]:
    for name, activation in ACTIVATIONS.items():
        yield name, (f"{activation.title}: {activation.source}", _curve(name))
        yield f"{name}-grad", (f"derivative of {activation.title}", _curve(name, grad=True))


FIGURES: Mapping[str, tuple[str, Drawing]] = {
    "relu-wide": ("ReLU on [-8, 8)", _curve("relu", lo=-8.0, hi=8.0)),
    **dict(_of_each_activation()),
    "activations": (
        "all activation functions with their derivatives",
        lambda options: _curves().plot_activations(options.x(), options.alpha),
    ),
    "softmax-regression": (
        "single-layer network of 4 inputs and 5 outputs",
        lambda options: _diagrams().plot_network((4, 5)),
    ),
    "mlp": (
        "multilayer perceptron of 4 inputs, 5 hidden units and 3 outputs",
        lambda options: _diagrams().plot_network((4, *options.hidden, 3)),
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
"""Title of each figure, and the function of `FigureOptions` that draws it."""
