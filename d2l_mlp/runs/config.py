"""A run's configuration: what ``config.json`` and every checkpoint hold, and what they stand for.

It is ``{"hyperparameters": ..., "data": {"release": ..., "folder": ..., "sha256": ...},
"versions": ..., "device": ..., "threads": ...}``, and ``"from"`` of a run that began with another's
parameters. Nothing here imports MXNet: how that is done depends on the run's loader.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, Dict, Tuple

from d2l_mlp.runtime import files
from d2l_mlp.training.hyperparameters import Hyperparameters

Config = Dict[str, Any]

NAME = "config.json"

# What runs from before these hyperparameters stand for.
_YOUNGER = {"optimizer": "sgd", "dropout": 0.0, "validation": 0.0, "patience": 0}


def read(path: Path) -> Config:
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
    raw = files.read(path, 2**20)
    try:
        config = json.loads(raw)
    except (RecursionError, ValueError) as error:
        raise ValueError(f"is no run's configuration ({error})") from None
    identity(config)
    return config


def hyperparameters(config: Config) -> Hyperparameters:
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


def identity(config: Config) -> Tuple[Hyperparameters, Dict[str, str]]:
    """Give what stays the same when a run is resumed, perhaps elsewhere, perhaps to go further.

    Parameters and errors are those of `hyperparameters`.

    Returns
    -------
    hyperparameters : Hyperparameters
        With 1 as the number of epochs.
    sha256 : dict
        Of the data, by file.
    """
    settings = hyperparameters(config)
    data = config.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("sha256"), dict):
        raise ValueError("is no run's configuration: it does not name the data's SHA-256")
    if not isinstance(data.get("release"), str):
        raise ValueError("is no run's configuration: it does not name the data's release")
    return dataclasses.replace(settings, epochs=1), data["sha256"]
