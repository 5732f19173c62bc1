"""Reading checkpoints, which are not believed until they are verified.

Nothing in these files can name a path or a piece of code, and no link is followed.
"""

import json
import logging
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from d2l_mlp.runs.checkpoint import (
    BEST,
    FORMAT,
    MANIFEST,
    PARAMETERS,
    STATE,
    Checkpoint,
    file_of,
    fingerprint,
    name_of,
    numbers,
)
from d2l_mlp.runs.config import Config, hyperparameters, identity
from d2l_mlp.runs.net import check_memory, parameter_shapes
from d2l_mlp.runs.params import file_size, load_parameters
from d2l_mlp.runtime import files
from d2l_mlp.runtime.rules import SINGLE
from d2l_mlp.training.optimizers import OPTIMIZERS
from d2l_mlp.training.state import EpochMetrics, TrainingState

log = logging.getLogger(__name__)

_MOST_JSON = 2**26  # bytes; an epoch's metrics have about 150


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message names the file and says what is wrong with it."""


def load(folder: Path, config: Optional[Config] = None) -> Checkpoint:
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
    passed: List[Path] = []
    while True:
        try:
            names = [path.name for path in folder.iterdir()]
        except OSError as error:
            raise CheckpointError(f"{folder} cannot be read ({error.strerror})") from error
        paths = [folder / name_of(n) for n in numbers(names) if folder / name_of(n) not in passed]
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
        return files.is_folder(path)
    except ValueError as error:
        raise CheckpointError(*error.args) from None


def _is_gone(path: Path) -> bool:
    try:
        return files.status(path) is None
    except ValueError:  # which is another matter
        return False


def _load(path: Path, config: Optional[Config]) -> Checkpoint:
    if not _is_folder(path):
        raise CheckpointError(f"{path} is not a folder")
    with _blaming(path / MANIFEST):
        manifest = json.loads(files.read(path / MANIFEST, 2**16))
        if manifest["format"] != FORMAT:
            raise ValueError(
                f"has the format version {manifest['format']!r}; this d2l_mlp reads {FORMAT}"
            )
        expected = manifest["files"]
    with _blaming(path / STATE):
        content = json.loads(_read(path / STATE, expected[STATE], _MOST_JSON))
        settings = hyperparameters(content["config"])
        history = tuple(
            EpochMetrics(int(epoch), *map(float, metrics)) for epoch, *metrics in content["history"]
        )
        if [metrics.epoch for metrics in history] != list(range(1, int(path.name) + 1)):
            raise ValueError(f"is not of the first {int(path.name)} epochs")
        # Python's JSON knows NaN and 1e308, which no run in single precision has.
        if not all(abs(value) <= SINGLE[1] for metrics in history for value in metrics):
            raise ValueError("has a metric that is not finite in single precision")
        if config and identity(config) != identity(content["config"]):
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
    for name in (PARAMETERS, *others, *map(file_of, states)):
        with _blaming(path / name):
            if expected[name]["size"] != size:
                raise ValueError(f"has not the {size:,} bytes of the parameters of such a net")
            arrays[name] = load_parameters(_read(path / name, expected[name], size), shapes)
    parameters = arrays[PARAMETERS]
    optimizer = {name: arrays[file_of(name)] for name in states}
    best = arrays.get(BEST, parameters)
    state = TrainingState(history, parameters, optimizer, best_epoch, best)
    return Checkpoint(content["config"], state)


def _read(path: Path, expected: Dict[str, Any], most: int) -> bytes:
    content = files.read(path, most)
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
