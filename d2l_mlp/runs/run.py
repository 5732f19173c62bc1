"""The folder of a run, as the process that trains writes it: locked, and each file whole."""

# DOC(runs.locking): A run's folder, held by one process: by descriptors, so that moving it mixes up no two runs.
#
# DOC(runs.locking): A lock guards a file, and not the path that led to it. So everything is written through the folders
# DOC(runs.locking): that were open when it was taken, and `LockedFolder.check` tells when the path leads elsewhere.

from __future__ import annotations

import csv
import fcntl
import io
import json
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from d2l_mlp.files import Folder
from d2l_mlp.plotting.learning_curves import plot_history
from d2l_mlp.plotting.style import render_figure
from d2l_mlp.runs.checkpoint import (
    BEST,
    Checkpoint,
    clear_unfinished,
    is_unfinished,
    remove_checkpoint,
    save_checkpoint,
)
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


class LockedFolder:
    """The folder of a run, locked until `close`, or until the process ends.

    Attributes
    ----------
    top, checkpoints : Folder
        It, and the folder of checkpoints in it.
    """

    def __init__(self, path: Path):
        with ExitStack() as opened:
            self.top = opened.enter_context(Folder(path))
            self.checkpoints = opened.enter_context(Folder(CHECKPOINTS, self.top))
            self._lock = self.checkpoints.open(_LOCK, os.O_RDWR | os.O_CREAT)
            opened.callback(os.close, self._lock)
            try:
                # A lock of the process's own, which those that a loader forks do not inherit.
                fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                raise RunError(
                    f"{path} is in use by another process; wait for its end or stop it"
                ) from None
            self.check()
            clear_unfinished(self.checkpoints)
            self.close = opened.pop_all().close

    def check(self) -> None:
        """Raise a `RunError` if its path, or the lock's, leads elsewhere by now."""
        in_place = self.top.is_in_place() and self.checkpoints.is_in_place()
        if not (in_place and self.checkpoints.holds(_LOCK, self._lock)):
            raise RunError(
                f"{self.top.path} was moved, deleted or replaced while this run was writing there, "
                "so the run has ended; go on with --resume and the folder it was moved to, or "
                "start it again"
            )

    def clear(self, names: Iterable[str]) -> None:
        """Remove what a start has written, as far as can be done.

        Its files come first: whatever cannot be removed, the rest is a run, or begins one.

        Parameters
        ----------
        names : iterable of str
            Of the files that are not checkpoints.
        """
        with suppress(OSError):  # what the start has failed by is told already
            for name in names:
                self.top.remove(f".{name}.part")
                self.top.remove(name)
            remove_checkpoint(self.checkpoints, 0)
            clear_unfinished(self.checkpoints)
            self.checkpoints.remove(_LOCK)
            self.top.remove(CHECKPOINTS)


def make_run_folder(path: Path) -> LockedFolder:
    """Make the folder of a new run.

    Parameters
    ----------
    path : Path
        May be there if it is empty, or holds no more than a start that was killed has left.

    Returns
    -------
    LockedFolder
        With an empty folder of checkpoints.

    Raises
    ------
    RunError
        If it holds anything else, or another process writes there.
    """
    path.mkdir(parents=True, exist_ok=True)
    with Folder(path) as top:
        if not top.names():
            with suppress(FileExistsError):  # another start is as far as this one
                top.make(CHECKPOINTS).close()
        elif not _is_left_of_a_start(top):
            raise _not_empty(path)
    locked = LockedFolder(path)
    if not _is_left_of_a_start(locked.top):  # but by a run that was faster
        locked.close()
        raise _not_empty(path)
    return locked


def is_free(path: Path) -> bool:
    """Tell whether `make` finds room for a run; a RunError if the folder cannot be read."""
    with explain_write_errors(path), suppress(FileNotFoundError), Folder(path) as top:
        return not top.names() or _is_left_of_a_start(top)
    return True


def _not_empty(path: Path) -> RunError:
    remedy = "name another folder with --out"
    if (path / CHECKPOINTS).is_dir():
        remedy += f", or go on with --resume {path}"
    return RunError(f"{path} is not empty, and a run overwrites nothing; {remedy}")


def _is_left_of_a_start(top: Folder) -> bool:
    names = set(top.names())
    if CHECKPOINTS not in names or names - {CHECKPOINTS, CONFIG_NAME, f".{CONFIG_NAME}.part"}:
        return False
    with Folder(CHECKPOINTS, top) as checkpoints:
        inner = {name for name in checkpoints.names() if not is_unfinished(name)}
    return inner == {_LOCK} or (not inner and names == {CHECKPOINTS})


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
    def start(cls, folder: str | Path, config: Config, state: TrainingState) -> Run:
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
        with explain_write_errors(folder):
            self = cls(folder, make_run_folder(folder))
        try:
            self.write_config(config)
            self.save(state)
        except BaseException:
            self._locked.clear([BEST, _METRICS, CONFIG_NAME])
            self.close()
            raise
        return self

    @classmethod
    def resume(cls, folder: str | Path) -> Run:
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
        with explain_write_errors(folder):
            self = cls(folder, LockedFolder(folder))
        try:
            self.config, self.state = read_checkpoint(self.folder)
            self._write_metrics()
            self._write_best()
        except BaseException:
            self.close()
            raise
        return self

    def __init__(self, folder: Path, locked: LockedFolder):
        self.folder, self._locked = folder, locked

    def save(self, state: TrainingState) -> None:
        """Write a checkpoint, and ``metrics.csv`` after it."""
        with self._writing():
            save_checkpoint(self._locked.checkpoints, Checkpoint(self.config, state))
        self.state = state
        self._write_metrics()
        if state.best_epoch == len(state.history):
            self._write_best()

    def write_config(self, config: Config) -> None:
        """Write ``config.json``."""
        self.config = config
        self._write(CONFIG_NAME, json.dumps(config, indent=2) + "\n")

    def write_parameters(self) -> None:
        """Write `state`'s as ``model.params``, which a net's ``load_parameters`` reads."""
        self._write("model.params", dump_parameters(self.state.parameters))

    def write_curves(self) -> None:
        """Draw ``curves.svg``: loss and accuracy by epoch; if that fails, it is logged."""
        try:
            curves = render_figure(plot_history(self.state.history, self._watched), "svg")
        except Exception as error:
            log.warning("curves.svg cannot be drawn (%s); metrics.csv has the numbers", error)
            return
        self._write("curves.svg", curves)

    def close(self) -> None:
        """Give back the lock before the process ends."""
        self._locked.close()

    @property
    def _watched(self) -> str:
        return hyperparameters_of(self.config).watched

    def _write_best(self) -> None:
        self._write(BEST, dump_parameters(self.state.best))

    def _write_metrics(self) -> None:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(EpochMetrics.names(self._watched))
        table.writerows([f"{value:.9g}" for value in metrics] for metrics in self.state.history)
        self._write(_METRICS, text.getvalue())

    def _write(self, name: str, content: str | bytes) -> None:
        raw = content.encode() if isinstance(content, str) else content
        with self._writing():
            self._locked.top.replace(name, raw)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with explain_write_errors(self.folder):
            self._locked.check()
            try:
                yield
            finally:  # that the folder is gone explains whatever has failed
                self._locked.check()
