"""Every hyperparameter of a run, once: its type, its default, its bounds, and what it is.

The flags, `d2l_mlp.training.loop.fit`, ``config.json`` and the checkpoints read them here. Nothing
here imports MXNet, so that ``--help`` answers at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.rules import Choice, Number, Rule, Several, check_value
from d2l_mlp.training.optimizers import OPTIMIZERS, SCHEDULES


def _setting(default: Any, rule: Rule, help: str) -> Any:
    return field(default=default, metadata={"rule": rule, "help": help})


@dataclass(frozen=True)
class Hyperparameters:
    """What decides, with the data, how a run comes out.

    Raises
    ------
    ValueError
        If a value is not what its rule allows, or two exclude each other.
    """

    hidden: tuple[int, ...] = _setting(
        (256, 256),
        Several(Number(int, least=1)),
        "hidden units of each hidden layer; none at all is softmax regression",
    )
    activation: str = _setting("relu", Choice(tuple(ACTIVATIONS)), "of the hidden units")
    dropout: float = _setting(
        0.0,
        Number(float, least=0, below=1),
        "probability that a hidden unit is left out of a minibatch in training",
    )
    init: str = _setting("xavier", Choice(("xavier", "he", "normal")), "initializer of the weights")
    epochs: int = _setting(10, Number(int, least=1), "passes over the training set")
    batch_size: int = _setting(256, Number(int, least=1), "examples a minibatch")
    optimizer: str = _setting(
        "sgd", Choice(tuple(OPTIMIZERS)), "stochastic gradient descent, or Adam"
    )
    lr: float | None = _setting(
        None,
        Number(float, above=0, single=True),
        "learning rate (default: "
        + ", ".join(f"{o.learning_rate:g} for {name}" for name, o in OPTIMIZERS.items())
        + ")",
    )
    momentum: float = _setting(0.0, Number(float, least=0, below=1, single=True), "of SGD")
    wd: float = _setting(0.0, Number(float, least=0, single=True), "weight decay")
    schedule: str = _setting("constant", Choice(tuple(SCHEDULES)), "of the learning rate")
    validation: float = _setting(
        0.0,
        Number(float, least=0, below=1),
        "share of the training set to hold out and watch; with 0 the test set is watched, as in "
        "the book",
    )
    patience: int = _setting(
        0,
        Number(int, least=0),
        "stop after so many epochs without a better accuracy on the validation set; 0 is never",
    )
    seed: int = _setting(
        0, Number(int, least=0, most=2**32 - 1), "of the initialization and the order"
    )
    loader: str = _setting(
        "arrays",
        Choice(("arrays", "d2l")),
        "whole minibatches in memory, or d2l's loader of single examples",
    )
    workers: int = _setting(0, Number(int, least=0, most=64), "processes of the d2l loader")

    @property
    def watched(self) -> str:
        """The set that is measured after each epoch."""
        return "validation" if self.validation else "test"

    def __post_init__(self) -> None:
        if self.lr is None:
            optimizer = OPTIMIZERS.get(self.optimizer)
            object.__setattr__(self, "lr", optimizer and optimizer.learning_rate)
        for setting in fields(self):
            value = check_value(setting.name, getattr(self, setting.name), setting.metadata["rule"])
            object.__setattr__(self, setting.name, value)
        if self.momentum and self.optimizer != "sgd":
            raise ValueError(
                f"momentum is {self.momentum}, but the optimizer is {self.optimizer}; momentum is "
                "sgd's, leave it out"
            )
        if self.workers and self.loader != "d2l":
            raise ValueError(
                f"workers is {self.workers}, but the loader is {self.loader}, which has no "
                "processes; leave it out, or take the loader d2l"
            )
