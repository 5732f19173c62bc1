import numpy
import pytest
from mxnet import np

from d2l_mlp.mlp import build_mlp
from d2l_mlp.plotting.classification import (
    confusion_matrix,
    plot_confusion,
    plot_predictions,
    predict,
)

RED = (0.84, 0.15, 0.16)


def test_predictions_are_the_largest_logits():
    net = build_mlp((5,), num_outputs=3, num_inputs=4)
    X = np.random.normal(size=(50, 4))
    W1, b1, W2, b2 = (p.data().asnumpy() for p in net.collect_params().values())
    logits = numpy.maximum(X.asnumpy() @ W1.T + b1, 0) @ W2.T + b2
    predicted = predict(net, X)
    numpy.testing.assert_array_equal(predicted, logits.argmax(axis=1))
    assert predicted.dtype == "int64"


def test_confusion_matrix_by_hand():
    matrix = confusion_matrix([0, 0, 1, 2, 2, 2], [0, 1, 1, 0, 0, 2], num_classes=4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [2, 0, 1, 0], [0, 0, 0, 0]]


def test_confusion_matrix_against_counting():
    labels, predicted = numpy.random.RandomState(0).randint(0, 10, (2, 500))
    matrix = confusion_matrix(labels, predicted)
    for i in range(10):
        for j in range(10):
            assert matrix[i, j] == sum((labels == i) & (predicted == j))


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([0, 1], [0], "2 labels but 1 predictions; give as many"),
        ([0, 3], [0, 0], "there is a label 3; give labels 0 to 2"),
        ([0, 0], [0, -1], "there is a label -1; give labels 0 to 2"),
    ],
)
def test_what_is_no_label_is_refused(labels, predicted, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(labels, predicted, num_classes=3)


def test_confusion_figure_has_rows_of_true_classes():
    matrix = numpy.array([[7, 3], [0, 5]])
    (axes,) = plot_confusion(matrix, ["cat", "dog"]).axes
    texts = {(t.get_position(), t.get_text()) for t in axes.texts}
    assert texts == {((0.5, 0.5), "7"), ((1.5, 0.5), "3"), ((1.5, 1.5), "5")}
    assert [t.get_text() for t in axes.get_yticklabels()] == ["cat", "dog"]
    assert axes.get_ylim() == (2, 0)  # the first class at the top
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    numpy.testing.assert_allclose(axes.collections[0].get_array().ravel(), [0.7, 0.3, 0, 1])


def test_wrong_predictions_are_marked():
    images = numpy.arange(7 * 4).reshape(7, 2, 2)
    labels, predicted = [0, 1, 0, 1, 0, 1, 0], [0, 0, 0, 1, 1, 1, 0]
    axes = plot_predictions(images, labels, predicted, ["cat", "dog"]).axes
    titles = ["cat", "cat\nnot dog", "cat", "dog", "dog\nnot cat", "dog", "cat"]
    assert [a.get_title() for a in axes[:7]] == titles
    for a, image, title in zip(axes, images, titles):
        numpy.testing.assert_array_equal(a.images[0].get_array(), image)
        colour = a.spines["left"].get_edgecolor()[:3]
        assert (colour == pytest.approx(RED, abs=0.01)) == ("not" in title)
    assert not any(a.axison for a in axes[7:])  # the rest of the grid is empty
