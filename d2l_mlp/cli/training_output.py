"""What the training command prints and saves: the run before it starts, each epoch, the outcome."""

from __future__ import annotations

import math
import platform
import shlex
import shutil
import sys
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import mxnet
import numpy
from mxnet.gluon import nn
from tqdm import tqdm

from d2l_mlp import __version__
from d2l_mlp.cli.command import Stopped
from d2l_mlp.cli.worker import has_launcher
from d2l_mlp.data.fashion_mnist import FashionMNIST
from d2l_mlp.files import printable
from d2l_mlp.hardware.devices import describe_devices
from d2l_mlp.runs.run import Run
from d2l_mlp.training.distributed import WorkerLeftError
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.state import TrainingState, has_stopped

if TYPE_CHECKING:
    from d2l_mlp.runs.tensorboard import EventLog

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


def resumed(run: Run, settings: Hyperparameters) -> str:
    """Describe where a run resumes, or that it is finished."""
    folder, history, done = run.folder, run.state.history, len(run.state.history)
    if has_stopped(history, settings) and done < settings.epochs:
        return f"finished  {folder} has stopped after epoch {done}; --epochs N resumes it up to N"
    if done < settings.epochs:
        return f"resumed   {folder}, after epoch {done}"
    longer = "; a larger --epochs makes it longer" if settings.schedule == "constant" else ""
    return f"finished  {folder} has all of its {done} epochs{longer}"


class Output:
    """Save a training in its run, and print it, with a bar on a terminal, in a ``with`` block.

    After the block, also after Ctrl-C or divergence, the run holds the epochs that are finished.
    """

    def __init__(
        self, prog: str, run: Run, settings: Hyperparameters, minibatches: int,
        events: EventLog | None, quiet: bool, started: float,
    ):  # fmt: skip
        self.test_accuracy: float | None = None  # of the best epoch on the validation set
        self._prog, self._run, self._settings, self._events = prog, run, settings, events
        self._quiet, self._started = quiet, started
        self._bar = tqdm(
            initial=len(run.state.history) * minibatches, total=settings.epochs * minibatches,
            disable=quiet or not sys.stderr.isatty(), leave=False,
            # What is typed, such as ^C, shows behind the bar, and must not start another line.
            ncols=min(80, shutil.get_terminal_size().columns) - 3,
            bar_format="{desc} |{bar}| {percentage:3.0f} %, {remaining} left{postfix}",
        )  # fmt: skip
        self._label_bar()

    def finish_minibatch(self) -> None:
        """Advance the bar."""
        self._bar.update()

    def finish_epoch(self, state: TrainingState) -> None:
        """Save the state and print its last epoch."""
        self._run.save(state)
        last = state.history[-1]
        if self._events:
            self._events.add(last)
        if not self._quiet:
            line = last.describe(self._settings.epochs, self._settings.watched)
            say(f"{line}  {last.seconds:.2f} s")
        self._label_bar()

    def _label_bar(self) -> None:
        """Show the next epoch's number, and the loss of the last one."""
        history, epochs = self._run.state.history, self._settings.epochs
        epoch = f"epoch {min(len(history) + 1, epochs)}/{epochs}"
        self._bar.set_description_str(epoch, refresh=False)
        if history:
            self._bar.set_postfix_str(f"train loss {history[-1].train_loss:.4f}")

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        is_shown = not self._bar.disable
        self._bar.close()  # which disables it
        if is_shown:
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()
        if self._events:
            self._events.close()
        run, settings, history = self._run, self._settings, self._run.state.history
        if kind is None and len(history) < settings.epochs and not self._quiet:
            say(f"stopped   no better {settings.monitor} in {settings.patience} epochs")
        run.write_parameters()
        if history:
            run.write_curves()
        run.close()
        stopped = kind is not None and issubclass(kind, (Stopped, WorkerLeftError))
        seconds = time.perf_counter() - self._started
        say(f"{self._outcome(complete=kind is None)}; {seconds:.1f} s")
        say(f"saved in  {run.folder}")
        if stopped and not has_launcher():
            say(f"resume    {self._prog} --resume {shlex.quote(str(run.folder))}")

    def _outcome(self, complete: bool) -> str:
        """Describe what the run has reached; one that is not complete had more epochs to come."""
        state, settings = self._run.state, self._settings
        if not state.history:
            return "no epoch was finished"
        last, best = state.history[-1], state.history[state.best_epoch - 1]
        line = f"{settings.watched} accuracy {last.val_accuracy:.4f}"
        line = f"final {line}" if complete else f"{line} after epoch {last.epoch}"
        by = "" if settings.monitor == "accuracy" else f", by {settings.monitor}"
        line = f"{line}, best {best.val_accuracy:.4f} (epoch {best.epoch}{by})"
        if self.test_accuracy is not None:
            line = f"{line}, which on the test set is {self.test_accuracy:.4f}"
        return line
