"""Measure a classifier: its loss and accuracy, its predictions, and its scores on each class."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Callable, NamedTuple, Union

import mxnet
import numpy
from mxnet import autograd, gluon, np

from d2l_mlp.data.checks import check_inputs, check_labels, checked_minibatches, to_numpy
from d2l_mlp.data.releases import CLASSES
from d2l_mlp.hardware.devices import device_of
from d2l_mlp.hardware.host_arrays import HostMemory, Reused
from d2l_mlp.rules import check_integer
from d2l_mlp.training.executor import NetWithLoss, minibatches, with_loss

Labels = Union[Sequence[int], numpy.ndarray, np.ndarray]

# A GPU, or MXNet's own engine, computes while Python runs ahead. So far ahead, it always has work;
# further would only take memory, and a stop would come later than the minibatch on the screen.
_MINIBATCHES_AHEAD = 8


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
        Yields minibatches (X, y).
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
    with autograd.pause():  # the caller may be recording, where dropout drops
        data_iter = checked_minibatches(net, data_iter)
        return measure(with_loss(net), data_iter, device_of(net), on_minibatch)


def predict_labels(net: gluon.Block, X: np.ndarray) -> numpy.ndarray:
    """Predict the class of each example, the one with the largest logit.

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
    with autograd.pause():
        check_inputs(net, X)
        return net(X).argmax(axis=-1).asnumpy().astype("int64")


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


def class_scores(matrix: numpy.ndarray) -> ClassScores:
    """Compute precision, recall and F1 score of each class.

    Parameters
    ----------
    matrix : numpy.ndarray
        A `confusion_matrix`.

    Returns
    -------
    ClassScores
        Those of ``sklearn.metrics.precision_recall_fscore_support`` with ``zero_division=0``.
    """
    right, support, predicted = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    # Where a denominator is 0, so is the numerator.
    return ClassScores(
        right / numpy.maximum(predicted, 1),
        right / numpy.maximum(support, 1),
        2 * right / numpy.maximum(support + predicted, 1),
        support,
    )


def measure(
    net_with_loss: NetWithLoss,
    data_iter: Iterable,
    device: mxnet.Context,
    on_minibatch: Callable[[], None] | None = None,
) -> tuple[float, float]:
    """Do the work of `evaluate_net`, for a net that `with_loss` has prepared, without checks."""
    sums = Accumulator()
    for X, y in minibatches(data_iter, net_with_loss):
        X, y = X.as_in_ctx(device), y.as_in_ctx(device)
        sums.add(*net_with_loss(X, y), y)
        if on_minibatch:
            on_minibatch()
    loss, correct, num_examples = sums.sums()
    if not num_examples:
        raise ValueError("no minibatch is left to measure on; give a list of them, or a loader")
    return loss / num_examples, correct / num_examples


class Accumulator:
    """Sums over minibatches, in NumPy, of which a few may still be computed by MXNet."""

    def __init__(self) -> None:
        self._num_examples, self._loss, self._correct = 0, 0.0, 0
        self._minibatches: deque[tuple[np.ndarray, ...]] = deque()
        self._memory: dict[int, HostMemory] = {}  # of the arrays that are reused

    def add(self, logits: np.ndarray, losses: np.ndarray, y: np.ndarray) -> None:
        """Add a minibatch, of shapes (n, num_outputs), (n,) and (n,)."""
        self._minibatches.append((logits, losses, y))
        self._sum_all_but(0 if isinstance(losses, Reused) else _MINIBATCHES_AHEAD)

    def sums(self) -> tuple[float, float, int]:
        """Return the sum of the losses and the numbers of right predictions and of examples."""
        self._sum_all_but(0)
        return self._loss, self._correct, self._num_examples

    def _sum_all_but(self, ahead: int) -> None:
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
