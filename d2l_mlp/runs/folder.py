"""The folder of a run, as the process that trains writes it: locked, and each file whole."""

import csv
import io
import json
import logging
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union

from d2l_mlp.plotting.learning_curves import plot_history
from d2l_mlp.plotting.savefig import render
from d2l_mlp.runs import checkpoint, locking
from d2l_mlp.runs.config import NAME, Config, hyperparameters
from d2l_mlp.runs.errors import explained
from d2l_mlp.runs.params import dump_parameters
from d2l_mlp.runs.reader import check_folder, read_checkpoint
from d2l_mlp.training.state import EpochMetrics, TrainingState

log = logging.getLogger(__name__)

_METRICS = "metrics.csv"


class Run:
    """A run's folder, being written by this process alone.

    Made by `start` or `resume`, which lock it; the lock ends with the process. All methods raise
    `RunError` if the folder cannot be written.

    Attributes
    ----------
    folder : Path
        Where it is.
    config : dict
        Hyperparameters, data, versions, device.
    state : TrainingState
        Of the last checkpoint.
    """

    config: Config
    state: TrainingState

    @classmethod
    def start(cls, folder: Union[str, Path], config: Config, state: TrainingState) -> "Run":
        """Make the folder of a new run, and save the state.

        Parameters
        ----------
        folder : path
            Must be empty, not exist, or hold no more than a start that was killed has left.
        config : dict
            See `d2l_mlp.runs.config`.
        state : TrainingState
            Before the first epoch.

        Returns
        -------
        Run
            Locked.

        Raises
        ------
        RunError
            If there is anything in the folder.
        """
        folder = Path(folder)
        with explained(folder):
            self = cls(folder, locking.make(folder))
        try:
            self.write_config(config)
            self.save(state)
        except BaseException:
            self._locked.clear([checkpoint.BEST, _METRICS, NAME])
            self.close()
            raise
        return self

    @classmethod
    def resume(cls, folder: Union[str, Path]) -> "Run":
        """Open the folder of a run at its newest good checkpoint.

        Parameters
        ----------
        folder : path
            Of the run.

        Returns
        -------
        Run
            Locked.

        Raises
        ------
        CheckpointError
            If it has none.
        """
        folder = Path(folder)
        check_folder(folder)
        with explained(folder):
            self = cls(folder, locking.LockedFolder(folder))
        try:
            self.config, self.state = read_checkpoint(self.folder)
            self._write_metrics()
            self._write_best()
        except BaseException:
            self.close()
            raise
        return self

    def __init__(self, folder: Path, locked: locking.LockedFolder):
        self.folder, self._locked = folder, locked

    def save(self, state: TrainingState) -> None:
        """Write a checkpoint, and ``metrics.csv`` after it."""
        with self._writing():
            checkpoint.save(self._locked.checkpoints, checkpoint.Checkpoint(self.config, state))
        self.state = state
        self._write_metrics()
        if state.best_epoch == len(state.history):
            self._write_best()

    def write_config(self, config: Config) -> None:
        """Write ``config.json``."""
        self.config = config
        self._write(NAME, json.dumps(config, indent=2) + "\n")

    def write_parameters(self) -> None:
        """Write `state`'s as ``model.params``, which a net's ``load_parameters`` reads."""
        self._write("model.params", dump_parameters(self.state.parameters))

    def write_curves(self) -> None:
        """Draw ``curves.svg``: loss and accuracy by epoch; if that fails, it is logged."""
        try:
            curves = render(plot_history(self.state.history, self._watched), "svg")
        except Exception as error:
            log.warning("curves.svg cannot be drawn (%s); metrics.csv has the numbers", error)
            return
        self._write("curves.svg", curves)

    def close(self) -> None:
        """Give back the lock before the process ends."""
        self._locked.close()

    @property
    def _watched(self) -> str:
        return hyperparameters(self.config).watched

    def _write_best(self) -> None:
        self._write(checkpoint.BEST, dump_parameters(self.state.best))

    def _write_metrics(self) -> None:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(EpochMetrics.names(self._watched))
        table.writerows([f"{value:.9g}" for value in metrics] for metrics in self.state.history)
        self._write(_METRICS, text.getvalue())

    def _write(self, name: str, content: Union[str, bytes]) -> None:
        raw = content.encode() if isinstance(content, str) else content
        with self._writing():
            self._locked.top.replace(name, raw)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with explained(self.folder):
            self._locked.check()
            try:
                yield
            finally:  # that the folder is gone explains whatever has failed
                self._locked.check()
