"""Metrics against plain NumPy."""

import numpy
import pytest
from mxnet import np
from mxnet.gluon import nn

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training import executor
from d2l_mlp.training.metrics import Accumulator, evaluate_net, predict_labels


@pytest.mark.parametrize("on_host", [True, False])  # and as on a GPU
@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_loss_and_accuracy_are_numpy_s(monkeypatch, batch_size, on_host):
    monkeypatch.setattr(executor, "is_on_host", lambda device: on_host)
    net = build_mlp((), num_outputs=3, num_inputs=4)
    random = numpy.random.RandomState(0)
    X, y = random.randn(25, 4).astype("float32") * 100, random.randint(0, 3, 25)
    W, b = (p.data().asnumpy().astype("float64") for p in net.collect_params().values())
    logits = X @ W.T + b
    expected = numpy.logaddexp.reduce(logits, axis=1) - logits[numpy.arange(25), y]
    loss, accuracy = evaluate_net(net, ArrayLoader(X, y, batch_size))
    assert loss == pytest.approx(expected.mean(), rel=1e-5)
    assert accuracy == (logits.argmax(axis=1) == y).mean()


@pytest.mark.parametrize("layer", [nn.Dense(8), nn.HybridLambda(lambda F, x: x * 2)])
def test_a_loader_may_overwrite_its_minibatches(layer):
    net = nn.Sequential()
    net.add(layer, nn.Dense(3))
    net.initialize()
    random = numpy.random.RandomState(0)
    minibatches = [
        (np.array(random.randn(9, 4), dtype="float32"), np.array(random.randint(0, 3, 9)))
        for _ in range(20)
    ]

    class Overwriting:
        def __iter__(self):
            X, y = (np.zeros_like(array) for array in minibatches[0])
            for minibatch in minibatches:
                X[:], y[:] = minibatch
                yield X, y

    right = sum(int((net(X).argmax(axis=1) == y).sum()) for X, y in minibatches)
    assert evaluate_net(net, Overwriting())[1] == right / 180


def test_a_net_may_overwrite_its_outputs():
    class Overwriting(nn.Block):
        def __init__(self):
            super().__init__()
            self.dense, self.outputs = nn.Dense(3, in_units=4), np.empty((9, 3))

        def forward(self, x):
            self.outputs[: len(x)] = self.dense(x)
            return self.outputs[: len(x)]

    net = Overwriting()
    net.initialize()
    data_iter = ArrayLoader(np.random.normal(size=(100, 4)), numpy.arange(100) % 3, 9)
    assert evaluate_net(net, data_iter) == evaluate_net(net.dense, data_iter)


def test_losses_are_summed_in_float64():
    losses = numpy.full(2**20, 0.1, "float32")
    losses[0] = 2**20
    sums = Accumulator()
    sums.add(np.zeros((2**20, 2)), np.array(losses), np.zeros(2**20, dtype="int32"))
    assert sums.sums()[0] == pytest.approx(losses.sum(dtype="float64"), rel=1e-9)


@pytest.mark.parametrize("value", [numpy.nan, numpy.inf])
def test_nothing_is_predicted_from_nan_or_infinity(value):
    net = build_mlp((), 3, num_inputs=4)
    net[0].weight.set_data(np.full((3, 4), value))
    with pytest.raises(ArithmeticError, match="the net computes NaN or infinity"):
        predict_labels(net, np.ones((2, 4)))


def test_predictions_are_the_largest_logits():
    net = build_mlp((5,), num_outputs=3, num_inputs=4)
    X = np.random.normal(size=(50, 4))
    W1, b1, W2, b2 = (p.data().asnumpy() for p in net.collect_params().values())
    logits = numpy.maximum(X.asnumpy() @ W1.T + b1, 0) @ W2.T + b2
    predicted = predict_labels(net, X)
    numpy.testing.assert_array_equal(predicted, logits.argmax(axis=1))
    assert predicted.dtype == "int64"
