"""Measure a saved run on the test set: scores, and what the net does with each image.

The net runs once over the test images. Loss, accuracy, class scores and confidences follow from the
logits by NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import numpy
from mxnet import autograd, np
from mxnet.gluon import nn

from d2l_mlp.data.checks import check_labels, to_numpy
from d2l_mlp.data.fashion_mnist import FashionMNIST
from d2l_mlp.data.loaders import to_features
from d2l_mlp.data.releases import CLASSES, DatasetError
from d2l_mlp.hardware.devices import device_of
from d2l_mlp.rules import check_integer
from d2l_mlp.runs.reader import SavedRun
from d2l_mlp.training.metrics import check_finite

if TYPE_CHECKING:
    from numpy.typing import ArrayLike  # not in NumPy 1.17 to 1.19

Labels = Union[Sequence[int], numpy.ndarray, np.ndarray]

_BATCH_SIZE = 1000  # images


def confusion_matrix(
    labels: Labels, predicted: Labels, num_classes: int = len(CLASSES)
) -> numpy.ndarray:
    """Count how often each class was predicted as each other.

    Parameters
    ----------
    labels, predicted : sequence of int
        True and predicted label of each example, 0 to num_classes - 1.
    num_classes : int, default 10
        Number of classes.

    Returns
    -------
    numpy.ndarray
        Of shape (num_classes, num_classes), int64; rows are true and columns predicted labels.

    Raises
    ------
    ValueError
        If labels and predictions differ in number, a label is not one of the classes, or
        `num_classes` is not a positive integer.
    """
    num_classes = check_integer("num_classes", num_classes)
    true, predicted = to_numpy(labels), to_numpy(predicted)
    for array in (true, predicted):
        check_labels(array, num_classes)
    if len(true) != len(predicted):
        raise ValueError(f"{len(true)} labels but {len(predicted)} predictions; give as many")
    matrix = numpy.zeros((num_classes, num_classes), dtype="int64")
    numpy.add.at(matrix, (true.astype("int64"), predicted.astype("int64")), 1)
    return matrix


class ClassScores(NamedTuple):
    """Scores of the classes, each an array of shape (num_classes,)."""

    precision: numpy.ndarray  # share of right predictions of the class; 0 if there are none
    recall: numpy.ndarray  # share of the class's examples predicted right; 0 if there are none
    f1: numpy.ndarray  # harmonic mean of the two; 0 if both are 0
    support: numpy.ndarray  # number of the class's examples, int64


def class_scores(matrix: ArrayLike) -> ClassScores:
    """Compute precision, recall and F1 score of each class.

    Parameters
    ----------
    matrix : array_like
        A `confusion_matrix`.

    Returns
    -------
    ClassScores
        Those of ``sklearn.metrics.precision_recall_fscore_support`` with ``zero_division=0``.
    """
    matrix = numpy.asarray(matrix, dtype="int64")
    right, support, predicted = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    # Where a denominator is 0, so is the numerator.
    return ClassScores(
        right / numpy.maximum(predicted, 1),
        right / numpy.maximum(support, 1),
        2 * right / numpy.maximum(support + predicted, 1),
        support,
    )


class RunEvaluation(NamedTuple):
    """Scores of a run's net on the test set."""

    loss: float  # mean cross-entropy, in nats
    accuracy: float
    classes: ClassScores

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as objects that JSON can hold."""
        classes = {
            name: dict(zip(ClassScores._fields, (value.item() for value in values)))
            for name, *values in zip(CLASSES, *self.classes)
        }
        return {"loss": self.loss, "accuracy": self.accuracy, "classes": classes}

    def __str__(self) -> str:
        lines = [
            f"test loss {self.loss:.4f} accuracy {self.accuracy:.4f}",
            f"{'class':12}{'precision':>11}{'recall':>9}{'F1':>9}{'images':>9}",
        ]
        for name, precision, recall, f1, support in zip(CLASSES, *self.classes):
            lines.append(f"{name:12}{precision:11.4f}{recall:9.4f}{f1:9.4f}{support:9,}")
        return "\n".join(lines)


class LayerActivity(NamedTuple):
    """Outputs of a hidden layer's units, after the activation, over the test images."""

    mean: float
    std: float
    active: numpy.ndarray  # share of the images for which each unit is above 0, of shape (units,)

    @property
    def dead(self) -> int:
        """Number of units that are above 0 for no test image; dead, if they are ReLU units."""
        return int((self.active == 0).sum())


class Inspection(NamedTuple):
    """Scores of a run's net, its prediction for each of the n test images, and its activities."""

    evaluation: RunEvaluation
    labels: numpy.ndarray  # of shape (n,)
    predicted: numpy.ndarray  # of shape (n,), int64
    confidence: numpy.ndarray  # probability of the predicted class, of shape (n,)
    matrix: numpy.ndarray  # a `confusion_matrix`
    layers: tuple[LayerActivity, ...]  # of the hidden layers

    def examples(self, label: int, guess: int) -> numpy.ndarray:
        """Return the indices of a class's images predicted as `guess`, most confident first."""
        return self._by_confidence((self.labels == label) & (self.predicted == guess))

    def mistakes(self) -> numpy.ndarray:
        """Return the indices of the misclassified images, most confident first."""
        return self._by_confidence(self.labels != self.predicted)

    def _by_confidence(self, chosen: numpy.ndarray) -> numpy.ndarray:
        (indices,) = numpy.nonzero(chosen)
        return indices[numpy.argsort(-self.confidence[indices], kind="stable")]


def evaluate_run(run: SavedRun, data: FashionMNIST) -> RunEvaluation:
    """Compute the scores of a run's net on the test set.

    Parameters
    ----------
    run : SavedRun
        See `d2l_mlp.runs.reader.load_run`.
    data : FashionMNIST
        The release that the run was trained on.

    Returns
    -------
    RunEvaluation
        Mean cross-entropy in nats, accuracy, and the scores of each class.

    Raises
    ------
    DatasetError
        If the run was trained on other data.
    ArithmeticError
        If the net computes NaN or infinity.
    """
    return inspect_run(run, data).evaluation


def inspect_run(run: SavedRun, data: FashionMNIST) -> Inspection:
    """Compute the scores of a run's net, and what the net does with each test image.

    Parameters
    ----------
    run : SavedRun
        See `d2l_mlp.runs.reader.load_run`.
    data : FashionMNIST
        The release that the run was trained on.

    Returns
    -------
    Inspection
        Scores, predictions and confidences, and the activity of the hidden layers.

    Raises
    ------
    DatasetError, ArithmeticError
        As for `evaluate_run`.
    """
    if run.config["data"]["sha256"] != data.sha256:
        raise DatasetError(
            f"{run.folder} was trained on other data than {data.describe()}; "
            "give the release whose SHA-256 its config.json holds"
        )
    images, labels = data.test
    parts, sums = [], []
    for start in range(0, len(images), _BATCH_SIZE):
        X = to_features(images[start : start + _BATCH_SIZE], device_of(run.net))
        outputs = []
        with autograd.pause():  # outside training, dropout changes nothing
            for layer in run.net:
                X = layer(X)
                if isinstance(layer, nn.Dense):
                    outputs.append(X.asnumpy())
        *hidden, last = outputs
        check_finite(last)
        parts.append(last)
        sums.append([_unit_sums(H) for H in hidden])
    logits = numpy.concatenate(parts)
    predicted = logits.argmax(axis=1)
    shifted = logits - logits.max(axis=1, keepdims=True).astype("float64")
    log_sums = numpy.log(numpy.exp(shifted).sum(axis=1))
    loss = (log_sums - shifted[numpy.arange(len(labels)), labels]).mean()
    matrix = confusion_matrix(labels, predicted)
    accuracy = matrix.trace() / len(labels)
    evaluation = RunEvaluation(float(loss), float(accuracy), class_scores(matrix))
    layers = tuple(_activity(numpy.sum(layer, axis=0) / len(labels)) for layer in zip(*sums))
    return Inspection(evaluation, labels, predicted, numpy.exp(-log_sums), matrix, layers)


def _unit_sums(H: numpy.ndarray) -> numpy.ndarray:
    """Sum each unit's values, their squares, and how often they are above 0, over the images."""
    wide = H.astype("float64")
    return numpy.stack([wide.sum(axis=0), (wide * wide).sum(axis=0), (H > 0).sum(axis=0)])


def _activity(means: numpy.ndarray) -> LayerActivity:
    mean, square, active = means
    variance = max(square.mean() - mean.mean() ** 2, 0)  # rounding may make it negative
    return LayerActivity(float(mean.mean()), float(variance) ** 0.5, active)
