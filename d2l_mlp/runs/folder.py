"""The folder of a run, as the process that trains writes it: locked, and each file whole."""

import csv
import fcntl
import io
import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union

from mxnet import gluon

from d2l_mlp.plotting.learning_curves import plot_history
from d2l_mlp.plotting.savefig import save_figure
from d2l_mlp.runs import checkpoint
from d2l_mlp.runs.config import NAME, Config, hyperparameters
from d2l_mlp.runs.params import dump_parameters
from d2l_mlp.runs.reader import CHECKPOINTS, RunError, check_folder, read_checkpoint
from d2l_mlp.runtime import files
from d2l_mlp.training.state import EpochMetrics, TrainingState, parameters_of


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

    folder: Path
    config: Config
    state: TrainingState

    @classmethod
    def start(cls, folder: Union[str, Path], config: Config, state: TrainingState) -> "Run":
        """Make the folder of a new run, and save the state.

        Parameters
        ----------
        folder : path
            Must be empty, or not exist.
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
        self = cls()
        self.folder, self.config = Path(folder), config
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            if any(self.folder.iterdir()):
                raise RunError(
                    f"{self.folder} is not empty, and a run overwrites nothing; "
                    "name another folder with --out"
                )
            self._checkpoints.mkdir()
            self._lock()
        self.write_config(config)
        self.save(state)
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
        self = cls()
        self.folder = Path(folder)
        check_folder(self.folder)
        with self._writing():
            self._lock()
        self.config, self.state = read_checkpoint(self.folder)
        self._write_metrics()
        self._write_best()
        return self

    def save(self, state: TrainingState) -> None:
        """Write a checkpoint, and ``metrics.csv`` after it."""
        with self._writing():
            checkpoint.save(self._checkpoints, checkpoint.Checkpoint(self.config, state))
        self.state = state
        self._write_metrics()
        if state.best_epoch == len(state.history):
            self._write_best()

    def write_config(self, config: Config) -> None:
        """Write ``config.json``."""
        with self._writing():
            self.config = config
            text = json.dumps(config, indent=2) + "\n"
            files.replace(self.folder / NAME, text.encode())

    def write_parameters(self, net: gluon.Block) -> None:
        """Write ``model.params``, which a net of the same shape reads with ``load_parameters``."""
        with self._writing():
            files.replace(self.folder / "model.params", dump_parameters(parameters_of(net)))

    def write_curves(self) -> None:
        """Draw ``curves.svg``: loss and accuracy by epoch."""
        with self._writing():
            save_figure(plot_history(self.state.history, self._watched), self.folder / "curves.svg")

    def close(self) -> None:
        """Give back the lock before the process ends."""
        os.close(self._lock_file)

    @property
    def _watched(self) -> str:
        return hyperparameters(self.config).watched

    def _write_best(self) -> None:
        with self._writing():
            files.replace(self.folder / checkpoint.BEST, dump_parameters(self.state.best))

    @property
    def _checkpoints(self) -> Path:
        return self.folder / CHECKPOINTS

    def _write_metrics(self) -> None:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(n.replace("val_", f"{self._watched}_") for n in EpochMetrics._fields)
        table.writerows([f"{value:.9g}" for value in metrics] for metrics in self.state.history)
        with self._writing():
            files.replace(self.folder / "metrics.csv", text.getvalue().encode())

    def _lock(self) -> None:
        # A lock of the process's own, which those that a loader forks do not inherit.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._lock_file = os.open(self._checkpoints / "lock", flags)
        try:
            fcntl.lockf(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise RunError(
                f"{self.folder} is in use by another process; wait for its end or stop it"
            ) from None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except RunError:
            raise
        except OSError as error:
            raise RunError(
                f"{self.folder} cannot be written ({error.strerror or error}); "
                "mend that, or name another folder with --out"
            ) from error
