"""Take an optimizer's steps on the parameters of a net."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

import numpy
from mxnet import gluon, np, npx

from d2l_mlp.hardware.devices import device_of
from d2l_mlp.hardware.host_arrays import HostMemory, MemoryWatch, is_on_host
from d2l_mlp.training.distributed import Workers
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.optimizers import OPTIMIZERS, learning_rate
from d2l_mlp.training.state import Arrays, TrainingState


class _Slot(NamedTuple):
    """A parameter with what a step reads and writes; the lists have one entry a device."""

    parameter: gluon.Parameter
    arrays: list[np.ndarray]
    weights: list[Callable[[], Any]]  # each returns its array, of NumPy on a CPU
    gradients: list[Callable[[], Any]]
    states: dict[str, Any]  # on the first device


class Trainer:
    """Like ``gluon.Trainer``, with the optimizers of `d2l_mlp.training.optimizers`.

    A step is that of the whole minibatch: the gradients of all devices and workers are summed, the
    first device's parameters are updated and copied to the others. On a CPU, NumPy computes it in
    the parameters' own memory: MXNet's operators take three times as long or more. The optimizer's
    states are arrays by name, where Gluon has a pickle, which could run code when it is read.
    """

    def __init__(
        self, net: gluon.Block, settings: Hyperparameters, state: TrainingState,
        steps_per_epoch: int, workers: Workers | None = None,
    ):  # fmt: skip
        """Start from a state; `workers` have reserved the memory."""
        self._names = {p: name for name, p in net._collect_params_with_prefix().items()}
        self._check_parameters()
        kinds = OPTIMIZERS[settings.optimizer].states(settings)
        if state.history and set(state.optimizer) != set(kinds):
            raise ValueError(
                f"the state has the optimizer's arrays {sorted(state.optimizer)}, but "
                f"{settings.optimizer} keeps {sorted(kinds)}; take the optimizer and momentum of "
                "its training"
            )
        self._settings, self._optimizer = settings, OPTIMIZERS[settings.optimizer]
        self._steps_per_epoch = steps_per_epoch
        self.steps = len(state.history) * steps_per_epoch
        self.learning_rate = 0.0  # of the last step
        self._workers = workers or Workers()
        self._on_host = is_on_host(device_of(net))
        self._watch = MemoryWatch(self._names)
        self._slots: list[_Slot] = []
        self._states: dict[str, dict[str, Any]] = {
            kind: dict(state.optimizer.get(kind, {})) for kind in kinds
        }

    def states(self) -> dict[str, Arrays]:
        """Copy the optimizer's states."""
        return {
            kind: {
                name: array.copy() if isinstance(array, numpy.ndarray) else array.asnumpy()
                for name, array in arrays.items()
            }
            for kind, arrays in self._states.items()
        }

    def step(self, batch_size: int) -> None:
        """Take one step; the gradients are those of the summed losses of `batch_size` examples."""
        if self._watch.has_changed():
            self._check_parameters()
            self._slots = [self._slot(p) for p in self._names if p.grad_req != "null"]
        if self._on_host:
            npx.waitall()  # MXNet may still read what is written here
        xp = numpy if self._on_host else np
        self.learning_rate = learning_rate(self._settings, self.steps, self._steps_per_epoch)
        self.steps += 1
        with numpy.errstate(all="ignore"):  # `fit` looks for what is not finite
            for slot, grad in zip(self._slots, self._sum_gradients()):
                weight, *replicas = (read() for read in slot.weights)
                grad *= 1 / batch_size
                wd = self._settings.wd * slot.parameter.wd_mult
                if wd:
                    grad += wd * weight
                lr = self.learning_rate * slot.parameter.lr_mult
                self._optimizer.step(xp, weight, grad, slot.states, lr, self.steps, self._settings)
                for replica in replicas:
                    replica[:] = weight

    def _check_parameters(self) -> None:
        for parameter, name in self._names.items():
            if parameter.grad_req == "add":
                raise ValueError(
                    f"parameter {name} has grad_req 'add', which adds every step's gradient to "
                    "those before; set it to 'write'"
                )
        if all(parameter.grad_req == "null" for parameter in self._names):
            raise ValueError(
                "every parameter has grad_req 'null', so that there is nothing to train; "
                "set one to 'write'"
            )

    def _slot(self, parameter: gluon.Parameter) -> _Slot:
        name, arrays = self._names[parameter], parameter.list_data()
        weights = [self._reader(array) for array in arrays]
        for states in self._states.values():
            before = states.get(name)
            if not self._on_host:
                states[name] = np.zeros_like(arrays[0])
                states[name][:] = 0 if before is None else before
            elif before is None:
                states[name] = numpy.zeros_like(weights[0]())
            else:
                states[name] = numpy.array(before)  # those of a `TrainingState` stay as they are
        return _Slot(
            parameter, arrays, weights, [self._reader(grad) for grad in parameter.list_grad()],
            {kind: states[name] for kind, states in self._states.items()},
        )  # fmt: skip

    def _reader(self, array: np.ndarray) -> Callable[[], Any]:
        return HostMemory(array).view if self._on_host else lambda: array

    def _sum_gradients(self) -> list[Any]:
        """Sum the gradients over devices and workers, on the first device."""
        sums = [slot.gradients[0]() for slot in self._slots]
        for i in range(len(self._slots[0].arrays)):
            fresh = [slot.arrays[i]._fresh_grad for slot in self._slots]
            # A device or worker without an example of a short minibatch has old gradients: they
            # count as 0.
            idle = not any(fresh) and (i > 0 or self._workers.size > 1)
            if not (idle or all(fresh)):
                name = self._names[self._slots[fresh.index(False)].parameter]
                raise ValueError(
                    f"parameter {name} has no gradient of this minibatch, because the loss does "
                    "not depend on it; set its grad_req to 'null'"
                )
            for slot, total in zip(self._slots, sums):
                slot.arrays[i]._fresh_grad = False
                if idle and i == 0:
                    total[:] = 0
                elif i and not idle:
                    grad = slot.gradients[i]()
                    total += grad if self._on_host else grad.as_in_ctx(total.ctx)
        if self._workers.size > 1:
            arrays = sums if self._on_host else [total.asnumpy() for total in sums]
            self._workers.all_reduce(arrays)
            if not self._on_host:
                sums = [np.array(a, dtype=a.dtype, ctx=t.ctx) for a, t in zip(arrays, sums)]
        return sums
