"""What the training command says: of the run before it, and of its outcome after it."""

# DOC(cli.progress): The progress bar of a training, on a terminal.

from __future__ import annotations

import math
import platform
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import mxnet
import numpy
from mxnet.gluon import nn
from tqdm import tqdm

from d2l_mlp import __version__
from d2l_mlp.data.fashion_mnist import FashionMNIST
from d2l_mlp.hardware.devices import describe_devices
from d2l_mlp.training.hyperparameters import Hyperparameters
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


def versions() -> dict[str, str]:
    """Give the versions of what a result depends on."""
    return {
        "d2l_mlp": __version__,
        "mxnet": mxnet.__version__,
        "d2l": version("d2l"),
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }


def introduce(
    settings: Hyperparameters,
    data: FashionMNIST,
    devices: list[mxnet.Context],
    net: nn.Sequential,
) -> None:
    """Say what is about to be trained, on what, and where."""
    shapes = [parameter.shape for parameter in net.collect_params().values()]
    units = "-".join(map(str, [shapes[0][1], *settings.hidden, shapes[-1][0]]))
    activation = settings.activation if settings.hidden else "no activation"
    count = sum(math.prod(shape) for shape in shapes)
    say(f"data      {data.describe()}")
    say(f"device    {describe_devices(devices)}")
    say(f"versions  {', '.join(f'{name} {number}' for name, number in versions().items())}")
    say(
        f"model     {units}, {activation}, {count:,} parameters, {settings.init}, "
        f"seed {settings.seed}"
    )
    for line in summary(net):
        say(line)


def summary(net: nn.Sequential) -> list[str]:
    """Describe a net: a line a layer, with its shape and how many parameters it has.

    Gluon's own ``summary`` takes two dozen lines for a small net, and counts activations as layers.

    Parameters
    ----------
    net : gluon.nn.Sequential
        As `d2l_mlp.mlp.build_mlp` makes it, with shapes.

    Returns
    -------
    list of str
        The layers have the numbers that their parameters begin with, in ``0.weight`` for instance.
    """
    table = []
    for i, layer in enumerate(net):
        if isinstance(layer, nn.Dropout):
            shape = f"dropout {layer._rate:g}"
        else:
            units, inputs = layer.weight.shape
            shape = f"dense {inputs} -> {units}" + (f", {layer.act}" if layer.act else "")
        count = sum(math.prod(p.shape) for p in layer.collect_params().values())
        table.append((str(i), shape, f"{count:,}"))
    widths = [max(map(len, column)) for column in zip(*table)]
    return [
        f"layer     {i:>{widths[0]}}  {shape:{widths[1]}}  {count:>{widths[2]}} parameters"
        for i, shape, count in table
    ]


def resumed(folder: Path, settings: Hyperparameters, done: int) -> str:
    """Say where a run goes on, or that it does not."""
    if done < settings.epochs:
        return f"resumed   {folder}, after epoch {done}"
    longer = "" if settings.schedule == "cosine" else "; a larger --epochs makes it longer"
    return f"finished  {folder} has all of its {done} epochs{longer}"


def say(line: str) -> None:
    """Print a line, above the progress bar if there is one."""
    tqdm.write(line, file=sys.stdout)
    sys.stdout.flush()


def run_outcome(
    state: TrainingState,
    watched: str,
    test_accuracy: float | None = None,
    stopped: bool = False,
) -> str:
    """Say what came of a run.

    Parameters
    ----------
    state : TrainingState
        Of its last epoch.
    watched : {"test", "validation"}
        The set that was measured after each epoch.
    test_accuracy : float, optional
        Of the best epoch on a validation set.
    stopped : bool, default False
        Whether more epochs were to come.

    Returns
    -------
    str
        A line, to which its time and its folder may be added.
    """
    if not state.history:
        return "no epoch was finished"
    last, best = state.history[-1], state.history[state.best_epoch - 1]
    line = (
        f"{'' if stopped else 'final '}{watched} accuracy {last.val_accuracy:.4f}"
        f"{f' after epoch {last.epoch}' if stopped else ''}, "
        f"best {best.val_accuracy:.4f} (epoch {best.epoch})"
    )
    return (
        line if test_accuracy is None else f"{line}, which on the test set is {test_accuracy:.4f}"
    )
