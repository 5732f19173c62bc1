"""Reading checkpoints, which are not believed until they are verified.

Nothing in these files can name a path or a piece of code, and no link is followed.
"""

# DOC(runs.checkpoint): Checkpoints that are whole or not there.
#
# DOC(runs.checkpoint): A checkpoint is a folder: the parameters and those of the best epoch, in Gluon's format; what the
# DOC(runs.checkpoint): optimizer keeps, such as ``momentum.params``, in the same format; ``state.json``, with the
# DOC(runs.checkpoint): configuration and the metrics of the epochs that are done; and ``manifest.json``, with the size and
# DOC(runs.checkpoint): the SHA-256 of the others. It gets its name, the number of epochs that are done, when all of it is
# DOC(runs.checkpoint): on the disk. The last two are kept, and whatever else is in the folder or in a checkpoint to go.

from __future__ import annotations

import hashlib
import json
import logging
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from d2l_mlp.files import Folder, file_status, is_directory, read_regular_file
from d2l_mlp.rules import SINGLE
from d2l_mlp.runs.config import Config, hyperparameters_of, run_identity
from d2l_mlp.runs.net import check_memory, parameter_shapes
from d2l_mlp.runs.params import dump_parameters, file_size, load_parameters
from d2l_mlp.training.optimizers import OPTIMIZERS
from d2l_mlp.training.state import EpochMetrics, TrainingState

CHECKPOINT_FORMAT = 1
"""Version of the checkpoint's format."""

MANIFEST = "manifest.json"
STATE = "state.json"
PARAMETERS = "model.params"
BEST = "best.params"


class Checkpoint(NamedTuple):
    """What a checkpoint holds."""

    config: Config
    """Of the run, see `d2l_mlp.runs.config`."""
    state: TrainingState


def save_checkpoint(folder: Folder, checkpoint: Checkpoint) -> None:
    """Write a checkpoint into a folder of them, and remove all but the last two.

    Parameters
    ----------
    folder : Folder
        Nobody else writes there.
    checkpoint : Checkpoint
        Its arrays are float32.

    Raises
    ------
    OSError
        If it cannot be written. The one before it is then as it was, and nothing of it is left.
    """
    config, (history, parameters, optimizer, best_epoch, best) = checkpoint
    state = {"config": config, "history": history, "best_epoch": best_epoch}
    contents = {
        STATE: json.dumps(state).encode(),
        PARAMETERS: dump_parameters(parameters),
        BEST: dump_parameters(best),
    }
    for name, arrays in optimizer.items():
        contents[state_file(name)] = dump_parameters({n: arrays[n] for n in parameters})
    manifest = {
        "format": CHECKPOINT_FORMAT,
        "files": {n: fingerprint(raw) for n, raw in contents.items()},
    }
    contents[MANIFEST] = json.dumps(manifest, indent=2).encode()
    name = checkpoint_name(len(history))
    part = _unfinished(name)
    try:
        with folder.make(part) as inner:
            for file, raw in contents.items():
                inner.write(file, raw)
            inner.sync()
        remove_checkpoint(folder, len(history))  # one that was damaged
        folder.rename(part, name)
    except BaseException:
        _clear(folder, part)
        raise
    folder.sync()
    for number in checkpoint_numbers(folder.names()):
        if number not in (len(history), len(history) - 1):
            remove_checkpoint(folder, number)


def remove_checkpoint(folder: Folder, number: int) -> None:
    """Remove a checkpoint, if it is there; somebody who reads it sees it whole or not at all."""
    name = checkpoint_name(number)
    if name in folder.names():
        aside = _unfinished(name)
        folder.rename(name, aside)
        _clear(folder, aside)


def clear_unfinished(folder: Folder) -> None:
    """Remove what processes that were killed have left of the checkpoints they wrote or removed."""
    for name in filter(is_unfinished, folder.names()):
        _clear(folder, name)


def is_unfinished(name: str) -> bool:
    """Tell whether a name is that of a checkpoint that is being written or removed."""
    return bool(re.fullmatch(r"[0-9]{6,9}\.[0-9a-f]{8}", name))


def fingerprint(content: bytes) -> dict[str, Any]:
    """Give what the manifest says of a file."""
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def state_file(state: str) -> str:
    """Give the name of the file for what an optimizer keeps under a name."""
    return f"{state}.params"


def checkpoint_name(number: int) -> str:
    """Give the name of the checkpoint after so many epochs."""
    return f"{number:06}"


def checkpoint_numbers(names: Iterable[str]) -> list[int]:
    """Give the numbers of epochs that there are checkpoints of, the highest first."""
    found = (
        int(n) for n in names if re.fullmatch(r"[0-9]{6,9}", n) and n == checkpoint_name(int(n))
    )
    return sorted(found, reverse=True)


def _unfinished(name: str) -> str:
    """Give a name for a checkpoint that is being written or removed: readers pass it over."""
    return f"{name}.{secrets.token_hex(4)}"


def _clear(folder: Folder, name: str) -> None:
    """Remove the files of a checkpoint, and its folder if nobody has put anything else there."""
    try:
        checkpoint = Folder(name, folder)
    except (FileNotFoundError, NotADirectoryError):
        return  # it is not what `save` has made
    with checkpoint:
        for file in checkpoint.names():
            if file in (MANIFEST, STATE) or re.fullmatch(r"[a-z]+\.params", file):
                checkpoint.remove(file)
    folder.remove(name)


log = logging.getLogger(__name__)

_MOST_JSON = 2**26  # bytes; an epoch's metrics have about 150


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message names the file and says what is wrong with it."""


def load_checkpoint(folder: Path, config: Config | None = None) -> Checkpoint:
    """Read the newest good checkpoint in a folder; those passed over are logged, with the reason.

    Nothing is written, and nothing locked: the run may be going on.

    Parameters
    ----------
    folder : Path
        Where `save` wrote.
    config : dict, optional
        Pass over the checkpoints of a run with another configuration.

    Returns
    -------
    Checkpoint
        Verified: the bytes, the format, the architecture, the dtype.

    Raises
    ------
    CheckpointError
        If there is no good one; the message is about the last one tried.
    """
    if not _is_folder(folder):
        raise CheckpointError(f"{folder} is not a folder of checkpoints")
    passed: list[Path] = []
    while True:
        try:
            names = [path.name for path in folder.iterdir()]
        except OSError as error:
            raise CheckpointError(f"{folder} cannot be read ({error.strerror})") from error
        paths = [
            folder / checkpoint_name(n)
            for n in checkpoint_numbers(names)
            if folder / checkpoint_name(n) not in passed
        ]
        if not paths:
            raise CheckpointError(f"{folder} holds no checkpoint; start the run again")
        try:
            return _load(paths[0], config)
        except CheckpointError as error:
            if _is_gone(paths[0]):
                continue  # the run goes on, and has newer ones by now
            if len(paths) == 1:
                raise
            log.warning("%s; going back to %s", error, paths[1])
            passed.append(paths[0])


def _is_folder(path: Path) -> bool:
    try:
        return is_directory(path)
    except ValueError as error:
        raise CheckpointError(*error.args) from None


def _is_gone(path: Path) -> bool:
    try:
        return file_status(path) is None
    except ValueError:  # which is another matter
        return False


def _load(path: Path, config: Config | None) -> Checkpoint:
    if not _is_folder(path):
        raise CheckpointError(f"{path} is not a folder")
    with _blaming(path / MANIFEST):
        manifest = json.loads(read_regular_file(path / MANIFEST, 2**16))
        if manifest["format"] != CHECKPOINT_FORMAT:
            raise ValueError(
                f"has the format version {manifest['format']!r}; this d2l_mlp reads {CHECKPOINT_FORMAT}"
            )
        expected = manifest["files"]
    with _blaming(path / STATE):
        content = json.loads(_read(path / STATE, expected[STATE], _MOST_JSON))
        settings = hyperparameters_of(content["config"])
        history = tuple(
            EpochMetrics(int(epoch), *map(float, metrics)) for epoch, *metrics in content["history"]
        )
        if [metrics.epoch for metrics in history] != list(range(1, int(path.name) + 1)):
            raise ValueError(f"is not of the first {int(path.name)} epochs")
        # Python's JSON knows NaN and 1e308, which no run in single precision has.
        if not all(abs(value) <= SINGLE[1] for metrics in history for value in metrics):
            raise ValueError("has a metric that is not finite in single precision")
        if config and run_identity(config) != run_identity(content["config"]):
            raise ValueError("has another configuration than config.json; remove the wrong one")
        # A run from before this was kept has had no best epoch but its last.
        best_epoch = content.get("best_epoch", len(history))
        if type(best_epoch) is not int or not min(1, len(history)) <= best_epoch <= len(history):
            raise ValueError(f"says that the best epoch is {best_epoch!r} of {len(history)}")
        check_memory(settings)
        shapes = parameter_shapes(settings)
        size = file_size(shapes)
    arrays = {}
    states = OPTIMIZERS[settings.optimizer].states(settings) if history else ()
    others = [BEST] if "best_epoch" in content else []
    for name in (PARAMETERS, *others, *map(state_file, states)):
        with _blaming(path / name):
            if expected[name]["size"] != size:
                raise ValueError(f"has not the {size:,} bytes of the parameters of such a net")
            arrays[name] = load_parameters(_read(path / name, expected[name], size), shapes)
    parameters = arrays[PARAMETERS]
    optimizer = {name: arrays[state_file(name)] for name in states}
    best = arrays.get(BEST, parameters)
    state = TrainingState(history, parameters, optimizer, best_epoch, best)
    return Checkpoint(content["config"], state)


def _read(path: Path, expected: dict[str, Any], most: int) -> bytes:
    content = read_regular_file(path, most)
    if len(content) != expected["size"]:
        raise ValueError(f"has {len(content):,} bytes, and its manifest says {expected['size']!r}")
    if fingerprint(content) != expected:
        raise ValueError("has another SHA-256 than its manifest says")
    return content


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """Turn what anything unexpected in a file leads to into a `CheckpointError` that names it."""
    try:
        yield
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is not JSON ({error})") from error
    except ValueError as error:
        raise CheckpointError(f"{path} {error}") from error
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError) as error:
        raise CheckpointError(f"{path} lacks what belongs there ({error!r})") from error
