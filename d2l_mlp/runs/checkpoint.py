"""Checkpoints that are whole or not there, and that are not believed until they are verified.

A checkpoint is a folder of four files: the parameters, in Gluon's format; the momentum, in the same
format; ``state.json``, with the configuration and the metrics of the epochs that are done; and
``manifest.json``, with the size and the SHA-256 of the other three. It gets its name, the number of
epochs that are done, when all of it is on the disk. The last two are kept.

Nothing in these files can name a path or a piece of code, and no link is followed.
"""

import hashlib
import json
import logging
import math
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from d2l_mlp.cli import train_flags as options
from d2l_mlp.runs.params import dump_parameters, load_parameters
from d2l_mlp.runtime import files
from d2l_mlp.training.loop import EpochMetrics, TrainingState

log = logging.getLogger(__name__)

FORMAT = 1
"""Version of the checkpoint's format."""

MANIFEST = "manifest.json"
STATE = "state.json"
PARAMETERS = "model.params"
MOMENTUM = "momentum.params"

_MOST_JSON = 2**26  # bytes; an epoch's metrics have about 150


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message names the file and says what is wrong with it."""


class Checkpoint(NamedTuple):
    """What a checkpoint holds."""

    config: Dict[str, Any]
    """Of the run, as `d2l_mlp.runs.folder` writes it."""
    state: TrainingState


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint into a folder of them, and remove all but the last two.

    Parameters
    ----------
    folder : Path
        Exists.
    checkpoint : Checkpoint
        Its parameters and momentum are float32.

    Raises
    ------
    OSError
        If it cannot be written. The one before it is then as it was.
    """
    config, (history, parameters, momentum) = checkpoint
    contents = {
        STATE: json.dumps({"config": config, "history": history}).encode(),
        PARAMETERS: dump_parameters(parameters),
        MOMENTUM: dump_parameters({n: momentum[n] for n in parameters if n in momentum}),
    }
    manifest = {"format": FORMAT, "files": {n: _fingerprint(raw) for n, raw in contents.items()}}
    contents[MANIFEST] = json.dumps(manifest, indent=2).encode()
    part, path = folder / "part", _path(folder, len(history))
    files.remove(part)  # of a process that was killed
    part.mkdir()
    for name, raw in contents.items():
        files.write(part / name, raw)
    files.sync(part)
    files.remove(path)  # one that `load` went back from
    part.rename(path)
    files.sync(folder)
    for number in _numbers(folder):
        if number not in (len(history), len(history) - 1):
            files.remove(_path(folder, number))


def load(folder: Path, config: Optional[Dict[str, Any]] = None) -> Checkpoint:
    """Read the newest good checkpoint in a folder; those passed over are logged, with the reason.

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
    if folder.is_symlink() or not folder.is_dir():
        raise CheckpointError(f"{folder} is not a folder of checkpoints")
    paths = [_path(folder, number) for number in _numbers(folder)]
    for path, before in zip(paths, [*paths[1:], None]):
        try:
            return _load(path, config)
        except CheckpointError as error:
            if before is None:
                raise
            log.warning("%s; going back to %s", error, before)
    raise CheckpointError(f"{folder} holds no checkpoint")


def _load(path: Path, config: Optional[Dict[str, Any]]) -> Checkpoint:
    if path.is_symlink() or not path.is_dir():
        raise CheckpointError(f"{path} is not a folder")
    with _blaming(path / MANIFEST):
        manifest = json.loads(files.read(path / MANIFEST, 2**16))
        if manifest["format"] != FORMAT:
            raise ValueError(
                f"has the format version {manifest['format']!r}; this d2l_mlp reads {FORMAT}"
            )
        expected = {name: manifest["files"][name] for name in (STATE, PARAMETERS, MOMENTUM)}
    with _blaming(path / STATE):
        content = json.loads(_read(path / STATE, expected[STATE], _MOST_JSON))
        flags = options.from_config(content["config"])
        history = tuple(
            EpochMetrics(int(epoch), *map(float, metrics)) for epoch, *metrics in content["history"]
        )
        if [metrics.epoch for metrics in history] != list(range(1, int(path.name) + 1)):
            raise ValueError(f"is not of the first {int(path.name)} epochs")
        if config and identity(config) != identity(content["config"]):
            raise ValueError("has another configuration than config.json; remove the wrong one")
        shapes = parameter_shapes(flags.hidden, flags.activation)
        most = sum(100 + 4 * math.prod(shape) for shape in shapes.values())
    with _blaming(path / PARAMETERS):
        raw = _read(path / PARAMETERS, expected[PARAMETERS], most)
        parameters = load_parameters(raw, shapes)
    with _blaming(path / MOMENTUM):
        raw = _read(path / MOMENTUM, expected[MOMENTUM], most)
        momentum = load_parameters(raw, shapes if flags.momentum and history else {})
    return Checkpoint(content["config"], TrainingState(history, parameters, momentum))


def _read(path: Path, expected: Dict[str, Any], most: int) -> bytes:
    content = files.read(path, most)
    if len(content) != expected["size"]:
        raise ValueError(f"has {len(content):,} bytes, and its manifest says {expected['size']!r}")
    if _fingerprint(content) != expected:
        raise ValueError("has another SHA-256 than its manifest says")
    return content


def parameter_shapes(hidden: List[int], activation: str) -> Dict[str, Tuple[int, ...]]:
    """Give the shapes that the chapter's MLP has, by Gluon's names, without building it."""
    shapes, sizes = {}, [784, *hidden, 10]
    for i, (inputs, units) in enumerate(zip(sizes, sizes[1:])):
        shapes[f"{i}.weight"] = (units, inputs)
        shapes[f"{i}.bias"] = (units,)
        if activation == "prelu" and i < len(hidden):
            shapes[f"{i}.act.alpha"] = (1,)
    return shapes


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


def _fingerprint(content: bytes) -> Dict[str, Any]:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def identity(config: Dict[str, Any]) -> Dict[str, Any]:
    """Give what stays the same when a run is resumed, perhaps elsewhere, perhaps to go further."""
    return {**config["hyperparameters"], "epochs": None, "sha256": config["data"]["sha256"]}


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:06}"


def _numbers(folder: Path) -> List[int]:
    """Give the numbers of epochs that the checkpoints are named after, the highest first."""
    names = (path.name for path in folder.iterdir())
    return sorted((int(n) for n in names if re.fullmatch(r"[0-9]{6,9}", n)), reverse=True)
