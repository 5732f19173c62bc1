"""Gluon's trainer with an optimizer of `d2l_mlp.training.optimizers`.

On a CPU, MXNet's operators that update parameters take six to ten times as long as NumPy, which
does it here, in the parameters' own memory.
"""

# DOC(training.named_states): An optimizer of `d2l_mlp.training.optimizers` as Gluon's trainer takes one.
#
# DOC(training.named_states): Gluon keeps what an optimizer remembers in a pickle, which could run code when it is read; here it
# DOC(training.named_states): is arrays by name.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import mxnet
import numpy
from mxnet import gluon, np, npx

from d2l_mlp.hardware.devices import device_of
from d2l_mlp.hardware.host_arrays import HostMemory, MemoryWatch, is_on_host
from d2l_mlp.rules import flush
from d2l_mlp.training.distributed import Workers
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.optimizers import OPTIMIZERS
from d2l_mlp.training.state import Arrays, TrainingState


class NamedStatesOptimizer(mxnet.optimizer.Optimizer):
    """An optimizer whose states can be kept.

    Parameters
    ----------
    names : list of str
        Of the parameters, by their number.
    settings : Hyperparameters
        The optimizer, and what it takes.
    before : dict of str to dict of str to numpy.ndarray
        The states to go on from, by their names and those of the parameters.
    steps : int
        That were taken before.

    Attributes
    ----------
    arrays : dict of str to dict of str to mxnet.np.ndarray
        The states, likewise.
    """

    def __init__(
        self, names: list, settings: Hyperparameters, before: dict[str, Arrays], steps: int
    ):
        super().__init__(learning_rate=settings.lr, wd=settings.wd, begin_num_update=steps)
        self._names, self._settings, self._before = names, settings, dict(before)
        self.arrays: dict[str, dict[str, np.ndarray]] = {
            state: {} for state in OPTIMIZERS[settings.optimizer].states(settings)
        }

    def create_state(self, index: int, weight: np.ndarray) -> dict[str, np.ndarray]:
        """Make the states of a parameter, as they were before."""
        name, weight = self._names[index], weight.as_np_ndarray()  # an updater gives a legacy one
        for state, arrays in self.arrays.items():
            arrays[name] = np.zeros_like(weight)
            if name in self._before.get(state, {}):
                arrays[name][:] = self._before[state][name]
        return {state: arrays[name] for state, arrays in self.arrays.items()}

    def keep(self) -> None:
        """Let parameters that are given new states go on from those that they have."""
        for state, arrays in self.arrays.items():
            copies = {name: array.asnumpy() for name, array in arrays.items()}
            self._before[state] = {**self._before.get(state, {}), **copies}

    def update(self, index: int, weight: np.ndarray, grad: np.ndarray, state: Any) -> None:
        """Change a parameter, where Gluon's trainer does."""
        self.step(np, [index], [(weight.as_np_ndarray(), grad.as_np_ndarray(), state)])

    def step(self, xp: Any, numbers: list[int], parameters: Sequence[tuple[Any, Any, Any]]) -> None:
        """Take a step.

        Parameters
        ----------
        xp : module
            ``numpy`` or ``mxnet.np``, of which the arrays are.
        numbers : list of int
            Of the parameters. To find out their rates takes as long for one as for all.
        parameters : sequence of tuple
            Each of them, its gradient, which is used up, and its states by their names.
        """
        self._update_count(numbers)
        take = OPTIMIZERS[self._settings.optimizer].step
        rates, decays = self._get_lrs(numbers), self._get_wds(numbers)
        for number, lr, wd, (weight, grad, states) in zip(numbers, rates, decays, parameters):
            grad *= self.rescale_grad
            if wd:
                grad += wd * weight
            t = self._index_update_count[number]
            take(xp, weight, grad, states, flush(lr), t, self._settings)


def make_trainer(
    net: gluon.Block,
    settings: Hyperparameters,
    state: TrainingState,
    steps: int,
    workers: Workers | None = None,
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
    workers : Workers, optional
        That train together, and know how many elements the parameters have.

    Returns
    -------
    gluon.Trainer
        Each of its steps is that of the minibatch's parts on all devices and at all workers
        together. What its optimizer keeps, `read_states` copies.

    Raises
    ------
    ValueError
        If a parameter's gradients add up from step to step, or none has any.
    """
    names = {parameter: name for name, parameter in net._collect_params_with_prefix().items()}
    for parameter, name in names.items():
        if parameter.grad_req == "add":
            raise ValueError(
                f"parameter {name} has grad_req 'add', which adds every step's gradient to those "
                "before; set it to 'write'"
            )
    if all(parameter.grad_req == "null" for parameter in names):
        raise ValueError(
            "every parameter has grad_req 'null', so that there is nothing to train; "
            "set one to 'write'"
        )
    optimizer = NamedStatesOptimizer(list(names.values()), settings, state.optimizer, steps)
    kind = _HostTrainer if is_on_host(device_of(net)) else _Trainer
    return kind(list(names), optimizer, workers or Workers())


def read_states(trainer: gluon.Trainer) -> dict[str, Arrays]:
    """Copy what the optimizer of a trainer keeps: arrays by state and parameter."""
    return {
        state: {name: array.asnumpy() for name, array in arrays.items()}
        for state, arrays in trainer.optimizer.arrays.items()
    }


class _Trainer(gluon.Trainer):
    """Adds up the gradients of all devices and workers, before each of them takes the same step.

    Were the step taken by the servers of MXNet's KVStore, they would have to be sent the optimizer
    as a pickle, and a checkpoint would lack what it keeps.
    """

    def __init__(
        self, parameters: list[gluon.Parameter], optimizer: mxnet.optimizer.Optimizer,
        workers: Workers,
    ):  # fmt: skip
        devices = parameters[0].list_ctx()
        kvstore = "device" if len(devices) > 1 else None
        super().__init__(parameters, optimizer, kvstore=kvstore, update_on_kvstore=False)
        self._workers, self._devices = workers, devices

    @property
    def _trained(self) -> list[gluon.Parameter]:
        return [parameter for parameter in self._params if parameter.grad_req != "null"]

    def _allreduce_grads(self) -> None:
        if len(self._devices) == self._workers.size == 1:
            return
        self._let_idle_devices_add_nothing()
        super()._allreduce_grads()
        if self._workers.size == 1:
            return
        on_host = is_on_host(self._devices[0])
        first = [parameter.list_grad()[0] for parameter in self._trained]
        sums = [HostMemory(grad).view() if on_host else grad.asnumpy() for grad in first]
        self._workers.all_reduce(sums)
        for parameter, total in zip(self._trained, sums):
            for grad in parameter.list_grad()[1 if on_host else 0 :]:
                grad[:] = np.array(total, dtype=total.dtype, ctx=grad.ctx)

    def _let_idle_devices_add_nothing(self) -> None:
        """Make the gradients 0 where there was no example of the minibatch: none is new there."""
        for i in range(len(self._devices)):
            weights = [parameter.list_data()[i] for parameter in self._trained]
            if not any(weight._fresh_grad for weight in weights):
                for parameter, weight in zip(self._trained, weights):
                    parameter.list_grad()[i][:] = 0
                    weight._fresh_grad = True


class _Slot(NamedTuple):
    """A parameter's memory, and what belongs to it."""

    number: int
    weight: HostMemory
    grad: HostMemory
    states: dict[str, HostMemory]
    replicas: list[HostMemory]
    """The parameter on the other devices."""


class _HostTrainer(_Trainer):
    """Updates the parameters in their own memory, with NumPy."""

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._watch = MemoryWatch(self._params)
        self._memory: list[_Slot] = []

    def _update(self, ignore_stale_grad: bool = False) -> None:
        if self._watch.has_changed():
            self.optimizer.keep()
            self._memory = list(self._find_memory())
        fresh = [slot for slot in self._memory if slot.weight.array._fresh_grad]
        if len(fresh) < len(self._memory) and not ignore_stale_grad:
            return super()._update()  # which says what is wrong, and changes nothing
        npx.waitall()
        views = [
            (weight.view(), grad.view(), {name: memory.view() for name, memory in states.items()})
            for _, weight, grad, states, _ in fresh
        ]
        with numpy.errstate(all="ignore"):  # a loss that is no longer finite is told at the end
            self.optimizer.step(numpy, [slot.number for slot in fresh], views)
        for _, weight, _, _, replicas in fresh:
            weight.array._fresh_grad = False
            for replica in replicas:
                replica.array._fresh_grad = False
                replica.view()[:] = weight.view()

    def _find_memory(self) -> Iterator[_Slot]:
        for index, parameter in enumerate(self._params):
            if parameter.grad_req != "null":
                weight, *replicas = parameter.list_data()
                states = self.optimizer.create_state(index, weight)
                yield _Slot(
                    index, HostMemory(weight), HostMemory(parameter.list_grad()[0]),
                    {name: HostMemory(array) for name, array in states.items()},
                    [HostMemory(array) for array in replicas],
                )  # fmt: skip
