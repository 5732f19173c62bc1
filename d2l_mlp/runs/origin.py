"""What a run goes on from: its own last epoch, or the parameters of another run."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from pathlib import Path
from typing import Any

from mxnet import gluon

from d2l_mlp.runs.config import Config, hyperparameters_of
from d2l_mlp.runs.params import dump_parameters
from d2l_mlp.runs.reader import load_run
from d2l_mlp.runs.run import Run
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.state import has_stopped, parameters_of, set_parameters

log = logging.getLogger(__name__)


def resumed_hyperparameters(run: Run, epochs: int | None) -> Hyperparameters:
    """Return those of a run, made longer if `epochs` says so; a ValueError if they cannot be."""
    first, done = hyperparameters_of(run.config), len(run.state.history)
    settings = dataclasses.replace(first, epochs=epochs or first.epochs)
    if settings.epochs < done:
        raise ValueError(f"{run.folder} has trained {done} epochs; give --epochs {done} or more")
    if settings.epochs != first.epochs and first.schedule != "constant":
        raise ValueError(
            f"{run.folder} has the schedule {first.schedule} over {first.epochs} epochs, which "
            f"--epochs {epochs} would change; leave it out, or start a new run"
        )
    if epochs and done < epochs and has_stopped(run.state.history, first):
        settings = dataclasses.replace(settings, patience=0)
        log.warning("%s had stopped early; it now trains all of its %d epochs", run.folder, epochs)
    return settings


def check_unchanged(run: Run, config: Config) -> None:
    """Raise a ValueError if a run's data are others by now; log other versions or devices."""
    if run.config["data"]["sha256"] != config["data"]["sha256"]:
        raise ValueError(
            f"{run.folder} was trained on another {config['data']['release']} than that of this "
            "d2l_mlp, by its SHA-256; start a new run"
        )
    changed = [k for k in ("versions", "device", "threads") if run.config.get(k) != config[k]]
    if changed:
        log.warning(
            "the run was started with other %s; the last bits of the result may differ",
            " and ".join(changed),
        )


def take_parameters(net: gluon.Block, folder: Path, best: bool | None) -> dict[str, Any]:
    """Set a net's parameters to those of a run, and return their origin for ``config.json``."""
    ancestor = load_run(folder, best=best)
    parameters, names = parameters_of(ancestor.net), list(parameters_of(net))
    renamed = parameters
    if len(names) == len(parameters):  # Gluon counts Dropout too, which has no parameters
        renamed = dict(zip(names, parameters.values()))
    try:
        set_parameters(net, renamed)
    except ValueError as error:
        raise ValueError(f"--from {folder}: {error}") from None
    sha256 = hashlib.sha256(dump_parameters(parameters)).hexdigest()
    return {"run": str(folder.resolve()), "epoch": ancestor.epoch, "sha256": sha256}
