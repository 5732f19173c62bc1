"""What a new run begins with: its configuration."""

import dataclasses
from typing import List

import mxnet

from d2l_mlp.cli import training_lines as lines
from d2l_mlp.data.reader import FashionMNIST
from d2l_mlp.runs import config
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
