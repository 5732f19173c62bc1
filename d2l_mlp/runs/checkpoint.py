"""A checkpoint is one file, whole or not there, and verified before it is used.

``checkpoints/000003.npz`` is the state after three epochs, in NumPy's format without pickles. The
entry ``run`` is JSON: the format's version, the configuration and the metrics of each epoch. Then
come the arrays ``parameters/0.weight``, ..., ``best/0.weight``, ... and the optimizer's states,
such as ``momentum/0.weight``. The last 64 bytes, which are the comment of the zip archive, are the
SHA-256 of all bytes before them. The last two checkpoints are kept.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import math
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from d2l_mlp.files import file_status, read_regular_file, write_atomically
from d2l_mlp.hardware.memory import available_memory
from d2l_mlp.runs.config import (
    Config,
    check_config,
    checkpoint_numbers,
    checkpoint_path,
    hyperparameters_of,
    run_identity,
)
from d2l_mlp.runs.net import check_memory, parameter_shapes
from d2l_mlp.runs.params import DTYPE
from d2l_mlp.training.optimizers import OPTIMIZERS
from d2l_mlp.training.state import EpochMetrics, TrainingState, best_epoch

FORMAT = 1  # the version of it

_DIGEST = 64  # bytes of a SHA-256 in hexadecimal digits
_MOST_OTHER = 2**26  # bytes beside the arrays: an epoch's metrics take about 150

log = logging.getLogger(__name__)


class Checkpoint(NamedTuple):
    """The content of a checkpoint."""

    config: Config  # see `d2l_mlp.runs.config`
    state: TrainingState


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message names the file and the reason."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint, confirm: Callable[[], None]) -> None:
    """Write a checkpoint, confirmed as `write_atomically` does; an OSError leaves those before."""
    path = checkpoint_path(folder, len(checkpoint.state.history))
    write_atomically(path, dump_checkpoint(checkpoint), confirm)


def remove_old_checkpoints(directory: int, newest: int) -> None:
    """Remove all checkpoints but the last two, in the folder that a descriptor has open.

    A path may lead to another run's folder by now, which would lose all of its own.
    """
    for number in checkpoint_numbers(directory):
        if number not in (newest, newest - 1):
            os.unlink(checkpoint_path(Path(), number), dir_fd=directory)


def dump_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return the content of a checkpoint's file."""
    config, state = checkpoint
    run = {"format": FORMAT, "config": config, "history": state.history}
    groups = {"parameters": state.parameters, "best": state.best, **state.optimizer}
    arrays: dict[str, Any] = {
        f"{group}/{n}": array for group, found in groups.items() for n, array in found.items()
    }
    stream = io.BytesIO()
    numpy.savez(stream, run=numpy.array(json.dumps(run).encode()), **arrays)
    # The archive ends with the length of its comment, which is 0.
    content = stream.getvalue()[:-2] + struct.pack("<H", _DIGEST)
    return content + hashlib.sha256(content).hexdigest().encode()


def load_checkpoint(folder: Path, config: Config | None = None) -> Checkpoint:
    """Read the newest good checkpoint in a folder, whose run may be going on.

    Those that are damaged, or of another configuration than `config`, are skipped, which is logged.
    """
    bad: dict[int, CheckpointError] = {}
    while True:
        try:
            numbers = [n for n in checkpoint_numbers(folder) if n not in bad]
        except OSError as error:
            raise CheckpointError(f"{folder} cannot be read ({error.strerror})") from error
        if not numbers and not bad:
            raise CheckpointError(f"{folder} holds no checkpoint; start the run again")
        for path in (checkpoint_path(folder, number) for number in numbers):
            try:
                found = _load(path, config)
            except CheckpointError as error:
                if file_status(path) is None:
                    break  # the run is going on, and has newer ones by now
                bad[int(path.stem)] = error
            else:
                if bad:
                    log.warning("%s; going back to %s", _describe(bad), path)
                return found
        else:
            raise CheckpointError(_describe(bad))


def _describe(bad: dict[int, CheckpointError]) -> str:
    """Describe the newest of the checkpoints that cannot be used."""
    others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    return f"{bad[max(bad)]}{others}"


def _load(path: Path, expected: Config | None) -> Checkpoint:
    try:
        content = read_regular_file(path, _most_bytes(expected))
        digest = hashlib.sha256(content[:-_DIGEST]).hexdigest().encode()
        if content[-_DIGEST:] != digest:
            raise ValueError("is damaged: its SHA-256 is another than it ends with")
        return _parse(content, int(path.stem), expected)
    except ValueError as error:
        raise CheckpointError(f"{path} {error}") from error
    except Exception as error:  # the hash agrees, but the content is not that of a checkpoint
        raise CheckpointError(f"{path} is not a checkpoint ({error!r})") from error


def _most_bytes(config: Config | None) -> int:
    """Return the size that no checkpoint of a run exceeds, so that a larger file is not read."""
    if config is None:
        return int(min(available_memory() / 2, 2**34))
    settings = hyperparameters_of(config)
    groups = 2 + len(OPTIMIZERS[settings.optimizer].states(settings))
    elements = sum(map(math.prod, parameter_shapes(settings).values()))
    return groups * elements * DTYPE.itemsize + _MOST_OTHER


def _parse(content: bytes, number: int, expected: Config | None) -> Checkpoint:
    with numpy.load(io.BytesIO(content), allow_pickle=False) as archive:
        if sum(entry.file_size for entry in archive.zip.infolist()) > len(content):
            raise ValueError("is compressed, which no checkpoint is")
        arrays = dict(archive)
    run = json.loads(arrays.pop("run").item())
    if run["format"] != FORMAT:
        raise ValueError(f"has the format version {run['format']!r}; this d2l_mlp reads {FORMAT}")
    config = run["config"]
    check_config(config)
    settings = hyperparameters_of(config)
    if expected and run_identity(expected) != run_identity(config):
        raise ValueError("has another configuration than config.json; remove the wrong one")
    history = tuple(EpochMetrics(int(n), *map(float, row)) for n, *row in run["history"])
    if len(history) != number:
        raise ValueError(f"is of {len(history)} epochs, which is not what its name says")
    if not all(numpy.isfinite(m).all() and m.epoch == i for i, m in enumerate(history, 1)):
        raise ValueError("holds metrics that no run has")
    check_memory(settings)
    shapes = parameter_shapes(settings)
    states = OPTIMIZERS[settings.optimizer].states(settings) if history else ()
    names = {f"{group}/{n}": shapes[n] for group in ("parameters", "best", *states) for n in shapes}
    if {name: array.shape for name, array in arrays.items()} != names:
        raise ValueError("holds arrays of another net or optimizer")
    if any(array.dtype != DTYPE for array in arrays.values()):
        raise ValueError("holds arrays that are not float32")
    groups = {g: {n: arrays[f"{g}/{n}"] for n in shapes} for g in ("parameters", "best", *states)}
    parameters, best = groups.pop("parameters"), groups.pop("best")
    epoch = best_epoch(history, settings.monitor)
    state = TrainingState(history, parameters, groups, epoch, best)
    return Checkpoint(config, state)
