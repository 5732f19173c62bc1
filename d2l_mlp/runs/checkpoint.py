"""Checkpoints that are whole or not there.

A checkpoint is a folder: the parameters and those of the best epoch, in Gluon's format; what the
optimizer keeps, such as ``momentum.params``, in the same format; ``state.json``, with the
configuration and the metrics of the epochs that are done; and ``manifest.json``, with the size and
the SHA-256 of the others. It gets its name, the number of epochs that are done, when all of it is
on the disk. The last two are kept, and whatever else is in the folder or in a checkpoint to go.
"""

import hashlib
import json
import re
import secrets
from typing import Any, Dict, Iterable, List, NamedTuple

from d2l_mlp.runs.config import Config
from d2l_mlp.runs.params import dump_parameters
from d2l_mlp.runtime.folders import Folder
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


def save(folder: Folder, checkpoint: Checkpoint) -> None:
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
        contents[file_of(name)] = dump_parameters({n: arrays[n] for n in parameters})
    manifest = {"format": FORMAT, "files": {n: fingerprint(raw) for n, raw in contents.items()}}
    contents[MANIFEST] = json.dumps(manifest, indent=2).encode()
    name = name_of(len(history))
    part = _unfinished(name)
    try:
        with folder.make(part) as inner:
            for file, raw in contents.items():
                inner.write(file, raw)
            inner.sync()
        remove(folder, len(history))  # one that was damaged
        folder.rename(part, name)
    except BaseException:
        _clear(folder, part)
        raise
    folder.sync()
    for number in numbers(folder.names()):
        if number not in (len(history), len(history) - 1):
            remove(folder, number)


def remove(folder: Folder, number: int) -> None:
    """Remove a checkpoint, if it is there; somebody who reads it sees it whole or not at all."""
    name = name_of(number)
    if name in folder.names():
        aside = _unfinished(name)
        folder.rename(name, aside)
        _clear(folder, aside)


def clear(folder: Folder) -> None:
    """Remove what processes that were killed have left of the checkpoints they wrote or removed."""
    for name in filter(is_left, folder.names()):
        _clear(folder, name)


def is_left(name: str) -> bool:
    """Tell whether a name is that of a checkpoint that is being written or removed."""
    return bool(re.fullmatch(r"[0-9]{6,9}\.[0-9a-f]{8}", name))


def fingerprint(content: bytes) -> Dict[str, Any]:
    """Give what the manifest says of a file."""
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def file_of(state: str) -> str:
    """Give the name of the file for what an optimizer keeps under a name."""
    return f"{state}.params"


def name_of(number: int) -> str:
    """Give the name of the checkpoint after so many epochs."""
    return f"{number:06}"


def numbers(names: Iterable[str]) -> List[int]:
    """Give the numbers of epochs that there are checkpoints of, the highest first."""
    found = (int(n) for n in names if re.fullmatch(r"[0-9]{6,9}", n) and n == name_of(int(n)))
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
