"""What a run's net makes of each test image, and what its hidden units do meanwhile."""

# DOC(use.evaluation): Measuring a saved run on the test set of the data that it was trained on.

from __future__ import annotations

from typing import Any, NamedTuple

import numpy
from mxnet import np
from mxnet.gluon import nn

from d2l_mlp.data.fashion_mnist import FashionMNIST
from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.data.releases import CLASSES, DatasetError
from d2l_mlp.hardware.devices import device_of
from d2l_mlp.mlp import softmax
from d2l_mlp.runs.reader import SavedRun
from d2l_mlp.training.metrics import (
    ClassScores,
    class_scores,
    confusion_matrix,
    evaluate_net,
    predict_labels,
)


class RunEvaluation(NamedTuple):
    """What a run's net is worth on the test set."""

    loss: float
    """Mean cross-entropy, in nats."""
    accuracy: float
    classes: ClassScores

    def as_dict(self) -> dict[str, Any]:
        """Give it as what JSON can hold."""
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


def evaluate_run(run: SavedRun, data: FashionMNIST) -> RunEvaluation:
    """Measure a run's net on the test set.

    Parameters
    ----------
    run : SavedRun
        As `d2l_mlp.runs.reader.load_run` gives it.
    data : FashionMNIST
        The release that it was trained on.

    Returns
    -------
    RunEvaluation
        Loss, accuracy, and the scores of each class.

    Raises
    ------
    DatasetError
        If the run was trained on other data.
    """
    if run.config["data"]["sha256"] != data.sha256:
        raise DatasetError(
            f"{run.folder} was trained on other data than {data.describe()}; "
            "give the release whose SHA-256 its config.json holds"
        )
    images, labels = data.test
    device = device_of(run.net)
    test_iter = ArrayLoader(images, labels, batch_size=1000, device=device)
    loss, accuracy = evaluate_net(run.net, test_iter)
    predicted = numpy.concatenate([predict_labels(run.net, X) for X, _ in test_iter])
    return RunEvaluation(loss, accuracy, class_scores(confusion_matrix(labels, predicted)))


_AT_ONCE = 1000  # images


class LayerActivity(NamedTuple):
    """What the units of a hidden layer give, after their activation, over the test images."""

    mean: float
    std: float
    active: numpy.ndarray
    """Share of the test images for which each unit gives more than 0, of shape (units,)."""

    @property
    def dead(self) -> int:
        """Units that give more than 0 for no test image; of ReLU units, those that are dead."""
        return int((self.active == 0).sum())


class Inspection(NamedTuple):
    """What a net makes of the n test images."""

    evaluation: RunEvaluation
    labels: numpy.ndarray
    """True labels, of shape (n,)."""
    predicted: numpy.ndarray
    """Predicted ones, of shape (n,)."""
    confidence: numpy.ndarray
    """Probability of the predicted class, of shape (n,)."""
    matrix: numpy.ndarray
    """As `d2l_mlp.training.metrics.confusion_matrix` returns it."""
    layers: tuple[LayerActivity, ...]
    """Of the hidden layers."""

    def examples(self, label: int, guess: int) -> numpy.ndarray:
        """Give the numbers of the images of a class that were taken for another, surest first."""
        return self._surest((self.labels == label) & (self.predicted == guess))

    def mistakes(self) -> numpy.ndarray:
        """Give the numbers of the images that the net is wrong about, surest first."""
        return self._surest(self.labels != self.predicted)

    def _surest(self, chosen: numpy.ndarray) -> numpy.ndarray:
        (numbers,) = numpy.nonzero(chosen)
        return numbers[numpy.argsort(-self.confidence[numbers], kind="stable")]


def inspect_run(run: SavedRun, data: FashionMNIST) -> Inspection:
    """Look at what a run's net does with each test image.

    Parameters
    ----------
    run : SavedRun
        As `d2l_mlp.runs.reader.load_run` gives it.
    data : FashionMNIST
        The release that it was trained on.

    Returns
    -------
    Inspection
        Of its test set.

    Raises
    ------
    DatasetError
        If the run was trained on other data.
    """
    evaluation = evaluate_run(run, data)
    images, labels = data.test
    probabilities, classes = [], []
    sums: list[list[numpy.ndarray]] = []
    for X, _ in ArrayLoader(images, labels, _AT_ONCE, device=device_of(run.net)):
        *hidden, logits = _layer_outputs(run.net, X)
        probabilities.append(softmax(logits).asnumpy())
        classes.append(logits.argmax(axis=-1).asnumpy().astype("int64"))
        sums.append([_sums(H.asnumpy()) for H in hidden])
    joined, predicted = numpy.concatenate(probabilities), numpy.concatenate(classes)
    layers = tuple(_activity(numpy.sum(layer, axis=0) / len(labels)) for layer in zip(*sums))
    matrix = confusion_matrix(labels, predicted)
    return Inspection(evaluation, labels, predicted, joined.max(axis=1), matrix, layers)


def _layer_outputs(net: nn.Sequential, X: np.ndarray) -> list[np.ndarray]:
    """Give what comes out of each Dense layer; outside training, the others change nothing."""
    outputs = []
    for layer in net:
        X = layer(X)
        if isinstance(layer, nn.Dense):
            outputs.append(X)
    return outputs


def _sums(H: numpy.ndarray) -> numpy.ndarray:
    """Give, for each unit, the sums over images of its value, its square, and its being active."""
    wide = H.astype("float64")
    return numpy.stack([wide.sum(axis=0), (wide * wide).sum(axis=0), (H > 0).sum(axis=0)])


def _activity(means: numpy.ndarray) -> LayerActivity:
    mean, square, active = means
    variance = max(square.mean() - mean.mean() ** 2, 0)  # which rounding may miss
    return LayerActivity(float(mean.mean()), float(variance) ** 0.5, active)
