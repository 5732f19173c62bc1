"""Measure a classifier's loss and accuracy, and what it takes for what."""

from collections import deque
from typing import Callable, Deque, Dict, Iterable, Optional, Sequence, Tuple, Union

import mxnet
import numpy
from mxnet import gluon, np

from d2l_mlp.data.arrays import check_labels, to_numpy
from d2l_mlp.data.canonical import CLASSES
from d2l_mlp.data.examples import check_inputs, checked
from d2l_mlp.runtime.checks import check_integer
from d2l_mlp.runtime.device import device_of
from d2l_mlp.runtime.host_memory import HostMemory, Reused
from d2l_mlp.training.graph import NetWithLoss, minibatches, with_loss

# A GPU, or MXNet's own engine, computes while Python runs ahead. So far ahead, it always has work;
# further would only take memory, and a stop would come later than the minibatch on the screen.
_MINIBATCHES_AHEAD = 8

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
    for X, y in minibatches(data_iter, net_with_loss):
        X, y = X.as_in_ctx(device), y.as_in_ctx(device)
        tally.add(*net_with_loss(X, y), y)
        if on_minibatch:
            on_minibatch()
    return tally.means()


class Tally:
    """Sums over minibatches."""

    def __init__(self) -> None:
        self._num_examples, self._loss, self._correct = 0, 0.0, 0
        self._minibatches: Deque[Tuple[np.ndarray, ...]] = deque()
        self._memory: Dict[int, HostMemory] = {}  # of the arrays that are reused

    def add(self, logits: np.ndarray, losses: np.ndarray, y: np.ndarray) -> None:
        """Add a minibatch, of shapes (n, num_outputs), (n,) and (n,)."""
        self._minibatches.append((logits, losses, y))
        self._add_up(0 if isinstance(losses, Reused) else _MINIBATCHES_AHEAD)

    def _add_up(self, ahead: int) -> None:
        while len(self._minibatches) > ahead:
            logits, losses, y = map(self._read, self._minibatches.popleft())
            self._num_examples += len(y)
            self._loss += float(losses.sum(dtype="float64"))
            predicted = logits.argmax(axis=-1)
            if predicted.shape == y.shape:  # labels that are no classes may have any other
                self._correct += numpy.count_nonzero(predicted == y)

    def _read(self, array: np.ndarray) -> numpy.ndarray:
        if not isinstance(array, Reused):
            return to_numpy(array)
        if id(array) not in self._memory:
            self._memory[id(array)] = HostMemory(array)
        return self._memory[id(array)].view()

    def sums(self) -> Tuple[float, float, int]:
        """Wait for the device; give the sum of the losses, and the numbers of hits and examples."""
        self._add_up(0)
        return self._loss, self._correct, self._num_examples

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
