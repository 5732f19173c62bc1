"""The folder that a run leaves behind: configuration, metrics, parameters, curves."""

import csv
import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Sequence, Union

import mxnet
from matplotlib.figure import Figure
from mxnet import gluon, npx

from d2l_mlp.savefig import book_style, save_figure
from d2l_mlp.training import EpochMetrics


class RunError(OSError):
    """The folder cannot be used or written; the message names it and says why."""


class Run:
    """A run's folder, being written.

    Parameters
    ----------
    folder : path
        Made if it does not exist; one that holds anything is refused.

    Raises
    ------
    RunError
        If the folder is not empty, or cannot be made or written. So do the methods.
    """

    def __init__(self, folder: Union[str, Path]):
        self.folder = Path(folder)
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            if any(self.folder.iterdir()):
                raise RunError(
                    f"{self.folder} is not empty, and a run overwrites nothing; "
                    "name another folder with --out"
                )
            self._metrics = (self.folder / "metrics.csv").open("w", newline="")
        self._write_row(EpochMetrics._fields)

    def write_config(self, config: Dict[str, Any]) -> None:
        """Write ``config.json``."""
        with self._writing():
            (self.folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    def write_metrics(self, metrics: EpochMetrics) -> None:
        """Add an epoch to ``metrics.csv``, where it can be read while the run goes on."""
        self._write_row([f"{value:.9g}" for value in metrics])

    def write_parameters(self, net: gluon.Block) -> None:
        """Write ``model.params``, which a net of the same shape reads with ``load_parameters``.

        It comes under its name only when it has been read back: on a full disk MXNet may report
        success for a file that is cut off.
        """
        path = self.folder / "model.params"
        temporary = self.folder / "model.params.tmp"
        with self._writing():
            net.save_parameters(str(temporary))
            saved = npx.load(str(temporary))
            for name, parameter in net._collect_params_with_prefix().items():
                if saved[name].asnumpy().tobytes() != parameter.data().asnumpy().tobytes():
                    raise RunError(f"{temporary} does not hold what was written to it")
            temporary.replace(path)

    def write_curves(self, history: Sequence[EpochMetrics]) -> None:
        """Draw ``curves.svg``: loss and accuracy by epoch."""
        with self._writing():
            save_figure(plot_history(history), self.folder / "curves.svg")

    def _write_row(self, row: Sequence[str]) -> None:
        with self._writing():
            csv.writer(self._metrics, lineterminator="\n").writerow(row)
            self._metrics.flush()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except RunError:
            raise
        except (OSError, KeyError, mxnet.MXNetError) as error:
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise RunError(
                f"{self.folder} cannot be written ({reason}); name another folder with --out"
            ) from error


def plot_history(history: Sequence[EpochMetrics]) -> Figure:
    """Plot the loss and the accuracy, on the training and on the test set, by epoch."""
    from matplotlib.ticker import MaxNLocator

    with book_style():
        figure = Figure(figsize=(7, 2.8), layout="constrained")
        epochs = [metrics.epoch for metrics in history]
        for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy")):
            for part, style in (("train", "C0o-"), ("test", "C1s--")):
                values = [getattr(metrics, f"{part}_{measure}") for metrics in history]
                axes.plot(epochs, values, style, markersize=3, label=f"{part} {measure}")
            axes.set(xlabel="epoch", ylabel=measure)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.4)
            axes.legend()
    return figure
