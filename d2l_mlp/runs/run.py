"""The folder of a run, as the process that trains writes it: locked, and each file whole.

The lock is on ``checkpoints/lock``, which stays open, so that no other file has its inode. Before
each write, and before what it has written takes its name, the run checks that its path still leads
to this inode. A run whose folder was moved, emptied or replaced thus ends, and does not write into
the folder of another: if the folder goes after the second check, so does what was written.
"""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from d2l_mlp.files import new_part, parts, write_atomically
from d2l_mlp.plotting.learning_curves import plot_history
from d2l_mlp.plotting.style import render_figure
from d2l_mlp.runs.checkpoint import Checkpoint, remove_old_checkpoints, save_checkpoint
from d2l_mlp.runs.config import (
    CHECKPOINTS,
    CONFIG_NAME,
    Config,
    RunError,
    explain_write_errors,
    hyperparameters_of,
)
from d2l_mlp.runs.params import dump_parameters
from d2l_mlp.runs.reader import check_folder, read_checkpoint
from d2l_mlp.training.state import EpochMetrics, TrainingState

_LOCK = "lock"

log = logging.getLogger(__name__)


class Run:
    """The folder of a run, written by this process alone; a RunError if it cannot be written.

    `start` and `resume` lock it. The lock ends with the process.
    """

    config: Config
    state: TrainingState  # of the last checkpoint

    @classmethod
    def start(cls, folder: str | Path, config: Config, state: TrainingState) -> Run:
        """Make the folder of a new run, which becomes one when its first checkpoint is whole.

        It may exist, and hold the rest of a start that was killed, but nothing else.
        """
        folder = Path(folder)
        if not is_free(folder):
            raise _not_empty(folder)
        part = new_part(folder / CHECKPOINTS)
        with explain_write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for other in parts(folder, CHECKPOINTS):
                with suppress(RunError, FileNotFoundError):  # its start is still going on
                    os.close(_lock(other))
                    shutil.rmtree(other)
            part.mkdir()
            try:
                self = cls(folder, part)
                with self._closed_on_failure():
                    self.config, self.state = config, state
                    save_checkpoint(part, Checkpoint(config, state), self._check_place)
                    self._appear()
            finally:
                shutil.rmtree(part, ignore_errors=True)
        with self._closed_on_failure():
            self.write_config(config)
            self._write_metrics()
            self._write_best()
        return self

    @classmethod
    def resume(cls, folder: str | Path) -> Run:
        """Lock a run's folder and read its newest good checkpoint; raises what `load_run` does."""
        folder = Path(folder)
        check_folder(folder)
        with explain_write_errors(folder):
            self = cls(folder, folder / CHECKPOINTS)
        with self._closed_on_failure():
            self._remove_parts()
            self.config, self.state = read_checkpoint(folder)
            self._write_metrics()
            self._write_best()
        return self

    def __init__(self, folder: Path, checkpoints: Path):
        self.folder, self._checkpoints = folder, checkpoints
        self._lock = _lock(checkpoints)
        self._directory = os.open(checkpoints, os.O_RDONLY)  # wherever it moves

    @contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def save(self, state: TrainingState) -> None:
        """Write a checkpoint, and ``metrics.csv`` and ``best.params`` after it."""
        with self._writing():
            saved = Checkpoint(self.config, state)
            save_checkpoint(self._checkpoints, saved, self._check_place)
            remove_old_checkpoints(self._directory, len(state.history))
        self.state = state
        self._write_metrics()
        if state.best_epoch == len(state.history):
            self._write_best()

    def write_config(self, config: Config) -> None:
        """Write ``config.json``."""
        self.config = config
        self._write(CONFIG_NAME, (json.dumps(config, indent=2) + "\n").encode())

    def write_parameters(self) -> None:
        """Write the parameters of `state` to ``model.params``, for a net's ``load_parameters``."""
        self._write("model.params", dump_parameters(self.state.parameters))

    def write_curves(self) -> None:
        """Draw ``curves.svg``, loss and accuracy by epoch; a failure to draw is logged."""
        try:
            curves = render_figure(plot_history(self.state.history, self._watched), "svg")
        except Exception as error:
            log.warning("curves.svg cannot be drawn (%s); metrics.csv has the numbers", error)
            return
        self._write("curves.svg", curves)

    def close(self) -> None:
        """Release the lock before the process ends."""
        os.close(self._directory)
        os.close(self._lock)

    @property
    def _watched(self) -> str:
        return hyperparameters_of(self.config).watched

    def _write_best(self) -> None:
        self._write("best.params", dump_parameters(self.state.best))

    def _write_metrics(self) -> None:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(EpochMetrics.names(self._watched))
        table.writerows([f"{value:.12g}" for value in metrics] for metrics in self.state.history)
        self._write("metrics.csv", text.getvalue().encode())

    def _write(self, name: str, content: bytes) -> None:
        with self._writing():
            write_atomically(self.folder / name, content, self._check_place)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with explain_write_errors(self.folder):
            self._check_place()
            try:
                yield
            finally:  # a folder that is gone explains any failure
                self._check_place()

    def _remove_parts(self) -> None:
        """Remove files that killed processes were writing."""
        with self._writing():
            for path in (*parts(self.folder), *parts(self._checkpoints)):
                if not path.is_dir():
                    path.unlink()

    def _check_place(self) -> None:
        """Raise a RunError if the path leads to another lock than the one that is held."""
        with suppress(OSError):
            if os.path.samestat((self._checkpoints / _LOCK).lstat(), os.fstat(self._lock)):
                return
        raise RunError(
            f"{self.folder} was moved, deleted or replaced while this run was writing there, so "
            "the run has ended; give --resume the folder's new path, or start it again"
        )

    def _appear(self) -> None:
        """Give the first checkpoint its place, unless another run was faster."""
        checkpoints = self.folder / CHECKPOINTS
        try:
            self._checkpoints.rename(checkpoints)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise _not_empty(self.folder) from None
            raise
        self._checkpoints = checkpoints


def is_free(folder: Path) -> bool:
    """Return whether a new run can start in a folder; a RunError if it cannot be read."""
    with explain_write_errors(folder), suppress(FileNotFoundError):
        # A part is of a start that was killed, or is still going on.
        return set(folder.iterdir()) == set(parts(folder, CHECKPOINTS))
    return True


def _not_empty(folder: Path) -> RunError:
    fix = "name another folder with --out"
    if (folder / CHECKPOINTS).is_dir():
        fix += f", or resume it with --resume {folder}"
    return RunError(f"{folder} is not empty, and a run overwrites nothing; {fix}")


def _lock(checkpoints: Path) -> int:
    """Lock a folder of checkpoints until the descriptor is closed, or the process ends."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    lock = os.open(checkpoints / _LOCK, flags, 0o666)
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        raise RunError(
            f"{checkpoints.parent} is in use by another process; wait for its end or stop it"
        ) from None
    return lock
