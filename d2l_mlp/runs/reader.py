"""Read a run back, at any time, without a lock and without writing."""

from __future__ import annotations

import logging
import stat
from pathlib import Path
from typing import NamedTuple

import mxnet
from mxnet.gluon import nn

from d2l_mlp.runs.checkpoint import Checkpoint, load_checkpoint
from d2l_mlp.runs.config import (
    CHECKPOINTS,
    CONFIG_NAME,
    Config,
    RunError,
    hyperparameters_of,
    read_config,
)
from d2l_mlp.runs.net import net_with
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.state import EpochMetrics

log = logging.getLogger(__name__)


class SavedRun(NamedTuple):
    """A run as its newest good checkpoint holds it.

    Attributes
    ----------
    folder : Path
        Of the run.
    config : dict
        Hyperparameters, data, versions and device, see `d2l_mlp.runs.config`.
    hyperparameters : Hyperparameters
        Those of the configuration.
    history : tuple of EpochMetrics
        Of the epochs that are done.
    epoch : int
        Whose parameters the net has: the best, or the last.
    net : gluon.nn.Sequential
        With these parameters.
    """

    folder: Path
    config: Config
    hyperparameters: Hyperparameters
    history: tuple[EpochMetrics, ...]
    epoch: int
    net: nn.Sequential

    def describe(self) -> str:
        """Name the run and the epoch of the net."""
        done = len(self.history)
        best = f", the best of {done}" if self.epoch < done else ""
        return f"{self.folder}, after epoch {self.epoch}{best}"


def load_run(
    folder: str | Path, device: mxnet.Context | None = None, *, best: bool | None = None
) -> SavedRun:
    """Read a run, which may be going on, from a folder, which may be read-only.

    Parameters
    ----------
    folder : path
        Of the run.
    device : mxnet.Context, optional
        Where the net lives; by default MXNet's current context.
    best : bool, optional
        Take the parameters of the best epoch, see `d2l_mlp.training.state.TrainingState`, and not
        of the last. By default that of a run with a validation set is taken; without one, the test
        set would choose it.

    Returns
    -------
    SavedRun
        Verified by its SHA-256. If checkpoints were skipped, that is logged, with the reason.

    Raises
    ------
    RunError
        If the folder is not the folder of a run.
    CheckpointError
        If none of its checkpoints is good.
    """
    folder = Path(folder)
    check_folder(folder)
    config, state = read_checkpoint(folder)
    settings = hyperparameters_of(config)
    if best is None:
        best = settings.watched == "validation"
    net = net_with(settings, state.best if best else state.parameters, device)
    epoch = state.best_epoch if best else len(state.history)
    return SavedRun(folder, config, settings, state.history, epoch, net)


def check_folder(folder: Path) -> None:
    """Raise a `RunError` if a folder is not a run's; its checkpoints may not be a link."""
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            raise NotADirectoryError
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"{folder} is not a folder; name the folder of a run") from None
    except OSError as error:
        raise RunError(f"{folder} cannot be read ({error.strerror})") from None
    checkpoints = folder / CHECKPOINTS
    if checkpoints.is_symlink() or not checkpoints.is_dir():
        raise RunError(f"{folder} has no folder {CHECKPOINTS}; name the folder of a run")


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read the newest good checkpoint of a run, with the configuration of its ``config.json``."""
    path = folder / CONFIG_NAME
    try:
        expected = read_config(path)
    except ValueError as error:
        log.warning("%s cannot be used (%s); the checkpoint has a copy", path, error)
        expected = None
    found = load_checkpoint(folder / CHECKPOINTS, expected)
    # Newer, if a run was made longer and has not finished an epoch since.
    return found if expected is None else found._replace(config=expected)
