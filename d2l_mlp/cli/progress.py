"""The progress bar of a training, on a terminal."""

import shutil
import sys

from tqdm import tqdm

from d2l_mlp.training.state import TrainingState

_CLEAR_LINE = "\r\033[K"


class Progress:
    """A bar with the epoch, the last finished epoch's loss, and the time left.

    Parameters
    ----------
    state : TrainingState
        That the training goes on from.
    num_epochs : int
        There will be, those of `state` included.
    minibatches : int
        An epoch, of training and of evaluation.
    shown : bool
        Nothing is shown where standard error is no terminal.
    """

    def __init__(self, state: TrainingState, num_epochs: int, minibatches: int, shown: bool):
        self._num_epochs = num_epochs
        self._bar = tqdm(
            initial=len(state.history) * minibatches, total=num_epochs * minibatches,
            disable=not (shown and sys.stderr.isatty()), leave=False,
            # What is typed, such as ^C, shows behind the bar, and may not begin another line.
            ncols=min(80, shutil.get_terminal_size().columns) - 3,
            bar_format="{desc} |{bar}| {percentage:3.0f} %, {remaining} left{postfix}",
        )  # fmt: skip
        self.finish_epoch(state)

    def finish_minibatch(self) -> None:
        """Move on."""
        self._bar.update()

    def finish_epoch(self, state: TrainingState) -> None:
        """Show the next epoch's number, and the loss of the one that `state` ends with."""
        done = len(state.history)
        self._bar.set_description_str(
            f"epoch {min(done + 1, self._num_epochs)}/{self._num_epochs}", refresh=False
        )
        if state.history:
            self._bar.set_postfix_str(f"train loss {state.history[-1].train_loss:.4f}")

    def close(self) -> None:
        """Leave the line empty."""
        self._bar.close()
        if not self._bar.disable:
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()
