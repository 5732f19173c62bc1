"""Optimizers and learning rate schedules.

To add one, add an entry to `OPTIMIZERS` or `SCHEDULES`: flags and checkpoints follow. Nothing here
imports MXNet, so that a command can list them at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from d2l_mlp.training.hyperparameters import Hyperparameters

SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,
    # Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts.
    "cosine": lambda progress: (1 + math.cos(math.pi * progress)) / 2,
    # He et al. 2016, arXiv:1512.03385, section 4.2: a tenth after a half and after three quarters.
    "step": lambda progress: 0.1 ** ((progress >= 0.5) + (progress >= 0.75)),
}
"""Factor of the learning rate, by the share of the epochs after the warm-up (0 to 1)."""


def learning_rate(settings: Hyperparameters, steps: int, steps_per_epoch: int) -> float:
    """Return the learning rate of the step that follows a number of steps."""
    assert settings.lr is not None, "None stands for a default only until it is checked"
    epoch, minibatch = divmod(steps, steps_per_epoch)
    done, warmup = epoch + minibatch / steps_per_epoch, settings.warmup
    if done < warmup:  # Goyal et al. 2017, arXiv:1706.02677, section 2.2
        return settings.lr * min(1, (done + 1 / steps_per_epoch) / warmup)
    return settings.lr * SCHEDULES[settings.schedule]((done - warmup) / (settings.epochs - warmup))


@dataclass(frozen=True)
class Optimizer:
    """An optimizer.

    Attributes
    ----------
    learning_rate : float
        Its default.
    states : callable
        From the hyperparameters to the names of the arrays that it keeps for each parameter,
        each of the parameter's shape and 0 before the first step.
    step : callable
        Updates a parameter and its states in place, and may overwrite the gradient. It is called
        with the module of the arrays (``numpy`` on a CPU, ``mxnet.np`` on a GPU), the parameter,
        the gradient of the minibatch's mean loss with weight decay, the states by name, the
        learning rate, the number of the step from 1, and the `Hyperparameters`.
    """

    learning_rate: float
    states: Callable[[Hyperparameters], tuple[str, ...]]
    step: Callable[..., None]


def _step_sgd(
    xp: Any, weight: Any, grad: Any, states: dict[str, Any], lr: float, t: int,
    settings: Hyperparameters,
) -> None:  # fmt: skip
    grad *= lr
    if settings.momentum:
        momentum = states["momentum"]
        momentum *= settings.momentum
        momentum -= grad
        weight += momentum
    else:
        weight -= grad


def _step_adam(
    xp: Any, weight: Any, grad: Any, states: dict[str, Any], lr: float, t: int,
    settings: Hyperparameters,
) -> None:  # fmt: skip
    # Kingma and Ba 2015, arXiv:1412.6980, algorithm 1 with its defaults. The learning rate takes
    # both bias corrections, for which epsilon is scaled.
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8
    unbias = math.sqrt(1 - beta2**t)
    mean, variance = states["mean"], states["variance"]
    mean *= beta1
    mean += (1 - beta1) * grad
    variance *= beta2
    grad *= grad
    grad *= 1 - beta2
    variance += grad
    xp.sqrt(variance, out=grad)
    grad += epsilon * unbias
    xp.divide(mean, grad, out=grad)
    grad *= lr * unbias / (1 - beta1**t)
    weight -= grad


OPTIMIZERS: Mapping[str, Optimizer] = {
    "sgd": Optimizer(
        learning_rate=0.5,  # the book's, of the section after the chapter
        states=lambda settings: ("momentum",) if settings.momentum else (),
        step=_step_sgd,
    ),
    "adam": Optimizer(
        learning_rate=0.001,
        states=lambda settings: ("mean", "variance"),
        step=_step_adam,
    ),
}
"""Every optimizer by its name."""
