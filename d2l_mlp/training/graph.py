"""A net and its loss as one graph, which MXNet runs in one call instead of one an operator."""

import json
from typing import Callable, Iterable, Iterator, Tuple

import mxnet
from mxnet import gluon, np
from mxnet.gluon import nn

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.elementwise import operators
from d2l_mlp.mlp import ActivationLayer
from d2l_mlp.runtime.device import device_of
from d2l_mlp.runtime.host_memory import is_on_host
from d2l_mlp.training.static_graph import StaticGraph

NetWithLoss = Callable[[np.ndarray, np.ndarray], Tuple[np.ndarray, np.ndarray]]

# What these do follows from their inputs and parameters, which is all a graph knows of. Another
# block may ask for more when it is called: a count, a shape, whether autograd is training. A graph
# would go on with the answers of the moment it was made.
_PURE = {
    nn.Sequential, nn.HybridSequential, nn.Dense, nn.Dropout, nn.Flatten, nn.Activation,
    ActivationLayer,
}  # fmt: skip


def with_loss(net: gluon.Block, *, nan_is_noticed: bool = False) -> NetWithLoss:
    """Put the softmax cross-entropy behind a net.

    Parameters
    ----------
    net : gluon.Block
        Maps features (n, ...) to logits (n, num_outputs). Not changed; the parameters are its own.
    nan_is_noticed : bool, default False
        Whether the caller looks for NaN in the features and parameters. ReLU then may turn it into
        0, as Gluon's ``Activation`` does; there and back it takes half the time of ``npx.relu``.

    Returns
    -------
    callable
        Maps features and labels (n,) to the logits and to the losses (n,) of the examples.
        Compiled, if the net is made of Gluon's ``Sequential``, ``HybridSequential``, ``Dense``,
        ``Dropout``, ``Flatten`` and ``Activation`` and of our `ActivationLayer`, with neither hooks
        nor methods of its own; the results are the same bit for bit. On the host, the next
        minibatch of the same shape overwrites them, if any parameter is trained (`StaticGraph`).
        Any other net is called as it is, one block after the other.
    """

    def forward(X: np.ndarray, y: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        F, logits = operators(net(X))
        # Gluon's loss, without its mean over what is one number an example: a quarter of the time.
        return logits, -F.npx.pick(F.npx.log_softmax(logits), y)

    parameters = net.collect_params()
    if not parameters or not _is_pure(net):
        return forward
    dtype = next(iter(parameters.values())).dtype
    X = mxnet.sym.var("X", dtype=dtype).as_np_ndarray()
    y = mxnet.sym.var("y", dtype="int32").as_np_ndarray()
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
    """Iterate over minibatches for what `with_loss` has made.

    Parameters
    ----------
    data_iter : iterable
        Gives minibatches (X, y).
    net_with_loss : callable
        A graph is done with a minibatch when the next one comes; another net may keep it.

    Returns
    -------
    iterator
        Of the same minibatches, which overwrite each other where nobody minds: not where a subclass
        of `ArrayLoader` may give what it likes.
    """
    if isinstance(net_with_loss, StaticGraph) and type(data_iter) is ArrayLoader:
        return data_iter.in_place(net_with_loss.memory[data_iter])
    return iter(data_iter)


def _with_gluon_relu(outputs: mxnet.sym.Symbol) -> mxnet.sym.Symbol:
    graph = json.loads(outputs.tojson())
    for node in graph["nodes"]:
        if node["op"] == "_npx_relu":
            node.update(op="_npx_activation", attrs={"act_type": "relu"})
    return mxnet.sym.load_json(json.dumps(graph)).as_np_ndarray()


def _is_pure(block: gluon.Block) -> bool:
    """Tell whether a block does what its class does, and that class and all within are `_PURE`."""
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
