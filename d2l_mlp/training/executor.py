"""A net and its loss as one graph, bound to memory.

Gluon's graphs, as of hybridized nets, look up their inputs, outputs and gradients at each call, and
run operator by operator whatever touches them. MXNet's older executor is bound to its arrays once,
and runs forward and backward as one piece each: 0.57 ms instead of 0.72 for a minibatch of
784-256-10, 0.20 instead of 0.33 for one of 784-64-10. The loader writes each minibatch into the
memory that the graph reads. The numbers are those of the net called block by block, bit for bit.

`with_loss` chooses the way that a net runs: this executor on a CPU, a hybridized block on a GPU,
and block by block if the net has a block whose work a graph cannot know.
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Callable

import mxnet
import numpy
from mxnet import autograd, gluon, np, npx
from mxnet.base import _LIB, c_handle_array, check_call
from mxnet.gluon import nn

from d2l_mlp.activations import operators
from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.hardware.devices import device_of
from d2l_mlp.hardware.host_arrays import HostMemory, MemoryWatch, Reused, is_on_host, shallow_copy
from d2l_mlp.hardware.openmp import at_most_threads, useful_threads
from d2l_mlp.mlp import ActivationLayer

NetWithLoss = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

# The results of these blocks follow from inputs and parameters, which is all a graph knows. Another
# block may ask for more when it is called: a count, a shape, whether autograd is training. A graph
# would keep the answers of the moment it was made.
_PURE = {
    nn.Sequential, nn.HybridSequential, nn.Dense, nn.Dropout, nn.Flatten, nn.Activation,
    ActivationLayer,
}  # fmt: skip

# A block's scope of names, which tracing enters, is one for all threads.
_tracing = threading.Lock()


def with_loss(net: gluon.Block, *, nan_is_noticed: bool = False) -> NetWithLoss:
    """Put the softmax cross-entropy behind a net, which is not changed.

    The callable that is returned maps features (n, ...) and labels (n,) to the logits and to the
    losses (n,) of the examples. If every block is one of `_PURE`, without hooks or methods of its
    own, it is compiled; on the host, the next minibatch of the same shape then overwrites the
    results (see `StaticGraph`). Set `nan_is_noticed` if the caller checks features and parameters
    for NaN: ReLU is then that of Gluon's ``Activation``, which is twice as fast, but turns NaN
    into 0.
    """

    def forward(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        F, logits = operators(net(X))
        # Gluon's loss without its mean over one number an example, in a quarter of the time.
        return logits, -F.npx.pick(F.npx.log_softmax(logits), y)

    parameters = net.collect_params()
    if not parameters or not _is_pure(net):
        return forward
    dtype = next(iter(parameters.values())).dtype
    X = mxnet.sym.var("X", dtype=dtype).as_np_ndarray()
    y = mxnet.sym.var("y", dtype="int32").as_np_ndarray()
    with _tracing:
        outputs = mxnet.sym.Group(forward(X, y)).as_np_ndarray()
    if nan_is_noticed:
        outputs = _with_gluon_relu(outputs)
    trained = any(parameter.grad_req != "null" for parameter in parameters.values())
    if trained and is_on_host(device_of(net)):
        return StaticGraph(outputs, parameters)
    graph = gluon.SymbolBlock(outputs, [X, y], params=parameters)
    graph.hybridize(static_alloc=True, static_shape=True)
    return graph


def minibatches(data_iter: Iterable, net_with_loss: NetWithLoss) -> Iterator:
    """Iterate over minibatches; those of an `ArrayLoader` for a `StaticGraph` share their memory.

    Not those of its subclasses, which may yield any arrays, nor for another net, which may keep
    them.
    """
    if isinstance(net_with_loss, StaticGraph) and type(data_iter) is ArrayLoader:
        return data_iter.in_place(net_with_loss.memory[data_iter])
    return iter(data_iter)


def useful_threads_for(net_with_loss: NetWithLoss, examples: int) -> AbstractContextManager[None]:
    """Compute, within a ``with`` block, with the threads that minibatches of this size are worth.

    Of a `StaticGraph` alone, and not of 0 examples, which are unknown: oneDNN keeps what it has
    prepared, also beyond a training, and batch normalization that is prepared for one number of
    threads and run with another has wrong gradients.
    """
    if not isinstance(net_with_loss, StaticGraph) or not examples:
        return nullcontext()
    return at_most_threads(useful_threads(examples, net_with_loss.weights()))


def _with_gluon_relu(outputs: mxnet.sym.Symbol) -> mxnet.sym.Symbol:
    graph = json.loads(outputs.tojson())
    for node in graph["nodes"]:
        if node["op"] == "_npx_relu":
            node.update(op="_npx_activation", attrs={"act_type": "relu"})
    return mxnet.sym.load_json(json.dumps(graph)).as_np_ndarray()


def _is_pure(block: gluon.Block) -> bool:
    """Return whether a block and all within it are `_PURE` and do what their class does."""
    own = vars(block).keys() & {"forward", "hybrid_forward"}
    hooks = block._forward_hooks or block._forward_pre_hooks
    children = block._children.values()
    called = getattr(block, "act", None)  # of Dense: a child, or anything that can be called
    return (
        type(block) in _PURE
        and not (own or hooks)
        and (called is None or called in children)
        and all(map(_is_pure, children))
    )


# A run has few: full and last minibatches, in training and in evaluation, on each device. Lists of
# minibatches may have more.
_MOST_BOUND = 32


class StaticGraph:
    """A callable that maps features and labels to logits and losses, on the host.

    Both are overwritten by the next minibatch of the same shape. ``losses.backward()``, without
    arguments, computes the gradients of the parameters after a forward pass under
    ``autograd.record()``. It needs a parameter with a gradient: without any, MXNet builds an
    inference graph, which keeps the weights of the first call.
    """

    def __init__(self, outputs: mxnet.sym.Symbol, parameters: Mapping[str, gluon.Parameter]):
        # Where a loader may write its minibatches, by their size. It is not the loader's, which
        # several threads may use at a time.
        self.memory: dict[ArrayLoader, dict[int, list[HostMemory]]] = defaultdict(dict)
        self._outputs, self._parameters = outputs, parameters
        self._watch = MemoryWatch(parameters.values())
        self._bound: dict[Any, _BoundGraph] = {}

    def weights(self) -> list[tuple[int, ...]]:
        """Return the shapes of its weights."""
        return [p.shape for p in self._parameters.values() if len(p.shape) > 1]

    def __call__(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
        os.environ.setdefault("MXNET_SUBGRAPH_VERBOSE", "0")  # else MXNet prints a line here
        self._executor = outputs.bind(
            X.ctx, {"X": X, "y": y, **arrays},
            args_grad={name: parameter.grad(X.ctx) for name, parameter in trained.items()},
            grad_req={name: parameter.grad_req for name, parameter in trained.items()},
        )  # fmt: skip
        logits, losses = self._executor.outputs
        self._logits, self._losses = (shallow_copy(a, Reused) for a in (logits, losses))
        self._losses.backward = _backward(
            self._executor, [np.zeros_like(self._logits), np.ones_like(self._losses)],
            [arrays[name] for name in trained],
        )  # fmt: skip

    def run(self, values: list[numpy.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Run it on features and labels; without any, on those that its memory holds."""
        if values:
            npx.waitall()  # the last minibatch's backward may still read the inputs
        for memory, value in zip(self._inputs, values):
            memory.view()[...] = value
        # Not by the executor's own `forward`, which makes new arrays of the outputs each time.
        check_call(_LIB.MXExecutorForward(self._executor.handle, int(autograd.is_training())))
        return self._logits, self._losses


def _backward(executor: Any, heads: list, arrays: list) -> Callable[[], None]:
    handles = c_handle_array(heads)

    def run() -> None:
        check_call(_LIB.MXExecutorBackwardEx(executor.handle, len(heads), handles, 1))
        for array in arrays:
            array._fresh_grad = True  # as autograd does, for the trainer

    return run
