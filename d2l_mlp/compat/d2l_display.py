"""Show what d2l draws: in a script as lines and files or windows, in a notebook with a description.

A notebook shows what a cell has drawn and begins the next figure anew. In a script d2l shows
nothing, draws each figure over the last, and prints ``Figure`` and escape codes while one grows;
IPython in a terminal is no better.
"""

from __future__ import annotations

import atexit
import sys
import tempfile
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any, Callable


def in_notebook() -> bool:
    """Return whether this is a Jupyter kernel, which can show pictures."""
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def show_at_once() -> None:
    """Show a plot as SVG and PNG in a notebook, with an alternative text."""
    from IPython import get_ipython
    from matplotlib.figure import Figure
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg", "png")  # PNG for viewers that trust no SVG
    for mime in ("image/svg+xml", "image/png"):
        formatter = get_ipython().display_formatter.formatters[mime]
        formatter.for_type(Figure, partial(_draw, formatter.lookup_by_type(Figure)))


def _draw(printer: Callable[[Any], Any], figure: Any) -> tuple[Any, dict[str, str]]:
    """Return what a printer makes of a figure, with its alternative text."""
    return printer(figure), {"alt": describe_figure(figure)}


def describe_figure(figure: Any) -> str:
    """Return the names and the range of a figure's curves."""
    parts = []
    for axes in figure.axes:
        names, curves = _curves(axes)
        if curves:
            x = [float(value) for curve in curves for value in curve.get_xdata()]
            of = f"Curve{'s' * (len(curves) > 1)} of {', '.join(names)}"
            parts.append(f"{of} for {axes.get_xlabel() or 'x'} from {min(x):.4g} to {max(x):.4g}")
    return "; ".join(parts) or "A figure"


def _curves(axes: Any) -> tuple[list[str], list[Any]]:
    """Return the curves that have points, and their names: from the legend, or else y's label."""
    legend = axes.get_legend()
    names = [text.get_text() for text in legend.get_texts()] if legend else []
    curves = [line for line in axes.get_lines() if len(line.get_xdata())]
    names += [axes.get_ylabel() or "y"] * (len(curves) - len(names))
    return names[: len(curves)], curves


def restore_formats() -> None:
    """Give ``IPython.display`` the function back that pages of the book call and IPython 9 lost."""
    from IPython import display
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    vars(display).setdefault("set_matplotlib_formats", set_matplotlib_formats)


def adapt_to_script(backend: ModuleType) -> None:
    """Make d2l.plot begin a figure of its own, unless it is given axes, and d2l.Animator print."""
    plot = vars(backend)["plot"]

    @wraps(plot)
    def begin_and_plot(
        *args: Any, axes: Any = None, figsize: tuple[float, float] = (3.5, 2.5), **kwargs: Any
    ) -> None:
        if axes is None and backend.plt.get_fignums() and backend.plt.gcf().axes:
            backend.plt.figure(figsize=figsize)
        plot(*args, axes=axes, figsize=figsize, **kwargs)

    display = ModuleType("display", "IPython's module of this name, adapted to a script.")
    vars(display).update(
        vars(backend.display), display=_print, clear_output=lambda wait=False: None
    )
    vars(backend).update(plot=begin_and_plot, display=display)
    if hasattr(backend, "ProgressBoard"):  # since d2l 1.0
        backend.ProgressBoard.draw = _draw_anew(backend.ProgressBoard.draw)


def _draw_anew(draw: Callable) -> Callable:
    """Wrap d2l's ProgressBoard.draw, which draws all curves again over those that it has drawn."""

    @wraps(draw)
    def draw_anew(board: Any, x: float, y: float, label: str, every_n: int = 1) -> None:
        points = getattr(board, "raw_points", {}).get(label, ())
        if board.fig and len(points) + 1 == every_n:  # else it only takes the point
            for line in [line for axes in board.fig.axes for line in axes.get_lines()]:
                line.remove()
        draw(board, x, y, label, every_n)

    return draw_anew


def show_at_exit() -> None:
    """Show pyplot's open figures when the script ends: in windows, or else as files.

    After ``%matplotlib inline`` IPython shows and closes them after each cell: as files too.
    """
    from IPython import get_ipython

    atexit.unregister(show_figures)
    atexit.register(show_figures)
    if get_ipython() is not None:
        from matplotlib.figure import Figure

        get_ipython().display_formatter.formatters["text/plain"].for_type(
            Figure, lambda figure, printer, _: printer.text(_save([figure]))
        )


def _print(*things: Any) -> None:
    """Print the newest values of each figure's curves, and other things as they are."""
    for thing in things:
        for axes in getattr(thing, "axes", ()):
            names, curves = _curves(axes)
            values = [f"{name} {line.get_ydata()[-1]:.4g}" for name, line in zip(names, curves)]
            if values:
                x = max(line.get_xdata()[-1] for line in curves)
                print(f"{axes.get_xlabel() or 'x'} {x:g}: {', '.join(values)}", flush=True)
        if not hasattr(thing, "axes"):
            print(thing)


def show_figures() -> None:
    """Show the figures that are open in a window, or save them and say where."""
    from matplotlib import pyplot

    figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
    if not figures:
        return
    if figures[0].canvas.required_interactive_framework:
        pyplot.show(block=True)
        return
    try:
        print(_save(figures), flush=True)
    except OSError as error:  # an exception at exit would not name the figures
        print(f"the figures cannot be shown: {error}", file=sys.stderr)


def _save(figures: list[Any]) -> str:
    """Save figures in a new folder, and return a line for each."""
    folder = Path(tempfile.mkdtemp(prefix="d2l_mlp-"))
    lines = []
    for figure in figures:
        number = getattr(figure, "number", 1)  # only pyplot's figures have one
        path = folder / f"figure-{number}.svg"
        figure.savefig(path, bbox_inches="tight")
        lines.append(f"figure {number}: {path}")
    return "\n".join(lines)
