"""Gluon's trainer with an optimizer of `d2l_mlp.training.optimizers`, whose states can be kept.

Gluon keeps what an optimizer remembers in a pickle, which could run code when it is read; here it
is arrays by name. And whatever it is told, MXNet's own SGD calls an operator made for several
parameters at once, which on a CPU takes twice as long as the one for a single parameter.
"""

from typing import Any, Dict, Union

import mxnet
from mxnet import gluon, nd

from d2l_mlp.runtime.rules import flush
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.optimizers import OPTIMIZERS
from d2l_mlp.training.state import Arrays, TrainingState


def make_trainer(
    net: gluon.Block,
    settings: Hyperparameters,
    state: TrainingState,
    steps: int,
    kvstore: Union[str, mxnet.kvstore.KVStoreBase, None] = None,
) -> gluon.Trainer:
    """Make the trainer of a net.

    Parameters
    ----------
    net : gluon.Block
        Initialized, with the parameters of `state`.
    settings : Hyperparameters
        The optimizer, and what it takes.
    state : TrainingState
        To go on from.
    steps : int
        That the optimizer took before `state`.
    kvstore : str or mxnet.kvstore.KVStore, optional
        For several processes or devices; see ``gluon.Trainer``.

    Returns
    -------
    gluon.Trainer
        What its optimizer keeps, `read_states` copies.

    Raises
    ------
    ValueError
        If a parameter's gradients add up from step to step.
    """
    names = {parameter: name for name, parameter in net._collect_params_with_prefix().items()}
    for parameter, name in names.items():
        if parameter.grad_req == "add":
            raise ValueError(
                f"parameter {name} has grad_req 'add', which adds every step's gradient to those "
                "before; set it to 'write'"
            )
    optimizer = _NamedStates(list(names.values()), settings, state.optimizer, steps)
    return gluon.Trainer(list(names), optimizer, kvstore=kvstore)


def read_states(trainer: gluon.Trainer) -> Dict[str, Arrays]:
    """Copy what the optimizer of a trainer keeps: arrays by state and parameter."""
    return {
        state: {name: array.asnumpy() for name, array in arrays.items()}
        for state, arrays in trainer.optimizer.arrays.items()
    }


class _NamedStates(mxnet.optimizer.Optimizer):
    def __init__(
        self, names: list, settings: Hyperparameters, before: Dict[str, Arrays], steps: int
    ):
        super().__init__(learning_rate=settings.lr, wd=settings.wd, begin_num_update=steps)
        self._names, self._settings, self._before = names, settings, before
        self.arrays: Dict[str, Dict[str, nd.NDArray]] = {
            state: {} for state in OPTIMIZERS[settings.optimizer].states(settings)
        }

    def create_state(self, index: int, weight: nd.NDArray) -> Dict[str, nd.NDArray]:
        name = self._names[index]
        for state, arrays in self.arrays.items():
            arrays[name] = nd.zeros_like(weight)
            if name in self._before.get(state, {}):
                arrays[name][:] = self._before[state][name]
        return {state: arrays[name] for state, arrays in self.arrays.items()}

    def update(self, index: int, weight: nd.NDArray, grad: nd.NDArray, state: Any) -> None:
        self._update_count(index)
        OPTIMIZERS[self._settings.optimizer].step(
            nd, weight, grad, state, self._index_update_count[index], self._settings,
            lr=flush(self._get_lr(index)), wd=self._get_wd(index), rescale_grad=self.rescale_grad,
        )  # fmt: skip
