"""A run's configuration: what ``config.json`` and every checkpoint hold, and what they stand for.

It is ``{"hyperparameters": ..., "data": {"release": ..., "folder": ..., "sha256": ...},
"versions": ..., "device": ..., "threads": ...}``, and ``"from"`` of a run that began with another's
parameters. Nothing here imports MXNet: how that is done depends on the run's loader.
"""

# DOC(runs.errors): Why the folder of a run cannot be used. Nothing here imports MXNet.

# DOC(runs.naming): What the folders of a run are called. Nothing here imports MXNet.

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from d2l_mlp.files import read_regular_file
from d2l_mlp.training.hyperparameters import Hyperparameters


class RunError(OSError):
    """The folder cannot be used or written; the message names it and says why."""


@contextmanager
def explain_write_errors(folder: Path) -> Iterator[None]:
    """Turn what a folder cannot be written for into a `RunError`."""
    try:
        yield
    except RunError:
        raise
    except OSError as error:
        raise RunError(
            f"{folder} cannot be written ({error.strerror or error}); "
            "mend that, or name another folder with --out"
        ) from error


CHECKPOINTS = "checkpoints"
"""The folder of them in a run's folder."""


def default_folder(settings: Hyperparameters) -> Path:
    """Make a folder that is named after the time and the net, at a length that any disk allows."""
    name = "-".join(map(str, [settings.activation, *settings.hidden]))
    if len(name) > 100:
        name = f"{settings.activation}-{len(settings.hidden)}-layers"
    name = name if settings.hidden else "softmax"
    return make_next_folder(Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}")


def make_next_folder(path: Path) -> Path:
    """Make a new folder of the first name that is free, and so claim it.

    Parameters
    ----------
    path : Path
        The first to be tried; the others have -2, -3, ... behind it.

    Returns
    -------
    Path
        Of the folder.

    Raises
    ------
    RunError
        If none can be made there.
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


Config = dict[str, Any]

CONFIG_NAME = "config.json"

# What runs from before these hyperparameters stand for.
_YOUNGER = {"optimizer": "sgd", "dropout": 0.0, "validation": 0.0, "patience": 0}


def read_config(path: Path) -> Config:
    """Read and check a run's configuration.

    Parameters
    ----------
    path : Path
        Of the file, which is called `NAME` in a run's folder.

    Returns
    -------
    dict
        What this module's docstring shows.

    Raises
    ------
    ValueError
        If it cannot be used; the message goes on after the file's name.
    """
    raw = read_regular_file(path, 2**20)
    try:
        config = json.loads(raw)
    except (RecursionError, ValueError) as error:
        raise ValueError(f"is no run's configuration ({error})") from None
    run_identity(config)
    return config


def hyperparameters_of(config: Config) -> Hyperparameters:
    """Give the hyperparameters that a configuration holds.

    Parameters
    ----------
    config : dict
        What `read` gives, or a checkpoint has.

    Returns
    -------
    Hyperparameters
        Checked. A run from before one of them has the value that it stood for.

    Raises
    ------
    ValueError
        If the configuration is none, lacks a hyperparameter or has an unknown one, or one has a
        value out of its range.
    """
    try:
        values = {**_YOUNGER, **config["hyperparameters"]}
        missing = [f.name for f in dataclasses.fields(Hyperparameters) if f.name not in values]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}")
        return Hyperparameters(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"is no run's configuration: {error}") from None


def run_identity(config: Config) -> tuple[Hyperparameters, dict[str, str]]:
    """Give what stays the same when a run is resumed, perhaps elsewhere, perhaps to go further.

    Parameters and errors are those of `hyperparameters`.

    Returns
    -------
    hyperparameters : Hyperparameters
        With 1 as the number of epochs.
    sha256 : dict
        Of the data, by file.
    """
    settings = hyperparameters_of(config)
    data = config.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("sha256"), dict):
        raise ValueError("is no run's configuration: it does not name the data's SHA-256")
    if not isinstance(data.get("release"), str):
        raise ValueError("is no run's configuration: it does not name the data's release")
    return dataclasses.replace(settings, epochs=1), data["sha256"]
