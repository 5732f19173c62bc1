"""Checkpoints that are whole or not there.

A checkpoint is a folder: the parameters and those of the best epoch, in Gluon's format; what the
optimizer keeps, such as ``momentum.params``, in the same format; ``state.json``, with the
configuration and the metrics of the epochs that are done; and ``manifest.json``, with the size and
the SHA-256 of the others. It gets its name, the number of epochs that are done, when all of it is
on the disk. The last two are kept.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

from d2l_mlp.runs.config import Config
from d2l_mlp.runs.params import dump_parameters
from d2l_mlp.runtime import files
from d2l_mlp.training.state import TrainingState

FORMAT = 1
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


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint into a folder of them, and remove all but the last two.

    Parameters
    ----------
    folder : Path
        Exists.
    checkpoint : Checkpoint
        Its arrays are float32.

    Raises
    ------
    OSError
        If it cannot be written. The one before it is then as it was.
    """
    config, (history, parameters, optimizer, best_epoch, best) = checkpoint
    state = {"config": config, "history": history, "best_epoch": best_epoch}
    contents = {
        STATE: json.dumps(state).encode(),
        PARAMETERS: dump_parameters(parameters),
        BEST: dump_parameters(best),
    }
    for name, arrays in optimizer.items():
        contents[file_of(name)] = dump_parameters({n: arrays[n] for n in parameters})
    manifest = {"format": FORMAT, "files": {n: fingerprint(raw) for n, raw in contents.items()}}
    contents[MANIFEST] = json.dumps(manifest, indent=2).encode()
    part, path = folder / "part", path_of(folder, len(history))
    for left in (part, folder / "old"):
        files.remove(left)  # of a process that was killed
    part.mkdir()
    for name, raw in contents.items():
        files.write(part / name, raw)
    files.sync(part)
    _remove(path)  # one that was damaged
    part.rename(path)
    files.sync(folder)
    for number in numbers(folder):
        if number not in (len(history), len(history) - 1):
            _remove(path_of(folder, number))


def fingerprint(content: bytes) -> Dict[str, Any]:
    """Give what the manifest says of a file."""
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def file_of(state: str) -> str:
    """Give the name of the file for what an optimizer keeps under a name."""
    return f"{state}.params"


def _remove(path: Path) -> None:
    """Remove a checkpoint; somebody who reads it sees it whole or not at all."""
    if os.path.lexists(path):
        aside = path.with_name("old")
        path.rename(aside)
        files.remove(aside)


def path_of(folder: Path, number: int) -> Path:
    """Give the path of the checkpoint after so many epochs."""
    return folder / f"{number:06}"


def numbers(folder: Path) -> List[int]:
    """Give the numbers of epochs that the checkpoints are named after, the highest first."""
    names = (path.name for path in folder.iterdir())
    return sorted((int(n) for n in names if re.fullmatch(r"[0-9]{6,9}", n)), reverse=True)
