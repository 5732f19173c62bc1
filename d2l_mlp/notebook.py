"""What the notebooks show: live learning curves, and an activation's tangent at a movable point.

Pictures are SVG, the same on every run, and are updated in place.
"""

from __future__ import annotations

import tempfile
import threading
import time
from contextlib import suppress
from typing import Any

from IPython.core.formatters import format_display_data
from IPython.display import DisplayHandle, display
from mxnet import np

from d2l_mlp.activations import ACTIVATIONS, PRELU_SLOPE
from d2l_mlp.compat.d2l_display import in_notebook
from d2l_mlp.gradients import value_and_grad
from d2l_mlp.plotting.curves import activation_function, has_slope
from d2l_mlp.plotting.learning_curves import plot_history
from d2l_mlp.plotting.picture import Picture
from d2l_mlp.plotting.style import book_style, save_figure, to_svg
from d2l_mlp.rules import Number, check_value
from d2l_mlp.training.state import TrainingState


def show_figure(figure: Picture) -> None:
    """Show a picture below the cell; outside a notebook, save it as PNG and print the path.

    Parameters
    ----------
    figure : Picture
        Figure with a description, as `draw` returns it. As the last expression of a cell it shows
        itself.
    """
    if in_notebook():
        display(figure)
        return
    with tempfile.NamedTemporaryFile(prefix="d2l_mlp-", suffix=".png", delete=False) as file:
        print(f"{figure.description}: {save_figure(figure, file.name)}")


class LiveCurve:
    """Learning curves that follow a training: an `on_epoch` for `fit`.

    In a notebook it shows one picture, with a line of metrics below it, and updates both in place
    after each epoch, without flashing. In a terminal it prints a line per epoch.

    Parameters
    ----------
    num_epochs : int
        Number of epochs of the training, the end of the axis.
    watched : str, default "test"
        Name of the set that is measured after each epoch.
    """

    def __init__(self, num_epochs: int, watched: str = "test"):
        self.num_epochs = num_epochs
        self.watched = watched
        self._started, self._epochs = time.perf_counter(), 0
        self._picture, self._line = DisplayHandle(), DisplayHandle()
        if in_notebook():
            self._picture.display(plot_history([], watched, num_epochs))
            self._line.display(_text(f"epoch 0/{num_epochs}"), raw=True)

    def __call__(self, state: TrainingState) -> None:
        """Show the last epoch and those before it, also of a resumed training."""
        self._epochs += 1
        line = state.history[-1].describe(self.num_epochs, self.watched)
        if not in_notebook():
            print(line, flush=True)
            return
        seconds = time.perf_counter() - self._started
        left = seconds / self._epochs * (self.num_epochs - state.history[-1].epoch)
        self._picture.update(plot_history(state.history, self.watched, self.num_epochs))
        self._line.update(_text(f"{line}; {seconds:.0f} s, {left:.0f} s left"), raw=True)


def _text(line: str) -> dict[str, str]:
    return {"text/plain": line}


_LO, _HI = -4.0, 4.0
_SIZE = (7, 2.4)  # inches; the width of a notebook's column on a small screen


def plot_tangent(name: str, x: float, alpha: float = PRELU_SLOPE) -> Picture:
    """Plot an activation function with its tangent at a point, beside its derivative.

    Parameters
    ----------
    name : str
        Key of `ACTIVATIONS`.
    x : float
        Point in [-4, 4].
    alpha : float, default `PRELU_SLOPE`
        Slope of pReLU for negative x.

    Returns
    -------
    Picture
        Curve and derivative side by side, the value and the derivative at `x` in their titles.

    Raises
    ------
    ValueError
        If there is no activation of that name, or `x` is outside of the interval.
    """
    f = activation_function(name, alpha)
    x = check_value("x", x, Number(float, least=_LO, most=_HI))
    grid = np.linspace(_LO, _HI, 161)
    curves = value_and_grad(f, grid)
    value, slope = (float(y) for y in value_and_grad(f, np.array([x])))
    with book_style():
        figure = Picture(
            f"Curve and tangent of {name} at {x:.4}: value {value:.3f}, derivative {slope:.3f}",
            figsize=_SIZE,
        )
        left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.3})
        for axes, y, at in ((left, curves[0], value), (right, curves[1], slope)):
            axes.plot(grid.asnumpy(), y.asnumpy())
            axes.set(xlabel="x", xlim=(_LO, _HI), ylim=axes.get_ylim())  # the tangent may leave
            axes.plot([x], [at], "ko", zorder=3)
            axes.grid()
        left.plot([_LO, _HI], [value + slope * (end - x) for end in (_LO, _HI)], "C1--")
        left.set(ylabel=f"{name}(x)", title=f"{name}({x:.4}) = {value:.3f}")
        right.set(ylabel=f"grad of {name}", title=f"derivative at {x:.4}: {slope:.3f}")
    return figure


def explore(name: str = "tanh", x: float = 1.0, alpha: float = PRELU_SLOPE) -> None:
    """Show `plot_tangent` with controls for its parameters.

    Without ipywidgets, or in a front end that does not support them, the figure is static.

    Parameters
    ----------
    name : str, default "tanh"
        Key of `ACTIVATIONS`.
    x : float, default 1.0
        Point in [-4, 4].
    alpha : float, default `PRELU_SLOPE`
        Slope of pReLU for negative x.

    Raises
    ------
    ValueError
        If there is no activation of that name.
    """
    figure = plot_tangent(name, x, alpha)
    if in_notebook():
        with suppress(ImportError):
            box = controls(name, x, alpha)
            # A front end shows the richest format it can: without widgets, the picture.
            data, metadata = format_display_data(figure)
            display({**box._repr_mimebundle_(), **data}, raw=True, metadata=metadata)
            return
    show_figure(figure)


def controls(name: str, x: float, alpha: float) -> Any:
    """Return a VBox of the menu of activations, the sliders of alpha and x, and the image."""
    import ipywidgets as widgets

    menu = widgets.Dropdown(options=list(ACTIVATIONS), value=name, description="activation")
    slope = widgets.FloatSlider(
        alpha, min=min(-1, alpha), max=max(1, alpha), step=0.05, description="slope alpha",
        tooltip="slope of pReLU for negative x",
    )  # fmt: skip
    point = widgets.FloatSlider(
        x, min=_LO, max=_HI, step=0.1, description="point x", tooltip="where the tangent is drawn"
    )
    layout = widgets.Layout(width="100%", max_width=f"{96 * _SIZE[0]}px", height="auto")
    image = widgets.Image(format="svg+xml", layout=layout)
    lock = threading.Lock()

    def redraw(change: Any = None) -> None:
        with lock:  # JupyterLab calls it in several threads at once
            slope.disabled = not has_slope(menu.value)
            image.value = to_svg(plot_tangent(menu.value, point.value, slope.value)).encode()

    for control in (menu, slope, point):
        control.observe(redraw, "value")
    redraw()
    return widgets.VBox([menu, slope, point, image])
