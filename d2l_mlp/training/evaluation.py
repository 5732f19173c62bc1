"""Measure a classifier's loss and accuracy, and what it takes for what."""

from typing import Any, Callable, Iterable, List, Optional, Sequence, Tuple, Union

import mxnet
import numpy
from mxnet import gluon, np

from d2l_mlp.data.arrays import check_labels, to_numpy
from d2l_mlp.data.canonical import CLASSES
from d2l_mlp.data.examples import check_inputs, checked
from d2l_mlp.runtime.checks import check_integer
from d2l_mlp.runtime.device import device_of
from d2l_mlp.training.graph import NetWithLoss, with_loss

# MXNet's own engine computes while Python runs ahead. So far ahead, it always has work; further
# would only take memory, and a stop would come later than the minibatch on the screen. Just after
# an adding-up it may be twice as far.
_MINIBATCHES_AHEAD = 8
# These are added up in one go: to call an operator takes as long as to add up a minibatch.
_MINIBATCHES_TOGETHER = 32

Labels = Union[Sequence[int], numpy.ndarray, np.ndarray]


def evaluate(
    net: gluon.Block,
    data_iter: Iterable,
    on_minibatch: Optional[Callable[[], None]] = None,
) -> Tuple[float, float]:
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
        If an example is refused by `d2l_mlp.data.examples`, or there is none.
    """
    data_iter = checked(net, data_iter)
    return measure(with_loss(net), data_iter, device_of(net), on_minibatch)


def measure(
    net_with_loss: NetWithLoss,
    data_iter: Iterable,
    device: mxnet.Context,
    on_minibatch: Optional[Callable[[], None]] = None,
) -> Tuple[float, float]:
    """Do what `evaluate` does, for a net that `d2l_mlp.training.graph.with_loss` has prepared."""
    tally = Tally()
    for X, y in data_iter:
        X, y = X.as_in_ctx(device), y.as_in_ctx(device)
        tally.add(*net_with_loss(X, y), y)
        if on_minibatch:
            on_minibatch()
    return tally.means()


class Tally:
    """Sums over minibatches, on their device: reading them would make Python wait for it.

    Attributes
    ----------
    num_examples : int
        Added so far.
    """

    def __init__(self) -> None:
        self.num_examples = 0
        self._loss: Any = 0
        self._correct: Any = 0
        self._minibatches: List[Tuple[np.ndarray, ...]] = []

    def add(self, logits: np.ndarray, losses: np.ndarray, y: np.ndarray) -> None:
        """Add a minibatch, of shapes (n, num_outputs), (n,) and (n,)."""
        self.num_examples += len(y)
        self._minibatches.append((logits, losses, y))
        if len(self._minibatches) > _MINIBATCHES_AHEAD:
            self._minibatches[-_MINIBATCHES_AHEAD - 1][1].wait_to_read()
        if len(self._minibatches) == _MINIBATCHES_TOGETHER:
            self._add_up()

    def _add_up(self) -> None:
        logits, losses, y = (np.concatenate(arrays) for arrays in zip(*self._minibatches))
        self._loss += losses.sum()
        self._correct += (logits.argmax(axis=-1).astype(y.dtype) == y).sum()
        self._minibatches.clear()

    def sums(self) -> Tuple[float, float, int]:
        """Wait for the device; give the sum of the losses, and the numbers of hits and examples."""
        if self._minibatches:
            self._add_up()
        return float(self._loss), float(self._correct), self.num_examples

    def means(self) -> Tuple[float, float]:
        """Wait for the device, and give the mean loss and the accuracy."""
        loss, correct, num_examples = self.sums()
        return loss / num_examples, correct / num_examples


def predict(net: gluon.Block, X: np.ndarray) -> numpy.ndarray:
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
        If the features are refused by `d2l_mlp.data.examples`.
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
