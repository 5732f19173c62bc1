"""Measure a net: its loss and accuracy, and its predictions."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Callable

import mxnet
import numpy
from mxnet import autograd, gluon, np

from d2l_mlp.data.checks import check_inputs, checked_minibatches, to_numpy
from d2l_mlp.hardware.devices import device_of
from d2l_mlp.hardware.host_arrays import HostMemory, Reused
from d2l_mlp.training.executor import NetWithLoss, minibatches, with_loss

# A GPU, or MXNet's own engine, computes while Python runs ahead. So far ahead, it always has work;
# further would only take memory, and a stop would come later than the minibatch on the screen.
_MINIBATCHES_AHEAD = 8


def evaluate_net(net: gluon.Block, data_iter: Iterable[Any]) -> tuple[float, float]:
    """Measure a net's loss and accuracy.

    Parameters
    ----------
    net : gluon.Block
        Maps features (n, ...) to logits (n, num_outputs).
    data_iter : iterable
        Yields minibatches (X, y).

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
    return measure(with_loss(net), data_iter, device_of(net))


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
    ArithmeticError
        If a logit is NaN or infinite.
    """
    check_inputs(net, X)
    with autograd.pause():  # the caller may be recording, where dropout drops
        logits = net(X)
    check_finite(logits.asnumpy())
    return logits.argmax(axis=-1).asnumpy()


def check_finite(logits: numpy.ndarray) -> None:
    """Raise an ArithmeticError if a net's outputs are not numbers to choose or measure by."""
    if not numpy.isfinite(logits).all():
        raise ArithmeticError(
            "the net computes NaN or infinity, because its parameters are too large; "
            "train another with a smaller --lr"
        )


def measure(
    net_with_loss: NetWithLoss,
    data_iter: Iterable[Any],
    device: mxnet.Context,
    on_minibatch: Callable[[], None] | None = None,
) -> tuple[float, float]:
    """Do the work of `evaluate_net`, for a net that `with_loss` has prepared, without checks."""
    sums = Accumulator()
    for X, y in minibatches(data_iter, net_with_loss):
        X, y = X.as_in_ctx(device), y.as_in_ctx(device)
        with autograd.pause():  # the caller may be recording, where dropout drops
            logits, losses = net_with_loss(X, y)
        sums.add(logits, losses, y)
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
        # The next minibatch may overwrite what others made: the loader's labels, the net's logits.
        if not isinstance(y, Reused):
            y = to_numpy(y)
        if not isinstance(logits, Reused):
            logits = logits.copy()
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
            self._correct += int(numpy.count_nonzero(logits.argmax(axis=-1) == y))

    def _read(self, array: np.ndarray) -> numpy.ndarray:
        if not isinstance(array, Reused):
            return to_numpy(array)
        if id(array) not in self._memory:
            self._memory[id(array)] = HostMemory(array)
        return self._memory[id(array)].view()
