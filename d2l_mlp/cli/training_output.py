"""What the training command prints: the run before it starts, its progress, its outcome."""

from __future__ import annotations

import math
import platform
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import mxnet
import numpy
from mxnet.gluon import nn
from tqdm import tqdm

from d2l_mlp import __version__
from d2l_mlp.data.fashion_mnist import FashionMNIST
from d2l_mlp.files import printable
from d2l_mlp.hardware.devices import describe_devices
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.state import EpochMetrics, TrainingState, has_stopped

_CLEAR_LINE = "\r\033[K"


def say(line: str) -> None:
    """Print a line, above the progress bar if there is one."""
    tqdm.write(printable(line), file=sys.stdout)
    sys.stdout.flush()


def versions() -> dict[str, str]:
    """Return the versions of the packages that a result depends on."""
    return {
        "d2l_mlp": __version__,
        "mxnet": mxnet.__version__,
        "d2l": version("d2l"),
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }


def introduction(
    settings: Hyperparameters, data: FashionMNIST, devices: list[mxnet.Context], net: nn.Sequential
) -> list[str]:
    """Describe the run: data, device, versions, and the net with a line for each layer."""
    shapes = [parameter.shape for parameter in net.collect_params().values()]
    units = "-".join(map(str, [shapes[0][1], *settings.hidden, shapes[-1][0]]))
    activation = settings.activation if settings.hidden else "no activation"
    count = sum(math.prod(shape) for shape in shapes)
    return [
        f"data      {data.describe()}",
        f"device    {describe_devices(devices)}",
        f"versions  {', '.join(f'{name} {number}' for name, number in versions().items())}",
        f"model     {units}, {activation}, {count:,} parameters, {settings.init}, "
        f"seed {settings.seed}",
        *_layers(net),
    ]


def _layers(net: nn.Sequential) -> list[str]:
    """Describe each layer, by the number that its parameters' names begin with."""
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


def resumed(folder: Path, settings: Hyperparameters, history: Sequence[EpochMetrics]) -> str:
    """Describe where a run resumes, or that it is finished."""
    done = len(history)
    if has_stopped(history, settings) and done < settings.epochs:
        return f"finished  {folder} has stopped after epoch {done}; --epochs N resumes it up to N"
    if done < settings.epochs:
        return f"resumed   {folder}, after epoch {done}"
    longer = "; a larger --epochs makes it longer" if settings.schedule == "constant" else ""
    return f"finished  {folder} has all of its {done} epochs{longer}"


class Progress:
    """A bar on a terminal: the epoch, the loss of the epoch before it, and the time left."""

    def __init__(self, state: TrainingState, num_epochs: int, minibatches: int, shown: bool):
        self._num_epochs = num_epochs
        self._bar = tqdm(
            initial=len(state.history) * minibatches, total=num_epochs * minibatches,
            disable=not (shown and sys.stderr.isatty()), leave=False,
            # What is typed, such as ^C, shows behind the bar, and must not start another line.
            ncols=min(80, shutil.get_terminal_size().columns) - 3,
            bar_format="{desc} |{bar}| {percentage:3.0f} %, {remaining} left{postfix}",
        )  # fmt: skip
        self.finish_epoch(state)

    def finish_minibatch(self) -> None:
        """Advance the bar."""
        self._bar.update()

    def finish_epoch(self, state: TrainingState) -> None:
        """Show the next epoch's number, and the loss of the last one."""
        done = len(state.history)
        self._bar.set_description_str(
            f"epoch {min(done + 1, self._num_epochs)}/{self._num_epochs}", refresh=False
        )
        if state.history:
            self._bar.set_postfix_str(f"train loss {state.history[-1].train_loss:.4f}")

    def close(self) -> None:
        """Clear the line."""
        self._bar.close()
        if not self._bar.disable:
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()


def outcome(
    state: TrainingState,
    settings: Hyperparameters,
    test_accuracy: float | None = None,
    stopped: bool = False,
) -> str:
    """Describe what a run has reached; a stopped one had more epochs to come."""
    if not state.history:
        return "no epoch was finished"
    last, best = state.history[-1], state.history[state.best_epoch - 1]
    line = f"{settings.watched} accuracy {last.val_accuracy:.4f}"
    line = f"{line} after epoch {last.epoch}" if stopped else f"final {line}"
    by = "" if settings.monitor == "accuracy" else f", by {settings.monitor}"
    line = f"{line}, best {best.val_accuracy:.4f} (epoch {best.epoch}{by})"
    if test_accuracy is not None:
        line = f"{line}, which on the test set is {test_accuracy:.4f}"
    return line
