"""The hyperparameters, each declared once: type, default, rule, group and help.

The command line, `d2l_mlp.training.loop.fit`, ``config.json``, checkpoints and reports read them
here. Nothing here imports MXNet, so that ``--help`` answers at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.rules import Choice, Number, Rule, Several, check_value
from d2l_mlp.training.optimizers import OPTIMIZERS, SCHEDULES

_LEARNING_RATES = ", ".join(f"{o.learning_rate:g} for {name}" for name, o in OPTIMIZERS.items())


def _setting(group: str, default: Any, rule: Rule, help: str) -> Any:
    """Declare a field; its group is "model", "data", or "training" if `fit` reads it."""
    return field(default=default, metadata={"group": group, "rule": rule, "help": help})


# fmt: off
@dataclass(frozen=True)
class Hyperparameters:
    """What determines, together with the data, how a run comes out.

    The fields and their defaults are the flags of ``python -m d2l_mlp.train --help``. The chapter
    has two hidden layers and no numbers; lr, batch_size and epochs are those of the next section.

    Raises
    ------
    ValueError
        If the rule of a field forbids its value, or two values exclude each other.

    Examples
    --------
    >>> Hyperparameters(optimizer="adam").lr
    0.001
    """

    hidden: tuple[int, ...] = _setting("model", (256, 256), Several(Number(int, least=1)),
        "hidden units of each hidden layer; none at all is softmax regression")
    activation: str = _setting("model", "relu", Choice(tuple(ACTIVATIONS)),
        "activation function of the hidden units")
    dropout: float = _setting("model", 0.0, Number(float, least=0, below=1),
        "probability that a hidden unit is left out of a minibatch in training")
    init: str = _setting("model", "xavier", Choice(("xavier", "he", "normal")),
        "initializer of the weights")
    epochs: int = _setting("training", 10, Number(int, least=1), "passes over the training set")
    batch_size: int = _setting("data", 256, Number(int, least=1), "examples a minibatch")
    optimizer: str = _setting("training", "sgd", Choice(tuple(OPTIMIZERS)),
        "stochastic gradient descent, or Adam")
    lr: float | None = _setting("training", None, Number(float, above=0),
        f"learning rate (default: {_LEARNING_RATES})")
    momentum: float = _setting("training", 0.0, Number(float, least=0, below=1),
        "momentum of SGD")
    wd: float = _setting("training", 0.0, Number(float, least=0), "weight decay")
    schedule: str = _setting("training", "constant", Choice(tuple(SCHEDULES)),
        "learning rate schedule: step divides by 10 after a half and after three quarters of the "
        "epochs")
    warmup: float = _setting("training", 0.0, Number(float, least=0),
        "epochs at the start in which the learning rate rises linearly from 0")
    validation: float = _setting("data", 0.0, Number(float, least=0, below=1),
        "share of the training set to hold out and watch; with 0 the test set is watched, as in "
        "the book")
    patience: int = _setting("training", 0, Number(int, least=0),
        "stop after so many epochs without a better result on the validation set; 0 is never")
    monitor: str = _setting("training", "accuracy", Choice(("accuracy", "loss")),
        "what makes an epoch better or the best, on the set that is watched")
    min_delta: float = _setting("training", 0.0, Number(float, least=0),
        "for --patience, an epoch is better only by more than this")
    seed: int = _setting("training", 0, Number(int, least=0, most=2**32 - 1),
        "seed of the initial weights, the order of the examples and dropout")
    loader: str = _setting("data", "arrays", Choice(("arrays", "d2l")),
        "whole minibatches in memory, or d2l's loader of single examples")
    # fmt: on

    @property
    def watched(self) -> str:
        """The set that the net is measured on after each epoch, "validation" or "test"."""
        return "validation" if self.validation else "test"

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.name == "lr" and value is None:  # the optimizer, before it, is checked
                value = OPTIMIZERS[self.optimizer].learning_rate
            value = check_value(setting.name, value, setting.metadata["rule"])
            object.__setattr__(self, setting.name, value)
        if self.momentum and self.optimizer != "sgd":
            raise ValueError(
                f"momentum is {self.momentum}, but the optimizer is {self.optimizer}; momentum is "
                "sgd's, leave it out"
            )
        if self.warmup >= self.epochs:
            raise ValueError(f"warmup is {self.warmup:g}, but epochs is {self.epochs}; give less")
