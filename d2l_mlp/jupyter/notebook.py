"""Pictures in a notebook: SVG, the same on every run, and redrawn where they stand."""

import tempfile
import time
from typing import Dict

from IPython import get_ipython
from IPython.display import DisplayHandle, display

from d2l_mlp.plotting.learning_curves import plot_history
from d2l_mlp.plotting.picture import Picture
from d2l_mlp.plotting.savefig import save_figure
from d2l_mlp.training.state import TrainingState


def in_notebook() -> bool:
    """Say whether this is a Jupyter kernel, which can show pictures, and not a terminal."""
    return getattr(get_ipython(), "kernel", None) is not None


def show(figure: Picture) -> None:
    """Show a picture below the cell; elsewhere, save it as PNG and print what it is and where.

    Parameters
    ----------
    figure : Picture
        Such as `d2l_mlp.plotting.gallery.draw` returns. As the last expression of a cell it shows
        itself.
    """
    if in_notebook():
        display(figure)
        return
    with tempfile.NamedTemporaryFile(prefix="d2l_mlp-", suffix=".png", delete=False) as file:
        print(f"{figure.description}: {save_figure(figure, file.name)}")


class LiveCurve:
    """The learning curves while a net trains: an `on_epoch` for `d2l_mlp.training.loop.fit`.

    In a notebook it is one picture, with a line of figures below it. It stands there, empty, as
    soon as it is made, and each epoch's replaces the last one where it stands. Nothing is cleared
    and no axis moves, so that nothing flashes. In a terminal there is no picture, but a
    line an epoch.

    Parameters
    ----------
    num_epochs : int
        Where the axis of the epochs ends, so that it stays as it is while the curves grow.
    watched : str, default "test"
        The set that is measured after each epoch.
    """

    def __init__(self, num_epochs: int, watched: str = "test"):
        self.num_epochs, self.watched = num_epochs, watched
        self._started, self._epochs = time.perf_counter(), 0
        self._picture, self._line = DisplayHandle(), DisplayHandle()
        if in_notebook():
            self._picture.display(plot_history([], watched, num_epochs))
            self._line.display(_text(f"epoch 0/{num_epochs}"), raw=True)

    def __call__(self, state: TrainingState) -> None:
        """Show an epoch, and those before it, also of a training that is gone on with."""
        self._epochs += 1
        line = state.history[-1].describe(self.num_epochs, self.watched)
        if not in_notebook():
            print(line, flush=True)
            return
        seconds = time.perf_counter() - self._started
        left = seconds / self._epochs * (self.num_epochs - state.history[-1].epoch)
        self._picture.update(plot_history(state.history, self.watched, self.num_epochs))
        self._line.update(_text(f"{line}; {seconds:.0f} s, {left:.0f} s left"), raw=True)


def _text(line: str) -> Dict[str, str]:
    return {"text/plain": line}
