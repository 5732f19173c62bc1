"""What a run's net makes of each test image, and what its hidden units do meanwhile."""

from typing import List, NamedTuple, Tuple

import numpy
from mxnet import np
from mxnet.gluon import nn

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.data.reader import FashionMNIST
from d2l_mlp.mlp import softmax
from d2l_mlp.runs.reader import SavedRun
from d2l_mlp.runtime.device import device_of
from d2l_mlp.training.evaluation import confusion_matrix
from d2l_mlp.use.evaluation import RunEvaluation, evaluate_run

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
    """As `d2l_mlp.training.evaluation.confusion_matrix` returns it."""
    layers: Tuple[LayerActivity, ...]
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
        As `d2l_mlp.runs.reader.load` gives it.
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
    sums: List[List[numpy.ndarray]] = []
    for X, _ in ArrayLoader(images, labels, _AT_ONCE, device=device_of(run.net)):
        *hidden, logits = _layer_outputs(run.net, X)
        probabilities.append(softmax(logits).asnumpy())
        classes.append(logits.argmax(axis=-1).asnumpy().astype("int64"))
        sums.append([_sums(H.asnumpy()) for H in hidden])
    joined, predicted = numpy.concatenate(probabilities), numpy.concatenate(classes)
    layers = tuple(_activity(numpy.sum(layer, axis=0) / len(labels)) for layer in zip(*sums))
    matrix = confusion_matrix(labels, predicted)
    return Inspection(evaluation, labels, predicted, joined.max(axis=1), matrix, layers)


def _layer_outputs(net: nn.Sequential, X: np.ndarray) -> List[np.ndarray]:
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
