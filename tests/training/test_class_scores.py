"""Against scikit-learn."""

import numpy
import pytest
from sklearn.metrics import precision_recall_fscore_support

from d2l_mlp.training.metrics import class_scores, confusion_matrix


@pytest.mark.parametrize(("n", "num_classes"), [(1000, 10), (30, 10), (3, 10), (1, 2)])
def test_scores_are_scikit_learn_s(n, num_classes):
    random = numpy.random.RandomState(n)
    labels, predicted = random.randint(num_classes, size=(2, n))
    predicted[::2] = labels[::2]
    scores = class_scores(confusion_matrix(labels, predicted, num_classes))
    expected = precision_recall_fscore_support(
        labels, predicted, labels=range(num_classes), zero_division=0
    )
    for given, value in zip(scores, expected):
        numpy.testing.assert_allclose(given, value, rtol=1e-15)
    assert scores.support.dtype == "int64"
