"""Metrics against plain NumPy, counting by hand, and scikit-learn."""

import numpy
import pytest
from mxnet import np
from sklearn import metrics as sklearn_metrics
from sklearn.metrics import precision_recall_fscore_support

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training import executor
from d2l_mlp.training.metrics import class_scores, confusion_matrix, evaluate_net, predict_labels


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


def test_confusion_matrix_by_hand():
    matrix = confusion_matrix([0, 0, 1, 2, 2, 2], [0, 1, 1, 0, 0, 2], num_classes=4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [2, 0, 1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([0, 1], [0], "2 labels but 1 predictions; give as many"),
        ([0, 3], [0, 0], "example 1 has the label 3; give whole numbers from 0 to 2, as"),
        ([0, 0], [0, -1], "example 1 has the label -1; give whole numbers"),
        (
            [0, 1, 2],
            [[0], [1], [2]],
            r"labels have the shape \(3, 1\); give one integer an example",
        ),
        (2, 2, r"labels have the shape \(\); give one integer an example: y.reshape\(-1\)"),
    ],
)
def test_what_is_no_label_is_refused(labels, predicted, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(labels, predicted, num_classes=3)


def test_no_classes_are_refused():
    with pytest.raises(ValueError, match="num_classes is 0; give an integer of at least 1"):
        confusion_matrix([0], [0], num_classes=0)


@pytest.mark.parametrize(("n", "num_classes"), [(1000, 10), (30, 10), (3, 10), (1, 2)])
def test_scores_are_scikit_learn_s(n, num_classes):
    random = numpy.random.RandomState(n)
    labels, predicted = random.randint(num_classes, size=(2, n))
    predicted[::2] = labels[::2]
    matrix = confusion_matrix(labels, predicted, num_classes)
    expected = sklearn_metrics.confusion_matrix(labels, predicted, labels=range(num_classes))
    assert (matrix == expected).all()
    scores = class_scores(matrix)
    expected = precision_recall_fscore_support(
        labels, predicted, labels=range(num_classes), zero_division=0
    )
    for given, value in zip(scores, expected):
        numpy.testing.assert_allclose(given, value, rtol=1e-15)
    assert scores.support.dtype == "int64"
