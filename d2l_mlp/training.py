"""Train and evaluate a classifier: the loop, and nothing else.

Chapter, "Multilayer Perceptrons", and the book's loop before it: minibatch stochastic gradient
descent on the softmax cross-entropy. No files, no printing; what happens is told to callbacks.
"""

import math
import time
from collections import deque
from typing import Callable, Iterable, List, NamedTuple, Optional, Tuple

import mxnet
import numpy
from mxnet import autograd, gluon, np, npx

from d2l_mlp.checks import check_data, check_hyperparameters

SCHEDULES = {
    "constant": lambda progress: 1.0,
    # Loshchilov & Hutter 2017, without restarts.
    "cosine": lambda progress: (1 + math.cos(math.pi * progress)) / 2,
}
"""Factor of the learning rate, by the share of the training that is done (0 to 1)."""

# MXNet computes while Python runs ahead. So many minibatches ahead keep it busy; more would only
# hold memory, and keep the caller from stopping at a minibatch that is the one on the screen.
_MINIBATCHES_AHEAD = 8

_loss = gluon.loss.SoftmaxCrossEntropyLoss()  # of each example


class EpochMetrics(NamedTuple):
    """What one epoch gave."""

    epoch: int
    """From 1."""
    train_loss: float
    """Mean cross-entropy in nats, as met during the epoch, while the parameters moved."""
    train_accuracy: float
    test_loss: float
    """After the epoch, as is `test_accuracy`."""
    test_accuracy: float
    seconds: float
    """Of the epoch's training part."""
    examples_per_second: float


class DivergenceError(ArithmeticError):
    """The loss or a parameter became NaN or infinite."""


def fit(
    net: gluon.Block,
    train_iter: Iterable,
    test_iter: Iterable,
    *,
    num_epochs: int = 10,
    lr: float = 0.5,
    momentum: float = 0.0,
    wd: float = 0.0,
    schedule: str = "constant",
    on_epoch: Optional[Callable[[EpochMetrics], None]] = None,
    on_minibatch: Optional[Callable[[], None]] = None,
) -> List[EpochMetrics]:
    """Train a net by minibatch SGD.

    Parameters
    ----------
    net : gluon.Block
        Initialized; maps features (n, ...) to logits (n, num_outputs). Trained where it lives.
    train_iter, test_iter : iterable with ``len()``
        Give minibatches (X, y), y being integer labels; one pass is one epoch.
    num_epochs : int, default 10
        Passes over the training set.
    lr : float, default 0.5
        Learning rate, on the minibatch's mean loss.
    momentum : float, default 0
        In [0, 1).
    wd : float, default 0
        Weight decay: L2 penalty on every parameter, biases included.
    schedule : {"constant", "cosine"}, default "constant"
        How the learning rate goes from `lr` at the first minibatch (to 0 after the last).
    on_epoch : callable, optional
        Called with each epoch's `EpochMetrics`.
    on_minibatch : callable, optional
        Called after each minibatch, of training and of evaluation. What it raises ends the
        training there, between two minibatches, and passes through.

    Returns
    -------
    list of EpochMetrics
        One an epoch.

    Raises
    ------
    ValueError
        If a hyperparameter is out of its range, a feature is not finite, or a label is not one
        of 0 to num_outputs - 1. Checked before training.
    DivergenceError
        If the loss or a parameter is NaN or infinite after an epoch; `net` then has the
        parameters of the epoch before it.
    """
    check_hyperparameters(num_epochs, lr, momentum, wd)
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule is {schedule!r}; give one of {', '.join(SCHEDULES)}")
    for data_iter in (train_iter, test_iter):
        check_data(net, data_iter)
    optimizer = mxnet.optimizer.SGD(learning_rate=lr, momentum=momentum, wd=wd)
    # One sgd_update a parameter: on a CPU, MXNet's aggregated operator is several times slower.
    optimizer.aggregate_num = 1
    trainer = gluon.Trainer(net.collect_params(), optimizer, kvstore=None)
    history, last_good, batch_size = [], _copy_parameters(net), 0
    for epoch in range(num_epochs):
        start = time.perf_counter()
        tally = _Tally(net)
        for i, (X, y) in enumerate(train_iter):
            progress = (epoch + i / len(train_iter)) / num_epochs
            trainer.set_learning_rate(lr * SCHEDULES[schedule](progress))
            X, y = X.as_in_ctx(tally.device), y.as_in_ctx(tally.device)
            with autograd.record():
                logits = net(X)
                losses = _loss(logits, y)
            losses.backward()
            # A short last minibatch takes a short step, so that each example has the same weight.
            # At the chapter's learning rate a full step on its few examples is a jolt just before
            # the evaluation, which costs about two points of test accuracy.
            batch_size = max(batch_size, len(y))
            trainer.step(batch_size)
            tally.add(logits, losses, y)
            if on_minibatch:
                on_minibatch()
        train_loss, train_accuracy = tally.means()
        npx.waitall()
        seconds = time.perf_counter() - start
        if not (math.isfinite(train_loss) and _is_finite(net)):
            _restore_parameters(net, last_good)
            raise DivergenceError(
                f"the loss ({train_loss:g}) or a parameter is no longer finite after epoch "
                f"{epoch + 1}; lower the learning rate ({lr:g})"
            )
        last_good = _copy_parameters(net)
        test_loss, test_accuracy = evaluate(net, test_iter, on_minibatch)
        history.append(
            EpochMetrics(
                epoch + 1, train_loss, train_accuracy, test_loss, test_accuracy,
                seconds, tally.num_examples / seconds,
            )
        )  # fmt: skip
        if on_epoch:
            on_epoch(history[-1])
    return history


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
    """
    tally = _Tally(net)
    for X, y in data_iter:
        X, y = X.as_in_ctx(tally.device), y.as_in_ctx(tally.device)
        logits = net(X)
        tally.add(logits, _loss(logits, y), y)
        if on_minibatch:
            on_minibatch()
    return tally.means()


class _Tally:
    """Sums over minibatches, on the device: reading them would make Python wait for it."""

    def __init__(self, net: gluon.Block):
        self.device = _parameters(net)[0].list_ctx()[0]
        self.loss, self.correct = np.zeros((), ctx=self.device), np.zeros((), ctx=self.device)
        self.num_examples = 0
        self.ahead = deque()

    def add(self, logits: np.ndarray, losses: np.ndarray, y: np.ndarray) -> None:
        self.loss += losses.sum()
        self.correct += (logits.argmax(axis=-1).astype(y.dtype) == y).sum()
        self.num_examples += len(y)
        self.ahead.append(losses)
        if len(self.ahead) > _MINIBATCHES_AHEAD:
            self.ahead.popleft().wait_to_read()

    def means(self) -> Tuple[float, float]:
        return self.loss.item() / self.num_examples, self.correct.item() / self.num_examples


def _parameters(net: gluon.Block) -> List[gluon.Parameter]:
    return list(net.collect_params().values())


def _copy_parameters(net: gluon.Block) -> List[np.ndarray]:
    return [parameter.data().copy() for parameter in _parameters(net)]


def _restore_parameters(net: gluon.Block, values: List[np.ndarray]) -> None:
    for parameter, value in zip(_parameters(net), values):
        parameter.set_data(value)


def _is_finite(net: gluon.Block) -> bool:
    return all(numpy.isfinite(p.data().asnumpy()).all() for p in _parameters(net))
