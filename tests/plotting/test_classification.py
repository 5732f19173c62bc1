import functools

import numpy
import pytest
from mxnet import np

from d2l_mlp.plotting.predictions import plot_confusion, plot_predictions

RED = (0.84, 0.15, 0.16)


def test_confusion_figure_has_rows_of_true_classes():
    matrix = numpy.array([[7, 3], [0, 5]])
    (axes,) = plot_confusion(matrix, ["cat", "dog"]).axes
    texts = {(t.get_position(), t.get_text()) for t in axes.texts}
    assert texts == {((0.5, 0.5), "7"), ((1.5, 0.5), "3"), ((1.5, 1.5), "5")}
    assert [t.get_text() for t in axes.get_yticklabels()] == ["cat", "dog"]
    assert axes.get_ylim() == (2, 0)  # the first class at the top
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    numpy.testing.assert_allclose(axes.collections[0].get_array().ravel(), [0.7, 0.3, 0, 1])


@pytest.mark.parametrize("matrix", [[[7, 3], [0, 5]], numpy.eye(2, dtype=int)])
def test_a_class_without_a_name_is_refused(matrix):
    with pytest.raises(ValueError, match="but there are 10 names; give a name for each class"):
        plot_confusion(matrix)
    assert len(plot_confusion(matrix, ["cat", "dog"]).axes) == 1
    with pytest.raises(ValueError, match="example 0 has the label -1; give whole numbers from 0"):
        plot_predictions(numpy.zeros((1, 28, 28)), [0], [-1])


def test_a_label_of_each_kind_for_every_image():
    with pytest.raises(
        ValueError, match="there are 2 images, 2 labels and 1 predicted labels; give"
    ):
        plot_predictions(numpy.zeros((2, 28, 28)), [0, 1], [0])


def test_no_mistakes_are_an_empty_picture():
    picture = plot_predictions(numpy.zeros((0, 28, 28)), [], [])
    assert picture.description == "0 images under their predicted classes, 0 wrong"
    assert not any(axes.axison for axes in picture.axes)


@pytest.mark.parametrize("array", [list, numpy.array, functools.partial(np.array, dtype="int32")])
def test_wrong_predictions_are_marked(array):
    images = numpy.arange(7 * 4).reshape(7, 2, 2)
    labels, predicted = array([0, 1, 0, 1, 0, 1, 0]), array([0, 0, 0, 1, 1, 1, 0])
    axes = plot_predictions(images, labels, predicted, ["cat", "dog"]).axes
    titles = ["cat", "cat\nnot dog", "cat", "dog", "dog\nnot cat", "dog", "cat"]
    assert [a.get_title() for a in axes[:7]] == titles
    for a, image, title in zip(axes, images, titles):
        numpy.testing.assert_array_equal(a.images[0].get_array(), image)
        colour = a.spines["left"].get_edgecolor()[:3]
        assert (colour == pytest.approx(RED, abs=0.01)) == ("not" in title)
    assert not any(a.axison for a in axes[7:])  # the rest of the grid is empty
