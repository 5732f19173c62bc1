"""Reading a run back, by anybody and at any time: without a lock, and without writing."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import mxnet
from mxnet.gluon import nn

from d2l_mlp.files import is_directory
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
    """A run as its newest good checkpoint has it."""

    folder: Path
    config: Config
    """See `d2l_mlp.runs.config`."""
    hyperparameters: Hyperparameters
    history: tuple[EpochMetrics, ...]
    """Of the epochs that are done."""
    epoch: int
    """Whose parameters the net has: the last, or the best."""
    net: nn.Sequential


def load_run(
    folder: str | Path, device: mxnet.Context | None = None, *, best: bool = False
) -> SavedRun:
    """Read a run, which may be going on, from a folder, which may be read-only.

    Parameters
    ----------
    folder : path
        Of the run.
    device : mxnet.Context, optional
        Where the net is to live; by default MXNet's current context.
    best : bool, default False
        Take the parameters of the best epoch, see `d2l_mlp.training.state.TrainingState`, and not
        those of the last.

    Returns
    -------
    SavedRun
        Verified: see `d2l_mlp.runs.checkpoint.load_checkpoint`. What is passed over is logged.

    Raises
    ------
    RunError
        If the folder is no run's.
    CheckpointError
        If none of its checkpoints is good, or of this version.
    """
    folder = Path(folder)
    check_folder(folder)
    saved = read_checkpoint(folder)
    settings = hyperparameters_of(saved.config)
    state = saved.state
    net = net_with(settings, state.best if best else state.parameters, device)
    epoch = state.best_epoch if best else len(state.history)
    return SavedRun(folder, saved.config, settings, state.history, epoch, net)


def check_folder(folder: Path) -> None:
    """Raise a `RunError` if a folder is not a run's."""
    checkpoints = folder / CHECKPOINTS
    try:
        is_folder, has_checkpoints = is_directory(folder, True), is_directory(checkpoints)
    except ValueError as error:
        raise RunError(*error.args) from None
    if not is_folder:
        raise RunError(f"{folder} is not a folder; name the folder of a run")
    if not has_checkpoints:
        raise RunError(f"{folder} has no folder {CHECKPOINTS}; name the folder of a run")


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read the newest good checkpoint of a run, of the configuration in its ``config.json``."""
    path = folder / CONFIG_NAME
    try:
        expected = read_config(path)
    except ValueError as error:
        log.warning("%s cannot be used (%s); the checkpoint has a copy", path, error)
        expected = None
    return load_checkpoint(folder / CHECKPOINTS, expected)
