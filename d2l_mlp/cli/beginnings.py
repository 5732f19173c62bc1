"""What a new run begins with: its folder and its configuration."""

import dataclasses
import time
from pathlib import Path
from typing import List

import mxnet

from d2l_mlp.cli import training_lines as lines
from d2l_mlp.data.reader import FashionMNIST
from d2l_mlp.runs import config
from d2l_mlp.runs.locking import make_next
from d2l_mlp.runtime import processors
from d2l_mlp.training.hyperparameters import Hyperparameters


def configuration(
    settings: Hyperparameters, data: FashionMNIST, devices: List[mxnet.Context]
) -> config.Config:
    """Give a run's configuration: see `d2l_mlp.runs.config`."""
    return {
        "hyperparameters": dataclasses.asdict(settings),
        "data": {"release": data.release, "folder": str(data.folder), "sha256": data.sha256},
        "versions": lines.versions(),
        "device": ", ".join(map(str, devices)),
        "threads": processors.describe(),
    }


def default_folder(settings: Hyperparameters) -> Path:
    """Make a folder that is named after the time and the net, at a length that any disk allows."""
    name = "-".join(map(str, [settings.activation, *settings.hidden]))
    if len(name) > 100:
        name = f"{settings.activation}-{len(settings.hidden)}-layers"
    name = name if settings.hidden else "softmax"
    return make_next(Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}")
