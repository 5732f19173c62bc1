"""Train a classifier: the loop, and nothing else.

Chapter, "Multilayer Perceptrons", and the book's loop before it: minibatch stochastic gradient
descent on the softmax cross-entropy. No files, no printing; what happens is told to callbacks.
"""

import math
import time
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

import numpy
from mxnet import autograd, gluon, np, npx

from d2l_mlp.runtime.checks import check_data, check_hyperparameters
from d2l_mlp.runtime.device import device_of
from d2l_mlp.training.evaluation import Tally, measure
from d2l_mlp.training.graph import with_loss
from d2l_mlp.training.sgd import SGD

SCHEDULES = {
    "constant": lambda progress: 1.0,
    # Loshchilov & Hutter 2017, without restarts.
    "cosine": lambda progress: (1 + math.cos(math.pi * progress)) / 2,
}
"""Factor of the learning rate, by the share of the training that is done (0 to 1)."""


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


class TrainingState(NamedTuple):
    """A training at the end of an epoch: everything that the rest of it depends on."""

    history: Tuple[EpochMetrics, ...]
    """Of the epochs that are done."""
    parameters: Dict[str, numpy.ndarray]
    """By Gluon's structural name, such as ``"0.weight"``."""
    momentum: Dict[str, numpy.ndarray]
    """By the same names; none before the first step, or in SGD without momentum."""


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
    state: Optional[TrainingState] = None,
    on_state: Optional[Callable[[TrainingState], None]] = None,
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
        Passes over the training set, those of `state` included.
    lr : float, default 0.5
        Learning rate, on the minibatch's mean loss.
    momentum : float, default 0
        In [0, 1).
    wd : float, default 0
        Weight decay: L2 penalty on every parameter, biases included.
    schedule : {"constant", "cosine"}, default "constant"
        How the learning rate goes from `lr` at the first minibatch (to 0 after the last).
    state : TrainingState, optional
        Go on from there, as if there had been no interruption: `net` takes its parameters. The
        loader has to give the epoch that comes next (see ``epoch`` of `d2l_mlp.data.loaders`).
    on_state : callable, optional
        Called after each epoch with the `TrainingState`, to be kept.
    on_epoch : callable, optional
        Called after that with the epoch's `EpochMetrics`, to be reported.
    on_minibatch : callable, optional
        Called after each minibatch, of training and of evaluation. What it raises ends the
        training there, between two minibatches, and passes through.

    Returns
    -------
    list of EpochMetrics
        One an epoch, those of `state` included.

    Raises
    ------
    ValueError
        If a hyperparameter is out of its range, a feature is not finite, a label is not one of 0
        to num_outputs - 1, or `state` is of another net. Checked before training.
    DivergenceError
        If the loss or a parameter is NaN or infinite after an epoch; `net` then has the
        parameters of the epoch before it.
    """
    check_hyperparameters(num_epochs, lr, momentum, wd)
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule is {schedule!r}; give one of {', '.join(SCHEDULES)}")
    for data_iter in (train_iter, test_iter):
        check_data(net, data_iter)
    before = initial_state(net)
    state = state or before
    if _outline(state.parameters) != _outline(before.parameters):
        raise ValueError(
            f"state has the parameters {_outline(state.parameters)}, but the net has "
            f"{_outline(before.parameters)}; build the net that the state is of"
        )
    _set_parameters(net, state.parameters)
    optimizer = SGD(net, state.momentum, learning_rate=lr, momentum=momentum, wd=wd)
    trainer = gluon.Trainer(net.collect_params(), optimizer, kvstore=None)
    net_with_loss, device, batch_size = with_loss(net), device_of(net), 0
    for epoch in range(len(state.history), num_epochs):
        start = time.perf_counter()
        tally = Tally()
        for i, (X, y) in enumerate(train_iter):
            progress = (epoch + i / len(train_iter)) / num_epochs
            trainer.set_learning_rate(lr * SCHEDULES[schedule](progress))
            X, y = X.as_in_ctx(device), y.as_in_ctx(device)
            with autograd.record():
                logits, losses = net_with_loss(X, y)
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
        after = parameters_of(net)
        if not all(numpy.isfinite(values).all() for values in (train_loss, *after.values())):
            _set_parameters(net, state.parameters)
            raise DivergenceError(
                f"the loss ({train_loss:g}) or a parameter is no longer finite after epoch "
                f"{epoch + 1}; lower the learning rate ({lr:g})"
            )
        test_loss, test_accuracy = measure(net_with_loss, test_iter, device, on_minibatch)
        metrics = EpochMetrics(
            epoch + 1, train_loss, train_accuracy, test_loss, test_accuracy,
            seconds, tally.num_examples / seconds,
        )  # fmt: skip
        state = TrainingState((*state.history, metrics), after, optimizer.read_momentum())
        if on_state:
            on_state(state)
        if on_epoch:
            on_epoch(metrics)
    return list(state.history)


def initial_state(net: gluon.Block) -> TrainingState:
    """Give the state of a training before its first epoch; `net` is initialized, with shapes."""
    return TrainingState((), parameters_of(net), {})


def parameters_of(net: gluon.Block) -> Dict[str, numpy.ndarray]:
    """Copy a net's parameters, by Gluon's structural names."""
    return {n: p.data().asnumpy() for n, p in net._collect_params_with_prefix().items()}


def _outline(values: Dict[str, numpy.ndarray]) -> str:
    return ", ".join(f"{n} {v.dtype} {v.shape}" for n, v in values.items())


def _set_parameters(net: gluon.Block, values: Dict[str, numpy.ndarray]) -> None:
    for name, parameter in net._collect_params_with_prefix().items():
        parameter.set_data(np.array(values[name], dtype=values[name].dtype))
