"""How well a classifier does on each class, by scikit-learn's definitions."""

from typing import NamedTuple

import numpy


class ClassScores(NamedTuple):
    """Of each class: arrays of shape (num_classes,)."""

    precision: numpy.ndarray
    """Share of the examples predicted to be of the class that are; 0 if none was predicted."""
    recall: numpy.ndarray
    """Share of the class's examples that were predicted to be; 0 if there are none."""
    f1: numpy.ndarray
    """Harmonic mean of the two; 0 if both are 0."""
    support: numpy.ndarray
    """Examples of the class, int64."""


def class_scores(matrix: numpy.ndarray) -> ClassScores:
    """Score each class.

    Parameters
    ----------
    matrix : numpy.ndarray
        As `d2l_mlp.training.evaluation.confusion_matrix` returns it.

    Returns
    -------
    ClassScores
        What ``sklearn.metrics.precision_recall_fscore_support`` gives, with ``zero_division=0``.
    """
    right, support, predicted = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    # Where a denominator is 0, so is the numerator.
    precision, recall, f1 = (
        numerator / numpy.maximum(denominator, 1)
        for numerator, denominator in (
            (right, predicted), (right, support), (2 * right, support + predicted),
        )
    )  # fmt: skip
    return ClassScores(precision, recall, f1, support)
