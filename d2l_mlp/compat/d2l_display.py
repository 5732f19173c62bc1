"""Show what d2l draws: in a script as lines and files or windows, in a notebook with a description.

A notebook shows what a cell has drawn and begins the next figure anew. In a script d2l shows
nothing, draws each figure over the last, and prints ``Figure`` and escape codes while one grows.
"""

from __future__ import annotations

import atexit
import sys
import tempfile
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any


def add_descriptions(formatter: Any) -> None:
    """Add to Jupyter's PNG formatter an alternative text for each of pyplot's figures."""
    from matplotlib.figure import Figure

    draw = formatter.lookup_by_type(Figure)
    formatter.for_type(Figure, lambda figure: (draw(figure), {"alt": describe_figure(figure)}))


def describe_figure(figure: Any) -> str:
    """Return a figure's own ``description``, or else the names and the range of its curves."""
    if hasattr(figure, "description"):
        return str(figure.description)
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


def show_at_exit() -> None:
    """Show pyplot's open figures when the script ends: in windows, or else as files."""
    atexit.unregister(_show_figures)
    atexit.register(_show_figures)


def _print(*things: Any) -> None:
    """Print the newest values of each figure's curves, and other things as they are."""
    for thing in things:
        for axes in getattr(thing, "axes", ()):
            names, curves = _curves(axes)
            values = [f"{name} {line.get_ydata()[-1]:.4g}" for name, line in zip(names, curves)]
            if values:
                x = curves[0].get_xdata()[-1]
                print(f"{axes.get_xlabel() or 'x'} {x:g}: {', '.join(values)}", flush=True)
        if not hasattr(thing, "axes"):
            print(thing)


def _show_figures() -> None:
    from matplotlib import pyplot

    figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
    if not figures:
        return
    if figures[0].canvas.required_interactive_framework:
        pyplot.show(block=True)
        return
    try:
        folder = Path(tempfile.mkdtemp(prefix="d2l_mlp-"))
        for figure in figures:
            path = folder / f"figure-{figure.number}.svg"
            figure.savefig(path, bbox_inches="tight")
            print(f"figure {figure.number}: {path}", flush=True)
    except OSError as error:  # an exception at exit would not name the figures
        print(f"the figures cannot be shown: {error}", file=sys.stderr)
