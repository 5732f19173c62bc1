"""Metrics against plain NumPy."""

import numpy
import pytest
from mxnet import np

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training import executor
from d2l_mlp.training.metrics import evaluate_net, predict_labels


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


def test_predictions_are_the_largest_logits():
    net = build_mlp((5,), num_outputs=3, num_inputs=4)
    X = np.random.normal(size=(50, 4))
    W1, b1, W2, b2 = (p.data().asnumpy() for p in net.collect_params().values())
    logits = numpy.maximum(X.asnumpy() @ W1.T + b1, 0) @ W2.T + b2
    predicted = predict_labels(net, X)
    numpy.testing.assert_array_equal(predicted, logits.argmax(axis=1))
    assert predicted.dtype == "int64"
