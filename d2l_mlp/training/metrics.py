"""Measure a classifier's loss and accuracy, and what it takes for what."""

# DOC(training.class_scores): How well a classifier does on each class, by scikit-learn's definitions.

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Callable, NamedTuple, Union

import mxnet
import numpy
from mxnet import gluon, np

from d2l_mlp.data.checks import check_inputs, check_labels, checked_minibatches, to_numpy
from d2l_mlp.data.releases import CLASSES
from d2l_mlp.hardware.devices import device_of
from d2l_mlp.hardware.host_arrays import HostMemory, Reused
from d2l_mlp.rules import check_integer
from d2l_mlp.training.executor import NetWithLoss, minibatches, with_loss


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
        As `d2l_mlp.training.metrics.confusion_matrix` returns it.

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


# A GPU, or MXNet's own engine, computes while Python runs ahead. So far ahead, it always has work;
# further would only take memory, and a stop would come later than the minibatch on the screen.
_MINIBATCHES_AHEAD = 8

Labels = Union[Sequence[int], numpy.ndarray, np.ndarray]


def evaluate_net(
    net: gluon.Block,
    data_iter: Iterable,
    on_minibatch: Callable[[], None] | None = None,
) -> tuple[float, float]:
    """Measure a net's loss and accuracy.

    Parameters
    ----------
    net : gluon.Block
        Maps features (n, ...) to logits (n, num_outputs).
    data_iter : iterable
        Gives minibatches (X, y).
    on_minibatch : callable, optional
        Called after each minibatch.

    Returns
    -------
    loss : float
        Mean cross-entropy, in nats.
    accuracy : float
        Share of the examples whose largest logit is that of their label.

    Raises
    ------
    ValueError
        If an example is refused by `d2l_mlp.data.checks`, or there is none.
    """
    data_iter = checked_minibatches(net, data_iter)
    return measure(with_loss(net), data_iter, device_of(net), on_minibatch)


def measure(
    net_with_loss: NetWithLoss,
    data_iter: Iterable,
    device: mxnet.Context,
    on_minibatch: Callable[[], None] | None = None,
) -> tuple[float, float]:
    """Do what `evaluate` does, for a net that `d2l_mlp.training.executor.with_loss` has prepared."""
    tally = Accumulator()
    for X, y in minibatches(data_iter, net_with_loss):
        X, y = X.as_in_ctx(device), y.as_in_ctx(device)
        tally.add(*net_with_loss(X, y), y)
        if on_minibatch:
            on_minibatch()
    return tally.means()


class Accumulator:
    """Sums over minibatches."""

    def __init__(self) -> None:
        self._num_examples, self._loss, self._correct = 0, 0.0, 0
        self._minibatches: deque[tuple[np.ndarray, ...]] = deque()
        self._memory: dict[int, HostMemory] = {}  # of the arrays that are reused

    def add(self, logits: np.ndarray, losses: np.ndarray, y: np.ndarray) -> None:
        """Add a minibatch, of shapes (n, num_outputs), (n,) and (n,)."""
        self._minibatches.append((logits, losses, y))
        self._add_up(0 if isinstance(losses, Reused) else _MINIBATCHES_AHEAD)

    def _add_up(self, ahead: int) -> None:
        while len(self._minibatches) > ahead:
            logits, losses, y = map(self._read, self._minibatches.popleft())
            self._num_examples += len(y)
            self._loss += float(losses.sum(dtype="float64"))
            self._correct += numpy.count_nonzero(logits.argmax(axis=-1) == y)

    def _read(self, array: np.ndarray) -> numpy.ndarray:
        if not isinstance(array, Reused):
            return to_numpy(array)
        if id(array) not in self._memory:
            self._memory[id(array)] = HostMemory(array)
        return self._memory[id(array)].view()

    def sums(self) -> tuple[float, float, int]:
        """Wait for the device; give the sum of the losses, and the numbers of hits and examples."""
        self._add_up(0)
        return self._loss, self._correct, self._num_examples

    def means(self) -> tuple[float, float]:
        """Wait for the device, and give the mean loss and the accuracy."""
        loss, correct, num_examples = self.sums()
        return loss / num_examples, correct / num_examples


def predict_labels(net: gluon.Block, X: np.ndarray) -> numpy.ndarray:
    """Predict the class of each example: that of its largest logit.

    Parameters
    ----------
    net : gluon.Block
        Maps features (n, ...) to logits (n, num_outputs).
    X : mxnet.np.ndarray
        Features of shape (n, ...), on the device of the net.

    Returns
    -------
    numpy.ndarray
        Labels of shape (n,), int64.

    Raises
    ------
    ValueError
        If the features are refused by `d2l_mlp.data.checks`.
    """
    check_inputs(net, X)
    return net(X).argmax(axis=-1).asnumpy().astype("int64")


def confusion_matrix(
    labels: Labels, predicted: Labels, num_classes: int = len(CLASSES)
) -> numpy.ndarray:
    """Count how often each class was taken for each other.

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
        If there are not as many predictions as labels, one of either is no label, or `num_classes`
        is not a positive integer.
    """
    num_classes = check_integer("num_classes", num_classes)
    pairs = [to_numpy(labels), to_numpy(predicted)]
    for some in pairs:
        check_labels(some, num_classes)
    if len(pairs[0]) != len(pairs[1]):
        raise ValueError(f"{len(pairs[0])} labels but {len(pairs[1])} predictions; give as many")
    matrix = numpy.zeros((num_classes, num_classes), dtype="int64")
    numpy.add.at(matrix, tuple(some.astype("int64") for some in pairs), 1)
    return matrix
