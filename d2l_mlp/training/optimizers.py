"""The optimizers: what each keeps of the steps before, and how it takes the next.

To add one, add an entry to `OPTIMIZERS`: the flag, the checkpoints and their verification follow.
Nothing here imports MXNet, so that a command can list them at once; a step is given its operators.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Tuple

from d2l_mlp.runtime.rules import flush

if TYPE_CHECKING:
    from d2l_mlp.training.hyperparameters import Hyperparameters


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
        Changes a parameter and its states in place. It is called with MXNet's operators (``nd``),
        the parameter, the gradient of the summed loss, the states by name, the number of the step
        from 1, the `Hyperparameters`, and the keyword arguments ``lr``, ``wd`` and
        ``rescale_grad``, as MXNet's own operators take them.
    """

    learning_rate: float
    states: "Callable[[Hyperparameters], Tuple[str, ...]]"
    step: "Callable[..., None]"


def _step_sgd(
    nd: Any, weight: Any, grad: Any, states: Dict[str, Any], t: int,
    settings: "Hyperparameters", **options: float,
) -> None:  # fmt: skip
    if settings.momentum:
        momentum = states["momentum"]
        nd.sgd_mom_update(weight, grad, momentum, momentum=settings.momentum, out=weight, **options)
    else:
        nd.sgd_update(weight, grad, out=weight, **options)


def _step_adam(
    nd: Any, weight: Any, grad: Any, states: Dict[str, Any], t: int,
    settings: "Hyperparameters", *, lr: float, **options: float,
) -> None:  # fmt: skip
    # Kingma and Ba 2015, arXiv:1412.6980, algorithm 1 with its defaults. Both averages are divided
    # by their bias in one go, in the learning rate; then epsilon has to be scaled along.
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8
    unbias = math.sqrt(1 - beta2**t)
    nd.adam_update(
        weight, grad, states["mean"], states["variance"], lr=flush(lr * unbias / (1 - beta1**t)),
        beta1=beta1, beta2=beta2, epsilon=epsilon * unbias, out=weight, **options,
    )  # fmt: skip


OPTIMIZERS: Mapping[str, Optimizer] = {
    "sgd": Optimizer(
        learning_rate=0.5,  # the chapter's
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
