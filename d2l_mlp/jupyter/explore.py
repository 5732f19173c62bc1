"""An activation function at a point that the reader moves: value, tangent and derivative."""

import threading
from typing import Any

from IPython.display import display
from mxnet import np, util

from d2l_mlp.activations import ACTIVATIONS, PRELU_SLOPE
from d2l_mlp.gradients import value_and_grad
from d2l_mlp.jupyter.notebook import in_notebook, show
from d2l_mlp.plotting.curves import activation_function, has_slope
from d2l_mlp.plotting.picture import Picture
from d2l_mlp.plotting.savefig import book_style, to_svg

_LO, _HI = -4.0, 4.0
_SIZE = (7, 2.4)  # inches; as wide as a notebook's column on a small screen, and no wider


def plot_tangent(name: str, x: float, alpha: float = PRELU_SLOPE) -> Picture:
    """Plot an activation function with its tangent at a point, beside its derivative.

    Parameters
    ----------
    name : str
        One of `d2l_mlp.activations.ACTIVATIONS`.
    x : float
        The point, in [-4, 4].
    alpha : float, default `PRELU_SLOPE`
        Slope of pReLU for negative x.

    Returns
    -------
    Picture
        With the value and the derivative at `x` in its titles.

    Raises
    ------
    ValueError
        If there is no activation of that name, or the point lies elsewhere.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"there is no activation {name!r}; choose from {', '.join(ACTIVATIONS)}")
    if not _LO <= x <= _HI:
        raise ValueError(f"x is {x!r}; give a number from {_LO:g} to {_HI:g}")
    f = activation_function(name, alpha)
    grid = np.linspace(_LO, _HI, 161)
    curves = value_and_grad(f, grid)
    value, slope = (float(y) for y in value_and_grad(f, np.array([x])))
    with book_style():
        figure = Picture(
            f"Curve and tangent of {name} at {x:.1f}: value {value:.3f}, derivative {slope:.3f}",
            figsize=_SIZE,
        )
        left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.3})
        for axes, y, at in ((left, curves[0], value), (right, curves[1], slope)):
            axes.plot(grid.asnumpy(), y.asnumpy())
            axes.set(xlabel="x", xlim=(_LO, _HI), ylim=axes.get_ylim())  # the tangent may leave
            axes.plot([x], [at], "ko", zorder=3)
            axes.grid()
        left.plot([_LO, _HI], [value + slope * (end - x) for end in (_LO, _HI)], "C1--")
        left.set(ylabel=f"{name}(x)", title=f"{name}({x:.1f}) = {value:.3f}")
        right.set(ylabel=f"grad of {name}", title=f"derivative at {x:.1f}: {slope:.3f}")
    return figure


def explore(name: str = "tanh", x: float = 1.0, alpha: float = PRELU_SLOPE) -> None:
    """Show `plot_tangent` with controls for each of its parameters.

    Needs ipywidgets and a front end that supports them; elsewhere the figure stands still, as it
    begins. Parameters and errors are those of `plot_tangent`.
    """
    figure = plot_tangent(name, x, alpha)
    try:
        box = controls(name, x, alpha)
    except ImportError:
        show(figure)
        return
    if in_notebook():
        # A front end takes what it can show, and without widgets that is the picture.
        data, metadata = figure._repr_mimebundle_()
        display({**box._repr_mimebundle_(), **data}, raw=True, metadata=metadata)
    else:
        show(figure)


def controls(name: str, x: float, alpha: float) -> Any:
    """Make the controls and their picture.

    Parameters and errors are those of `plot_tangent`.

    Returns
    -------
    ipywidgets.VBox
        Of the menu of activations, the slider of alpha, the slider of x, and the image.

    Raises
    ------
    ImportError
        If ipywidgets is not installed.
    """
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

    # JupyterLab has this called in several threads, some at once; MXNet's mode is a thread's own.
    @util.use_np
    def redraw(change: Any = None) -> None:
        with lock:
            slope.disabled = not has_slope(menu.value)
            image.value = to_svg(plot_tangent(menu.value, point.value, slope.value)).encode()

    for control in (menu, slope, point):
        control.observe(redraw, "value")
    redraw()
    return widgets.VBox([menu, slope, point, image])
