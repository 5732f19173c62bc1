"""Pictures that a script draws with d2l: a line while they grow, a window or a file at its end.

A notebook shows what a cell has drawn, and begins the next picture anew. In a script d2l shows
nothing, draws each picture over the last, and prints ``Figure`` and escape codes while one grows.
"""

import atexit
import sys
import tempfile
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any, Tuple

from d2l_mlp.runtime.descriptions import curves_of


def adapt(backend: ModuleType) -> None:
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
        *args: Any, axes: Any = None, figsize: Tuple[float, float] = (3.5, 2.5), **kwargs: Any
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
    atexit.unregister(_show)
    atexit.register(_show)


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


def _show() -> None:
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
