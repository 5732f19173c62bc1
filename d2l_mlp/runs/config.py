"""The configuration of a run, and the names in its folder.

``config.json`` and every checkpoint hold ``{"hyperparameters": ..., "data": {"release": ...,
"folder": ..., "sha256": ...}, "versions": ..., "device": ..., "threads": ...}``, and ``"from"`` if
the run started with the parameters of another. Nothing here imports MXNet, so
that wrong flags are refused at once.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from d2l_mlp.files import read_regular_file
from d2l_mlp.training.hyperparameters import Hyperparameters

CONFIG_NAME = "config.json"
CHECKPOINTS = "checkpoints"

Config = dict[str, Any]

# Of each entry its type, or those of its entries; an empty table has any number of texts.
_TYPES = {
    "hyperparameters": dict, "device": str, "threads": str, "versions": {},
    "data": {"release": str, "folder": str, "sha256": {}},
}  # fmt: skip
_ORIGIN_TYPES = {"run": str, "epoch": int, "sha256": str}


class RunError(OSError):
    """The folder of a run cannot be used; the message names it, the reason and what to do."""


@contextmanager
def explain_write_errors(folder: Path) -> Iterator[None]:
    """Turn a failure to write a folder into a `RunError`."""
    try:
        yield
    except RunError:
        raise
    except OSError as error:
        raise RunError(
            f"{folder} cannot be written ({error.strerror or error}); "
            "fix that, or start a run in another folder, with --out"
        ) from error


def make_run_folder(settings: Hyperparameters) -> Path:
    """Make a folder in ``runs``, named after the time and the net, short enough for any disk."""
    name = "-".join(map(str, [settings.activation, *settings.hidden]))
    if len(name) > 100:
        name = f"{settings.activation}-{len(settings.hidden)}-layers"
    name = name if settings.hidden else "softmax"
    return make_next_folder(Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}")


def make_next_folder(path: Path) -> Path:
    """Make the first folder of ``path``, ``path-2``, ``path-3``, ... that does not exist.

    Making it claims the name: two runs that start at the same time get two folders.
    """
    folder, number = path, 1
    with explain_write_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                number += 1
                folder = path.with_name(f"{path.name}-{number}")


def read_config(path: Path) -> Config:
    """Read and check a run's configuration; a ValueError continues after the file's name."""
    raw = read_regular_file(path, 2**20)
    try:
        config = json.loads(raw)
    except (RecursionError, ValueError) as error:
        raise ValueError(f"is not the configuration of a run ({error})") from None
    check_config(config)
    return config


def check_config(config: Any) -> None:
    """Raise a ValueError unless a configuration has all its entries, each of the right type."""
    _check_types("", config, _TYPES)
    if "from" in config:
        _check_types("from", config["from"], _ORIGIN_TYPES)
    hyperparameters_of(config)


def _check_types(name: str, value: Any, types: Any) -> None:
    if not isinstance(value, dict if isinstance(types, dict) else types):
        raise ValueError(f"is not the configuration of a run: {name or 'all'} is {value!r:.99}")
    if isinstance(types, dict):
        for key, its in (types or dict.fromkeys(value, str)).items():
            _check_types(f"{name}.{key}".lstrip("."), value.get(key), its)


def hyperparameters_of(config: Config) -> Hyperparameters:
    """Return a configuration's hyperparameters, with defaults for those that are newer than it."""
    try:
        return Hyperparameters(**config["hyperparameters"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"is not the configuration of a run: {error}") from None


def run_identity(config: Config) -> tuple[dict[str, Any], str, dict[str, str]]:
    """Return what resuming does not change: most hyperparameters, data, their SHA-256."""
    settings = dataclasses.asdict(hyperparameters_of(config))
    del settings["patience"]
    if settings["schedule"] == "constant":
        del settings["epochs"]
    return settings, config["data"]["release"], config["data"]["sha256"]


def checkpoint_path(folder: Path, number: int) -> Path:
    """Return the file of the checkpoint after a number of epochs."""
    return folder / f"{number:06}.npz"


def checkpoint_numbers(folder: Path | int) -> list[int]:
    """Return the numbers of epochs for which a folder has checkpoints, the highest first."""
    with os.scandir(folder) as entries:
        found = [
            int(entry.name[:-4])
            for entry in entries
            if re.fullmatch(r"(\d{6}|[1-9]\d{6,8})\.npz", entry.name, re.ASCII)
            and not entry.is_dir()
        ]
    return sorted(found, reverse=True)
