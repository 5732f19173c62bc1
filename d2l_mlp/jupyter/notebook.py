"""Pictures in a notebook: SVG, the same on every run, and redrawn where they stand."""

from typing import Dict, List

from IPython import get_ipython
from IPython.display import DisplayHandle, display
from matplotlib.figure import Figure

from d2l_mlp.plotting.learning_curves import plot_history
from d2l_mlp.plotting.savefig import to_svg
from d2l_mlp.training.state import EpochMetrics, TrainingState


def in_notebook() -> bool:
    """Say whether this is a Jupyter kernel, which can show pictures, and not a terminal."""
    return getattr(get_ipython(), "kernel", None) is not None


def picture(figure: Figure, text: str = "") -> Dict[str, str]:
    """Make what Jupyter calls a MIME bundle of a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn in `d2l_mlp.plotting.savefig.book_style`, such as `d2l_mlp.plotting.gallery.draw`
        returns.
    text : str, optional
        What a front end without pictures shows; by default the size of the figure.

    Returns
    -------
    dict
        Of ``"image/svg+xml"`` and ``"text/plain"``.
    """
    return {"image/svg+xml": to_svg(figure), "text/plain": text or repr(figure)}


def show(figure: Figure) -> None:
    """Show a figure, of the kind that `picture` takes, below the cell; name it in a terminal."""
    if in_notebook():
        display(picture(figure), raw=True)
    else:
        print(figure)


class LiveCurve:
    """The learning curves while a net trains: an `on_epoch` for `d2l_mlp.training.loop.fit`.

    In a notebook it is one picture, and each epoch's replaces the last one where it stands. As
    nothing is cleared, nothing flashes. In a terminal there is no picture, but a line an epoch.

    Parameters
    ----------
    num_epochs : int
        Where the axis of the epochs ends, so that it stays as it is while the curves grow.
    watched : str, default "test"
        The set that is measured after each epoch.
    """

    def __init__(self, num_epochs: int, watched: str = "test"):
        self.num_epochs, self.watched = num_epochs, watched
        self.history: List[EpochMetrics] = []
        self._handle = DisplayHandle()

    def __call__(self, state: TrainingState) -> None:
        """Add an epoch."""
        self.history.append(state.history[-1])
        line = state.history[-1].describe(self.num_epochs, self.watched)
        if not in_notebook():
            print(line, flush=True)
            return
        figure = plot_history(self.history, self.watched)
        for axes in figure.axes:
            axes.set_xlim(0.5, self.num_epochs + 0.5)
        put = self._handle.display if len(self.history) == 1 else self._handle.update
        put(picture(figure, line), raw=True)
