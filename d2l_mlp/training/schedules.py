"""How the learning rate changes in the course of a training."""

import itertools
import math
from typing import TYPE_CHECKING, Callable, Iterator, Mapping

if TYPE_CHECKING:
    from d2l_mlp.training.hyperparameters import Hyperparameters

SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,
    # Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts.
    "cosine": lambda progress: (1 + math.cos(math.pi * progress)) / 2,
}
"""Factor of the learning rate, by the share of the training that is done (0 to 1)."""


def learning_rates(
    settings: "Hyperparameters", epoch: int, num_minibatches: int
) -> Iterator[float]:
    """Give the learning rate of each minibatch of an epoch.

    Parameters
    ----------
    settings : Hyperparameters
        The schedule, the learning rate that it starts from, and the number of epochs.
    epoch : int
        From 0.
    num_minibatches : int
        Of an epoch.

    Yields
    ------
    float
        Without end.
    """
    assert settings.lr is not None, "None stands for a default only until it is checked"
    for i in itertools.count():
        progress = (epoch + i / num_minibatches) / settings.epochs
        yield settings.lr * SCHEDULES[settings.schedule](progress)
