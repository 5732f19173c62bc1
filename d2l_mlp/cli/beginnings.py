"""What a new run begins with: its configuration."""

from __future__ import annotations

import dataclasses

import mxnet

from d2l_mlp.cli.training_output import versions
from d2l_mlp.data.fashion_mnist import FashionMNIST
from d2l_mlp.hardware.cpu import describe_processors
from d2l_mlp.runs.config import Config
from d2l_mlp.training.hyperparameters import Hyperparameters


def configuration(
    settings: Hyperparameters, data: FashionMNIST, devices: list[mxnet.Context]
) -> Config:
    """Give a run's configuration: see `d2l_mlp.runs.config`."""
    return {
        "hyperparameters": dataclasses.asdict(settings),
        "data": {"release": data.release, "folder": str(data.folder), "sha256": data.sha256},
        "versions": versions(),
        "device": ", ".join(map(str, devices)),
        "threads": describe_processors(),
    }
