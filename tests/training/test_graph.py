"""A net and its loss as one graph, against the same net called block by block."""

import pytest
from mxnet import autograd, gluon, np
from mxnet.gluon import nn

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.graph import with_loss


def both_ways(net, n, dtype="float32", **options):
    """Logits, losses and gradients, through the graph and block by block."""
    X = np.random.normal(size=(n, 1, 4, 5)).astype(dtype)
    y = np.random.randint(0, 10, (n,)).astype("int32")
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    ways = [with_loss(net, **options), lambda X, y: (net(X), loss(net(X), y))]
    for way in ways:
        with autograd.record():
            logits, losses = way(X, y)
        losses.backward()
        grads = [p.grad() for p in net.collect_params().values()]
        yield [array.asnumpy() for array in (logits, losses, *grads)]


@pytest.mark.parametrize("activation", [*ACTIVATIONS, None])
@pytest.mark.parametrize("hidden", [(), (7,), (6, 5)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("nan_is_noticed", [False, True])
def test_the_graph_computes_the_same_bit_for_bit(activation, hidden, dtype, nan_is_noticed):
    net = build_mlp(hidden, activation=activation, num_inputs=20, dtype=dtype)
    for n in (16, 3, 16, 1):  # as the last minibatch of an epoch, and the first of the next
        for by_graph, by_blocks in zip(*both_ways(net, n, dtype, nan_is_noticed=nan_is_noticed)):
            assert by_graph.dtype == dtype
            assert (by_graph == by_blocks).all()


def test_the_net_stays_as_it_was():
    net = nn.HybridSequential()
    net.add(nn.Dense(5, in_units=20), nn.Dense(10, in_units=5))
    net.initialize()
    names = list(net.collect_params())
    for by_graph, by_blocks in zip(*both_ways(net, 4)):
        assert (by_graph == by_blocks).all()
    assert list(net.collect_params()) == names
    assert not net._active
    assert not net[0]._active


class ReadsItsInput(nn.HybridBlock):
    """Hybrid by its class, but not by what it does."""

    def forward(self, x):
        """Read it."""
        return np.array(x.reshape(len(x), -1)[:, :10].asnumpy())


class Plain(nn.Block):
    """Has no hybrid form at all."""

    def __init__(self):
        super().__init__()
        self.output = nn.Dense(10, in_units=20)

    def forward(self, x):
        """Choose by the input's value, as a graph cannot."""
        return self.output(x if x.sum() > 0 else -x)


@pytest.mark.parametrize("block", [ReadsItsInput, Plain])
def test_a_net_that_is_no_graph_is_called_block_by_block(block):
    net = nn.Sequential()
    net.add(block(), nn.Dense(10, in_units=10))
    net.initialize()
    X, y = np.ones((3, 20)), np.array([1, 2, 3], dtype="int32")
    logits, losses = with_loss(net)(X, y)
    assert (logits == net(X)).all()
    assert losses.shape == (3,)
