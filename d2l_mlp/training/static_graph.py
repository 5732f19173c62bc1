"""A graph that runs all its minibatches in the same memory.

Gluon's graphs, as of hybridized nets, find out at each call where their inputs, outputs and
gradients are, and run what touches them operator by operator. MXNet's older executor is bound to
its arrays once, and runs forward and backward as one piece each: 0.57 ms instead of 0.72 for a
minibatch of 784-256-10, 0.20 instead of 0.33 for one of 784-64-10.
"""

import os
from collections import defaultdict
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple

import mxnet
import numpy
from mxnet import autograd, gluon, np, npx
from mxnet.base import _LIB, c_handle_array, check_call

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.runtime.host_memory import HostMemory, MemoryWatch, Reused, shallow_copy

# A run has few: full and last minibatches, in training and in evaluation, on each device. Lists of
# minibatches may have more.
_MOST_BOUND = 32


class StaticGraph:
    """Maps features and labels to logits and losses, on the host.

    Both are overwritten by the next minibatch of the same shape. The losses have a ``backward()``,
    without arguments, which computes the gradients of the parameters after a forward pass under
    ``autograd.record()``.

    Parameters
    ----------
    outputs : mxnet.sym.Symbol
        The logits and the losses, made of ``X``, ``y`` and the parameters.
    parameters : mapping of str to gluon.Parameter
        By their names in the graph. One at least has a gradient; without any, MXNet makes another
        graph, which keeps the weights that it has seen first.

    Attributes
    ----------
    memory : mapping of ArrayLoader to dict
        Where a loader may write its minibatches, by their size. It is not the loader's, which
        several threads may use at a time.
    """

    def __init__(self, outputs: mxnet.sym.Symbol, parameters: Mapping[str, gluon.Parameter]):
        self.memory: Dict[ArrayLoader, Dict[int, List[HostMemory]]] = defaultdict(dict)
        self._outputs, self._parameters = outputs, parameters
        self._watch = MemoryWatch(parameters.values())
        self._bound: Dict[Any, _BoundGraph] = {}

    def __call__(self, X: np.ndarray, y: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Run the graph on a minibatch."""
        if self._watch.has_changed():
            self._bound.clear()
        in_place = isinstance(X, Reused) and isinstance(y, Reused)
        values = [] if in_place else [HostMemory(array).view() for array in (X, y)]
        key = (id(X), id(y)) if in_place else (X.ctx, *((v.shape, v.dtype) for v in values))
        bound = self._bound.pop(key, None)
        if bound is None:
            if not in_place:
                X, y = (np.empty(a.shape, dtype=a.dtype, ctx=a.ctx) for a in (X, y))
            bound = _BoundGraph(self._outputs, self._parameters, X, y)
        self._bound[key] = bound  # at the end: the first is the one that is longest unused
        if len(self._bound) > _MOST_BOUND:
            del self._bound[next(iter(self._bound))]
        return bound.run(values)


class _BoundGraph:
    """The graph, bound to the memory of the features and labels that it is made with."""

    def __init__(
        self, outputs: mxnet.sym.Symbol, parameters: Mapping[str, gluon.Parameter],
        X: np.ndarray, y: np.ndarray,
    ):  # fmt: skip
        self._inputs = HostMemory(X), HostMemory(y)
        arrays = {name: parameter.data(X.ctx) for name, parameter in parameters.items()}
        trained = {name: p for name, p in parameters.items() if p.grad_req != "null"}
        if not trained:
            raise ValueError("every parameter has grad_req 'null' by now; set one to 'write'")
        with _own_defaults():
            self._executor = outputs.bind(
                X.ctx, {"X": X, "y": y, **arrays},
                args_grad={name: parameter.grad(X.ctx) for name, parameter in trained.items()},
                grad_req={name: parameter.grad_req for name, parameter in trained.items()},
            )  # fmt: skip
        logits, losses = self._executor.outputs
        self._logits, self._losses = shallow_copy(logits, Reused), shallow_copy(losses, _Losses)
        self._losses.run_backward = _backward(
            self._executor, [np.zeros_like(self._logits), np.ones_like(self._losses)],
            [arrays[name] for name in trained],
        )  # fmt: skip

    def run(self, values: List[numpy.ndarray]) -> Tuple[np.ndarray, np.ndarray]:
        """Run it on features and labels, or without any, on what its inputs hold."""
        if values:
            npx.waitall()  # the last minibatch's backward may still read the inputs
        for memory, value in zip(self._inputs, values):
            memory.view()[...] = value
        # Not by the executor's own `forward`, which makes new arrays of the outputs each time.
        check_call(_LIB.MXExecutorForward(self._executor.handle, int(autograd.is_training())))
        return self._logits, self._losses


@contextmanager
def _own_defaults() -> Iterator[None]:
    """Let MXNet bind a graph by its own defaults, and without a line about it."""
    os.environ.setdefault("MXNET_SUBGRAPH_VERBOSE", "0")
    backend = os.environ.pop("MXNET_SUBGRAPH_BACKEND", None)
    try:
        yield
    finally:
        if backend is not None:
            os.environ["MXNET_SUBGRAPH_BACKEND"] = backend


def _backward(executor: Any, heads: list, arrays: list) -> Callable[[], None]:
    handles = c_handle_array(heads)

    def run() -> None:
        check_call(_LIB.MXExecutorBackwardEx(executor.handle, len(heads), handles, 1))
        for array in arrays:
            array._fresh_grad = True  # as autograd does, for the trainer

    return run


class _Losses(Reused):
    """Losses that know how the gradients are computed."""

    run_backward: Callable[[], None]

    def backward(self) -> None:
        """Compute the gradients of the parameters."""
        self.run_backward()
