"""Gluon's trainer with an optimizer of `d2l_mlp.training.optimizers`, whose states can be kept.

Gluon keeps what an optimizer remembers in a pickle, which could run code when it is read; here it
is arrays by name. And on a CPU, MXNet's operators that update parameters take six to ten times as
long as NumPy, which does it here, in the parameters' own memory.
"""

from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import mxnet
import numpy
from mxnet import gluon, np, npx

from d2l_mlp.runtime.device import device_of
from d2l_mlp.runtime.host_memory import HostMemory, is_on_host
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
    kind = _HostTrainer if kvstore is None and is_on_host(device_of(net)) else gluon.Trainer
    return kind(list(names), optimizer, kvstore=kvstore)


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
        self.arrays: Dict[str, Dict[str, np.ndarray]] = {
            state: {} for state in OPTIMIZERS[settings.optimizer].states(settings)
        }

    def create_state(self, index: int, weight: np.ndarray) -> Dict[str, np.ndarray]:
        name, weight = self._names[index], weight.as_np_ndarray()  # of a server it is a legacy one
        for state, arrays in self.arrays.items():
            arrays[name] = np.zeros_like(weight)
            if name in self._before.get(state, {}):
                arrays[name][:] = self._before[state][name]
        return {state: arrays[name] for state, arrays in self.arrays.items()}

    def update(self, index: int, weight: np.ndarray, grad: np.ndarray, state: Any) -> None:
        self.step(np, index, weight.as_np_ndarray(), grad.as_np_ndarray(), state)

    def step(self, xp: Any, index: int, weight: Any, grad: Any, states: Dict[str, Any]) -> None:
        self._update_count(index)
        grad *= self.rescale_grad
        wd = self._get_wd(index)
        if wd:
            grad += wd * weight
        OPTIMIZERS[self._settings.optimizer].step(
            xp, weight, grad, states, flush(self._get_lr(index)),
            self._index_update_count[index], self._settings,
        )  # fmt: skip


class _HostTrainer(gluon.Trainer):
    """Updates the parameters in their own memory, with NumPy."""

    _memory: Optional[List[Tuple[int, HostMemory, HostMemory, Dict[str, HostMemory]]]] = None

    def _update(self, ignore_stale_grad: bool = False) -> None:
        if self._memory is None:
            self._memory = list(self._find_memory())
        fresh = [slot for slot in self._memory if slot[1].array._fresh_grad]
        if len(fresh) < len(self._memory) and not ignore_stale_grad:
            super()._update()  # which says what is wrong, and changes nothing
        npx.waitall()
        with numpy.errstate(all="ignore"):  # a loss that is no longer finite is told at the end
            for index, weight, grad, states in fresh:
                views = {name: memory.view() for name, memory in states.items()}
                self.optimizer.step(numpy, index, weight.view(), grad.view(), views)
                weight.array._fresh_grad = False

    def _find_memory(self) -> Iterator[Tuple[int, HostMemory, HostMemory, Dict[str, HostMemory]]]:
        for index, parameter in enumerate(self._params):
            if parameter.grad_req != "null":
                states = self.optimizer.create_state(index, parameter.data())
                memory = {name: HostMemory(array) for name, array in states.items()}
                yield index, HostMemory(parameter.data()), HostMemory(parameter.grad()), memory
