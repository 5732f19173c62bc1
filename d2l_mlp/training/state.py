"""What a training has come to: the metrics of each epoch, and the state after the last."""

from __future__ import annotations

from typing import NamedTuple

import numpy
from mxnet import gluon, np

Arrays = dict[str, numpy.ndarray]
"""By a parameter's structural name in Gluon, such as ``"0.weight"``."""


class EpochMetrics(NamedTuple):
    """What one epoch gave."""

    epoch: int
    """From 1."""
    train_loss: float
    """Mean cross-entropy in nats, as met during the epoch, while the parameters moved."""
    train_accuracy: float
    val_loss: float
    """After the epoch, on the set that is watched: a validation set, or, as in the book, the test
    set. So is `val_accuracy`."""
    val_accuracy: float
    seconds: float
    """Of the epoch's training part."""
    examples_per_second: float

    @classmethod
    def names(cls, watched: str) -> list[str]:
        """Name the metrics as files do, where the set that is watched has its own name."""
        return [name.replace("val_", f"{watched}_") for name in cls._fields]

    def describe(self, num_epochs: int, watched: str = "test") -> str:
        """Say it in a line, with the number of epochs there will be and the set that is watched."""
        watched = watched.replace("validation", "val")  # the line fits a terminal
        return (
            f"epoch {self.epoch:{len(str(num_epochs))}}/{num_epochs}  "
            f"train loss {self.train_loss:.4f} acc {self.train_accuracy:.4f}  "
            f"{watched} loss {self.val_loss:.4f} acc {self.val_accuracy:.4f}"
        )


class TrainingState(NamedTuple):
    """A training at the end of an epoch: everything that the rest of it depends on."""

    history: tuple[EpochMetrics, ...]
    """Of the epochs that are done."""
    parameters: Arrays
    optimizer: dict[str, Arrays]
    """What the optimizer keeps, by its own name for it, such as ``"momentum"``."""
    best_epoch: int
    """The first epoch of the highest accuracy on the set that is watched; 0 before the first."""
    best: Arrays
    """The parameters after it."""

    def after(
        self, metrics: EpochMetrics, parameters: Arrays, optimizer: dict[str, Arrays]
    ) -> TrainingState:
        """Give the state after one more epoch."""
        best_epoch, best = self.best_epoch, self.best
        if not best_epoch or metrics.val_accuracy > self.history[best_epoch - 1].val_accuracy:
            best_epoch, best = metrics.epoch, parameters
        return TrainingState((*self.history, metrics), parameters, optimizer, best_epoch, best)

    def __str__(self) -> str:
        return self.history[-1].describe(len(self.history)) if self.history else "no epoch yet"


def initial_state(net: gluon.Block) -> TrainingState:
    """Give the state of a training before its first epoch; `net` is initialized, with shapes."""
    parameters = parameters_of(net)
    return TrainingState((), parameters, {}, 0, parameters)


def parameters_of(net: gluon.Block) -> Arrays:
    """Copy a net's parameters."""
    return {n: p.list_data()[0].asnumpy() for n, p in net._collect_params_with_prefix().items()}


def set_parameters(net: gluon.Block, values: Arrays) -> None:
    """Give a net the parameters of a state.

    Parameters
    ----------
    net : gluon.Block
        Initialized, with shapes.
    values : dict of str to numpy.ndarray
        As `parameters_of` gives them.

    Raises
    ------
    ValueError
        If they are of another net; `net` is then as it was.
    """
    parameters = net._collect_params_with_prefix()
    own, given = _outline(parameters), _outline(values)
    if own != given:
        raise ValueError(
            f"the parameters are {given}, but the net has {own}; build the net that they are of"
        )
    for name, parameter in parameters.items():
        parameter.set_data(np.array(values[name], dtype=values[name].dtype))


def _outline(values: dict) -> str:
    return ", ".join(f"{n} {numpy.dtype(v.dtype)} {v.shape}" for n, v in values.items())
