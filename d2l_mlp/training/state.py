"""The state of a training: its metrics so far, and what the rest of it depends on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy
from mxnet import gluon, np, npx

from d2l_mlp.training.hyperparameters import Hyperparameters

Arrays = dict[str, numpy.ndarray]  # by a parameter's structural name in Gluon, such as "0.weight"


class EpochMetrics(NamedTuple):
    """The metrics of one epoch.

    Attributes
    ----------
    epoch : int
        From 1.
    train_loss, train_accuracy : float
        Mean cross-entropy in nats, and the share of right predictions, as met during the epoch
        while the parameters changed.
    val_loss, val_accuracy : float
        After the epoch, on the validation set or, as in the book, the test set.
    seconds : float
        Of the epoch's training part.
    examples_per_second : float
        In the training part.
    learning_rate : float
        Of the epoch's last minibatch.
    ended : float
        When the epoch was over, in seconds since 1970.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    examples_per_second: float
    learning_rate: float
    ended: float

    @classmethod
    def names(cls, watched: str) -> list[str]:
        """Return the metrics' names in files, with the name of the set that is measured."""
        return [name.replace("val_", f"{watched}_") for name in cls._fields]

    def describe(self, num_epochs: int, watched: str = "test") -> str:
        """Format the metrics as a line, with the number of epochs and the set that is measured."""
        watched = watched.replace("validation", "val")  # the line fits a terminal
        return (
            f"epoch {self.epoch:{len(str(num_epochs))}}/{num_epochs}  "
            f"train loss {self.train_loss:.4f} acc {self.train_accuracy:.4f}  "
            f"{watched} loss {self.val_loss:.4f} acc {self.val_accuracy:.4f}"
        )


class TrainingState(NamedTuple):
    """A training at the end of an epoch: everything that the rest of it depends on.

    Attributes
    ----------
    history : tuple of EpochMetrics
        Of the epochs that are done.
    parameters : dict of str to numpy.ndarray
        By structural name, in the dtype of the net.
    optimizer : dict of str to dict
        Arrays like the parameters, by the name of the optimizer's state, such as ``"momentum"``.
    best_epoch : int
        See the function `best_epoch`.
    best : dict of str to numpy.ndarray
        The parameters after it.
    """

    history: tuple[EpochMetrics, ...]
    parameters: Arrays
    optimizer: dict[str, Arrays]
    best_epoch: int
    best: Arrays

    def after(
        self, metrics: EpochMetrics, parameters: Arrays, optimizer: dict[str, Arrays], monitor: str
    ) -> TrainingState:
        """Return the state after one more epoch."""
        history = (*self.history, metrics)
        epoch = best_epoch(history, monitor)
        best = parameters if epoch == metrics.epoch else self.best
        return TrainingState(history, parameters, optimizer, epoch, best)


def best_epoch(
    history: Sequence[EpochMetrics], monitor: str = "accuracy", min_delta: float = 0.0
) -> int:
    """Return the last epoch that is better than all such before it by more than `min_delta`.

    With 0 this is the first of the best epochs: of the highest `EpochMetrics.val_accuracy` or, if
    that is monitored, the lowest `val_loss`. Before the first epoch it is 0.
    """
    epoch, least = 0, math.inf
    for metrics in history:
        value = metrics.val_loss if monitor == "loss" else -metrics.val_accuracy
        if value < least - min_delta:
            epoch, least = metrics.epoch, value
    return epoch


def has_stopped(history: Sequence[EpochMetrics], settings: Hyperparameters) -> bool:
    """Return whether a training ends early, because no epoch was better for too long."""
    better = best_epoch(history, settings.monitor, settings.min_delta)
    return 0 < settings.patience <= len(history) - better


def initial_state(net: gluon.Block) -> TrainingState:
    """Return the state before the first epoch; the net is initialized, with shapes."""
    parameters = parameters_of(net)
    return TrainingState((), parameters, {}, 0, parameters)


def parameters_of(net: gluon.Block) -> Arrays:
    """Return a copy of a net's parameters."""
    npx.waitall()  # a convolution may still bring its weights into the order that oneDNN prefers
    return {n: p.list_data()[0].asnumpy() for n, p in net._collect_params_with_prefix().items()}


def set_parameters(net: gluon.Block, values: Arrays) -> None:
    """Set an initialized net's parameters; a ValueError, before any is set, if they do not fit."""
    parameters = net._collect_params_with_prefix()
    own, given = _outline(parameters), _outline(values)
    if own != given:
        raise ValueError(
            f"the parameters are {given}, but the net has {own}; build the net that they belong to"
        )
    for name, parameter in parameters.items():
        parameter.set_data(np.array(values[name], dtype=values[name].dtype))


def _outline(values: dict) -> str:
    return ", ".join(f"{n} {numpy.dtype(v.dtype)} {v.shape}" for n, v in values.items())
