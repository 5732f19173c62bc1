"""Pictures that a script draws with d2l: a line while they grow, a window or a file at its end.

A notebook shows what a cell has drawn, and begins the next picture anew. In a script d2l shows
nothing, draws each picture over the last, and prints ``Figure`` and escape codes while one grows.
"""

# DOC(runtime.descriptions): Say in words what pyplot's figures show, for a reader who cannot see them.

from __future__ import annotations

import atexit
import sys
import tempfile
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any


def add_descriptions(formatter: Any) -> None:
    """Let Jupyter have it as the alternative text of each of pyplot's pictures.

    Parameters
    ----------
    formatter : IPython.core.formatters.PNGFormatter
        As matplotlib's inline backend has set it up.
    """
    from matplotlib.figure import Figure

    draw = formatter.lookup_by_type(Figure)
    formatter.for_type(Figure, lambda figure: (draw(figure), {"alt": describe_figure(figure)}))


def describe_figure(figure: Any) -> str:
    """Describe a figure of curves, such as ``d2l.plot`` draws, in a line.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        One that has a ``description``, as those of `d2l_mlp.plotting` have, is described by it.

    Returns
    -------
    str
        What it is called, and from where to where it goes.
    """
    if hasattr(figure, "description"):
        return str(figure.description)
    told = []
    for axes in figure.axes:
        names, curves = curves_of(axes)
        if curves:
            x = [float(value) for curve in curves for value in curve.get_xdata()]
            of = f"Curve{'s' * (len(curves) > 1)} of {', '.join(names)}"
            told.append(f"{of} for {axes.get_xlabel() or 'x'} from {min(x):.4g} to {max(x):.4g}")
    return "; ".join(told) or "A figure"


def curves_of(axes: Any) -> tuple[list[str], list[Any]]:
    """Give the curves of matplotlib's axes that have points, and what each is called.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Its legend has the names; without one, or for more curves, it is the label of y.

    Returns
    -------
    names : list of str
        One a curve.
    curves : list of matplotlib.lines.Line2D
        In the order in which they were drawn.
    """
    legend = axes.get_legend()
    names = [text.get_text() for text in legend.get_texts()] if legend else []
    curves = [line for line in axes.get_lines() if len(line.get_xdata())]
    names += [axes.get_ylabel() or "y"] * (len(curves) - len(names))
    return names[: len(curves)], curves


def adapt_to_script(backend: ModuleType) -> None:
    """Let d2l draw for a script.

    Parameters
    ----------
    backend : module
        ``d2l.mxnet``. Its ``plot`` begins a picture of its own where it is given no axes, and its
        ``Animator`` prints a line.
    """
    plot = vars(backend)["plot"]

    @wraps(plot)
    def begin_and_plot(
        *args: Any, axes: Any = None, figsize: tuple[float, float] = (3.5, 2.5), **kwargs: Any
    ) -> None:
        if axes is None and backend.plt.get_fignums() and backend.plt.gcf().axes:
            backend.plt.figure(figsize=figsize)
        plot(*args, axes=axes, figsize=figsize, **kwargs)

    shown = ModuleType("display", "What d2l takes for IPython's module, in a script.")
    vars(shown).update(vars(backend.display), display=_print, clear_output=lambda wait=False: None)
    vars(backend).update(plot=begin_and_plot, display=shown)


def show_at_exit() -> None:
    """Show pyplot's figures when the script ends: in windows, or else as files of a new folder.

    A figure that the script has closed (``d2l.plt.close()``) is none of them.
    """
    atexit.unregister(_show_figures)
    atexit.register(_show_figures)


def _print(*things: Any) -> None:
    """Print of each figure the newest values of its curves, and other things as they are."""
    for thing in things:
        for axes in getattr(thing, "axes", ()):
            names, curves = curves_of(axes)
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
    except OSError as error:
        print(f"the figures cannot be shown: {error}", file=sys.stderr)
