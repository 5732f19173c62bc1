"""A net and its loss as one graph, which MXNet runs in one call instead of one an operator."""

from typing import Callable, Tuple

import mxnet
from mxnet import gluon, np

softmax_cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()  # of each example

NetWithLoss = Callable[[np.ndarray, np.ndarray], Tuple[np.ndarray, np.ndarray]]


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
        Compiled, if the net is made of hybrid blocks; the results are the same bit for bit.
    """

    def forward(X: np.ndarray, y: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        logits = net(X)
        return logits, softmax_cross_entropy(logits, y)

    if not _is_hybrid(net):
        return forward
    dtype = next(iter(net.collect_params().values())).dtype
    X = mxnet.sym.var("X", dtype=dtype).as_np_ndarray()
    y = mxnet.sym.var("y", dtype="int32").as_np_ndarray()
    graph = gluon.SymbolBlock(forward(X, y), [X, y], params=net.collect_params())
    graph.hybridize(static_alloc=True, static_shape=True)
    return graph


def _is_hybrid(block: gluon.Block) -> bool:
    """Tell whether a block computes by operators alone, which a graph can hold."""
    hybrid = isinstance(block, gluon.HybridBlock) and (
        type(block).forward is gluon.HybridBlock.forward
    )
    children = block._children.values()
    return (hybrid or type(block) is gluon.nn.Sequential) and all(map(_is_hybrid, children))
