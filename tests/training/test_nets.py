"""Nets of every kind: `fit` trains them as the book's loop does, bit for bit."""

import mxnet
import numpy
import pytest
from mxnet import autograd, gluon, np, npx
from mxnet.gluon import nn

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.loop import fit

RANDOM = numpy.random.RandomState(0)
X = RANDOM.randn(22, 1, 4, 4).astype("float32")
Y = RANDOM.randint(0, 3, 22)


def mlp(*blocks):
    net = nn.Sequential()
    net.add(nn.Dense(6, in_units=16), *blocks, nn.Dense(3))
    return net


def hybridized():
    net = nn.HybridSequential()
    net.add(nn.Dense(6, activation="relu"), nn.Dense(3))
    net.hybridize()
    return net


def convolutional():
    net = nn.Sequential()
    net.add(
        nn.Conv2D(4, 3, activation="sigmoid"), nn.BatchNorm(), nn.AvgPool2D(), nn.Flatten(),
        nn.Dense(3),
    )  # fmt: skip
    return net


class AsksForTraining(nn.HybridBlock):
    def hybrid_forward(self, F, x):
        return x * 2 if autograd.is_training() else x


class AsksForTheShape(nn.HybridBlock):
    def hybrid_forward(self, F, x):
        return x * x.shape[0]


class Counts(nn.HybridBlock):
    """Does each training minibatch in another way."""

    count = 0

    def hybrid_forward(self, F, x):
        self.count += autograd.is_training()
        return x * self.count + self.count


class Plain(nn.Block):
    """Goes where its input says, as no graph can."""

    def forward(self, x):
        return x if x.sum() > 0 else -x


def hooked(before):
    """Drop more units at each training minibatch."""
    net = mlp(nn.Dropout(0.1))

    def hook(block, *arrays):
        net[1]._rate += 0.1 * autograd.is_training()

    (net[0].register_forward_pre_hook if before else net[0].register_forward_hook)(hook)
    return net


def nested():
    inner = nn.HybridSequential()
    inner.add(nn.Dense(5, activation="relu"), nn.Flatten())
    return mlp(inner, nn.Activation("sigmoid"))


def with_a_method_of_its_own():
    net, layer = mlp(nn.Activation("tanh")), nn.Dense(5)
    net[1].forward = lambda x: layer(x) * (2 if autograd.is_training() else 1)
    net[1].register_child(layer)
    return net


def with_a_function_as_activation():
    net = mlp()
    net[0].act = lambda x: npx.relu(x) * (2 if autograd.is_training() else 1)
    return net


def tied():
    net, layer = nn.Sequential(), nn.Dense(16)
    net.add(nn.Flatten(), layer, layer, nn.Dense(3))
    return net


def frozen():
    net = mlp(nn.Activation("relu"))
    net[0].collect_params().setattr("grad_req", "null")
    return net


KINDS = {
    **{name: lambda name=name: build_mlp((6,), 3, name, initializer=None) for name in ACTIVATIONS},
    "softmax regression": lambda: build_mlp((), 3, initializer=None),
    "hybridized": hybridized,
    "nested": nested,
    "dropout": lambda: mlp(nn.Activation("relu"), nn.Dropout(0.5)),
    "batch normalization": lambda: mlp(nn.BatchNorm(), nn.Activation("relu")),
    "layer normalization": lambda: mlp(nn.LayerNorm(), nn.GELU()),
    "convolutional": convolutional,
    "lambda": lambda: mlp(nn.Lambda(lambda x: x + autograd.is_training())),
    "asks for training": lambda: mlp(AsksForTraining()),
    "asks for the shape": lambda: mlp(AsksForTheShape()),
    "counts": lambda: mlp(Counts()),
    "plain": lambda: mlp(Plain()),
    "hook before": lambda: hooked(True),
    "hook after": lambda: hooked(False),
    "method of its own": with_a_method_of_its_own,
    "function as activation": with_a_function_as_activation,
    "tied": tied,
    "frozen": frozen,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_net_is_trained_as_the_book_trains_it(kind):
    def start():
        mxnet.random.seed(3)
        net = KINDS[kind]()
        net.initialize(force_reinit=True)
        net(np.array(X[:1]))  # gives the parameters their shapes
        mxnet.random.seed(4)
        return net

    ours, book = start(), start()
    history = fit(ours, ArrayLoader(X, Y, 8), ArrayLoader(X, Y, 8), epochs=2, lr=0.1)

    mxnet.random.seed(4)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(book.collect_params(), "sgd", {"learning_rate": 0.1}, kvstore=None)
    for metrics in history:
        losses = []
        for first in range(0, 22, 8):
            y = np.array(Y[first : first + 8], dtype="int32")
            with autograd.record():
                of_each = loss(book(np.array(X[first : first + 8])), y)
            of_each.backward()
            trainer.step(8)
            losses.extend(of_each.asnumpy())
        assert metrics.train_loss == pytest.approx(numpy.mean(losses))
        logits = book(np.array(X)).asnumpy()
    assert metrics.val_accuracy == (logits.argmax(axis=1) == Y).mean()
    ours, theirs = ([p.data().asnumpy() for p in n.collect_params().values()] for n in (ours, book))
    for array, other in zip(ours, theirs):
        assert array.tobytes() == other.tobytes()


def test_gradients_that_add_up_are_refused():
    net = build_mlp((6,), 3, num_inputs=16)
    net[1].weight.grad_req = "add"
    with pytest.raises(ValueError, match=r"parameter 1\.weight has grad_req 'add'.*; set it to"):
        fit(net, ArrayLoader(X, Y, 8), ArrayLoader(X, Y, 8))


def test_weights_are_not_read_while_a_convolution_reorders_them(run):
    script = """
import d2l_mlp, numpy
from mxnet import np
from mxnet.gluon import nn
from d2l_mlp.training.state import parameters_of

for _ in range(150):
    net = nn.Sequential()
    net.add(*[nn.Conv2D(256, 3, padding=1, in_channels=256) for _ in range(2)])
    net.initialize()
    before = [p.data().asnumpy() for p in net.collect_params().values()]
    net(np.ones((1, 256, 2, 2)))
    numpy.testing.assert_equal(list(parameters_of(net).values()), before)
"""
    run("-c", script, env={"OMP_NUM_THREADS": "1"})
