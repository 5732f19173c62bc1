"""What a run goes on from: itself, after an interruption, or the parameters of another."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

from mxnet import gluon

from d2l_mlp.cli.train_flags import TrainFlags
from d2l_mlp.runs.checkpoint import fingerprint
from d2l_mlp.runs.config import Config, hyperparameters_of
from d2l_mlp.runs.params import dump_parameters
from d2l_mlp.runs.reader import load_run
from d2l_mlp.runs.run import Run
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.state import parameters_of, set_parameters

log = logging.getLogger(__name__)


def begin_with(net: gluon.Block, folder: Path, best: bool) -> dict[str, Any]:
    """Give a net a run's parameters, and say which; a ValueError if they do not fit."""
    ancestor = load_run(folder, best=best)
    parameters = parameters_of(ancestor.net)
    try:
        set_parameters(net, parameters)
    except ValueError as error:
        raise ValueError(f"--from {folder}: {error}") from None
    sha256 = fingerprint(dump_parameters(parameters))["sha256"]
    return {"run": str(folder.resolve()), "epoch": ancestor.epoch, "sha256": sha256}


def continued(run: Run, flags: TrainFlags) -> tuple[Hyperparameters, str]:
    """Give how the run was started, with its epochs now; a ValueError if it cannot have those."""
    first, done = hyperparameters_of(run.config), len(run.state.history)
    epochs = flags.epochs or first.epochs
    if epochs < done:
        raise ValueError(f"{run.folder} has trained {done} epochs; give --epochs {done} or more")
    if epochs != first.epochs and first.schedule == "cosine" and done:
        raise ValueError(
            f"{run.folder} has a cosine schedule over {first.epochs} epochs, which --epochs "
            f"{epochs} would change in its middle; leave it out, or start a new run"
        )
    return dataclasses.replace(first, epochs=epochs), run.config["data"]["release"]


def compare(run: Run, now: Config) -> None:
    """Raise a ValueError for other data; log what else has changed that the result depends on."""
    for name, sha256 in run.config["data"]["sha256"].items():
        if now["data"]["sha256"].get(name) != sha256:
            raise ValueError(
                f"{run.folder} was trained on other data: {name} in {now['data']['folder']} has "
                "another SHA-256; name the folder of the run's own data with --data-dir, or start "
                "a new run"
            )
    changed = [k for k in ("versions", "device", "threads") if run.config.get(k) != now[k]]
    if changed:
        log.warning(
            "the run was started with other %s; the last bits of the result may differ",
            " and ".join(changed),
        )
