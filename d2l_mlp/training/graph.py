"""A net and its loss as one graph, which MXNet runs in one call instead of one an operator."""

from typing import Callable, Tuple

import mxnet
from mxnet import gluon, np
from mxnet.gluon import nn

from d2l_mlp.mlp import ActivationLayer

NetWithLoss = Callable[[np.ndarray, np.ndarray], Tuple[np.ndarray, np.ndarray]]

# What these do follows from their inputs and parameters, which is all a graph knows of. Another
# block may ask for more when it is called: a count, a shape, whether autograd is training. A graph
# would go on with the answers of the moment it was made.
_PURE = {
    nn.Sequential, nn.HybridSequential, nn.Dense, nn.Dropout, nn.Flatten, nn.Activation,
    ActivationLayer,
}  # fmt: skip


def with_loss(net: gluon.Block) -> NetWithLoss:
    """Put the softmax cross-entropy behind a net.

    Parameters
    ----------
    net : gluon.Block
        Maps features (n, ...) to logits (n, num_outputs). Not changed; the parameters are its own.

    Returns
    -------
    callable
        Maps features and labels (n,) to the logits and to the losses (n,) of the examples.
        Compiled, if the net is made of Gluon's ``Sequential``, ``HybridSequential``, ``Dense``,
        ``Dropout``, ``Flatten`` and ``Activation`` and of our `ActivationLayer`, with neither hooks
        nor methods of its own; the results are the same bit for bit. Any other net is called as it
        is, one block after the other.
    """
    # Of each example; a loss for each net, because two threads cannot make graphs with one.
    softmax_cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()

    def forward(X: np.ndarray, y: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        logits = net(X)
        return logits, softmax_cross_entropy(logits, y)

    parameters = net.collect_params()
    if not parameters or not _is_pure(net):
        return forward
    dtype = next(iter(parameters.values())).dtype
    X = mxnet.sym.var("X", dtype=dtype).as_np_ndarray()
    y = mxnet.sym.var("y", dtype="int32").as_np_ndarray()
    graph = gluon.SymbolBlock(forward(X, y), [X, y], params=parameters)
    graph.hybridize(static_alloc=True, static_shape=True)
    return graph


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
