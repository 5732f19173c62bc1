"""The chapter's training loop, and nothing else.

Minibatch stochastic gradient descent on the softmax cross-entropy, as in "Multilayer Perceptrons"
and the book's loop before it. No files, no printing; what happens is told to callbacks.
"""

# DOC(training.randomness): The random numbers that a net itself draws while it is trained, as dropout does.

# DOC(training.parallel): A minibatch divided over devices, and a training that is the same at several workers.

# DOC(training.epoch): The chapter's minibatches: forward, backward, step.

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Callable, Protocol

import mxnet
import numpy
from mxnet import autograd, gluon, np, npx
from mxnet.gluon import nn

from d2l_mlp.data.checks import check_data, infer_shapes
from d2l_mlp.hardware.cpu import threads_for
from d2l_mlp.hardware.devices import devices_of
from d2l_mlp.training.distributed import Workers
from d2l_mlp.training.executor import NetWithLoss, minibatches, with_loss
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.metrics import Accumulator, measure
from d2l_mlp.training.optimizers import learning_rates
from d2l_mlp.training.state import (
    Arrays,
    EpochMetrics,
    TrainingState,
    initial_state,
    parameters_of,
    set_parameters,
)
from d2l_mlp.training.trainer import make_trainer, read_states


def seed_epoch(seed: int | None, epoch: int, rank: int = 0) -> None:
    """Seed MXNet's generator for an epoch.

    The state of that generator cannot be read, and so not be kept in a checkpoint. What is drawn
    in an epoch has to follow from the epoch's number, if a training is to be resumed.

    Parameters
    ----------
    seed : int or None
        Of the whole training, 0 to 2**32 - 1; with None, the generator is left as it is.
    epoch : int
        From 0.
    rank : int, default 0
        Number of the worker, of several: each draws numbers of its own for its part of a minibatch.
    """
    if seed is not None:
        numbers = [seed, epoch, rank] if rank else [seed, epoch]
        mxnet.random.seed(int(numpy.random.RandomState(numbers).randint(2**31)))


def warn_of_other_numbers(net: gluon.Block, seed: int | None, state: TrainingState | None) -> None:
    """Warn if a net with dropout is trained on without a seed: it draws other numbers than before.

    Parameters
    ----------
    net : gluon.Block
        About to be trained.
    seed : int or None
        Of its training.
    state : TrainingState or None
        That the training goes on from.
    """
    if seed is not None or state is None or not state.history:
        return
    blocks: list[gluon.Block] = []
    net.apply(blocks.append)
    if any(isinstance(block, nn.Dropout) for block in blocks):
        warnings.warn(
            "the net has dropout and there is no seed: it does not go on as if there had been no "
            "interruption; give fit the same seed before and after",
            stacklevel=3,
        )


def split_minibatch(
    X: np.ndarray, y: np.ndarray, devices: Sequence[mxnet.Context]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide a minibatch over devices.

    Parameters
    ----------
    X, y : mxnet.np.ndarray
        Of shapes (n, ...) and (n,).
    devices : sequence of mxnet.Context
        To which the parts go, of equal size but for one example.

    Returns
    -------
    list of tuple
        The parts that have any example, each on its device.
    """
    if len(devices) == 1:
        return [(X.as_in_ctx(devices[0]), y.as_in_ctx(devices[0]))] if len(y) else []
    ends = [len(y) * i // len(devices) for i in range(len(devices) + 1)]
    return [
        (X[start:end].as_in_ctx(device), y[start:end].as_in_ctx(device))
        for device, start, end in zip(devices, ends, ends[1:])
        if start < end
    ]


def agreed(state: TrainingState, workers: Workers) -> TrainingState:
    """Give every worker the state that worker 0 goes on from.

    Parameters
    ----------
    state : TrainingState
        A worker's own; of those but worker 0 only the shapes of the parameters count.
    workers : Workers
        That train together. What is summed from here on may have as many elements as they have.

    Returns
    -------
    TrainingState
        Of worker 0, but for the parameters of the best epoch, which it alone keeps.
    """
    if workers.number == 1:
        return state
    dtype = numpy.result_type("float32", *(p.dtype for p in state.parameters.values()))
    workers.expect(sum(p.size for p in state.parameters.values()), dtype.name)
    history, best_epoch, names = workers.told(
        lambda: (state.history, state.best_epoch, list(state.optimizer))
    )

    def of_worker_0(arrays: Arrays) -> Arrays:
        """Copy arrays, which at the others count as 0."""
        copies = {n: numpy.zeros_like(p) for n, p in state.parameters.items()}
        if not workers.rank:
            copies = {n: arrays[n].copy() for n in copies}
        workers.add_up(list(copies.values()))
        return copies

    parameters = of_worker_0(state.parameters)
    optimizer = {name: of_worker_0(state.optimizer.get(name, {})) for name in names}
    epochs = tuple(EpochMetrics(*metrics) for metrics in history)
    best = parameters if workers.rank else state.best
    return TrainingState(epochs, parameters, optimizer, best_epoch, best)


def train_epoch(
    net_with_loss: NetWithLoss,
    train_iter: Iterable,
    trainer: gluon.Trainer,
    rates: Iterable[float],
    devices: Sequence[mxnet.Context],
    on_minibatch: Callable[[], None] | None = None,
) -> Accumulator:
    """Go once through the training set.

    Parameters
    ----------
    net_with_loss : callable
        What `d2l_mlp.training.executor.with_loss` makes of the net.
    train_iter : iterable with ``len()``
        Gives minibatches (X, y).
    trainer : gluon.Trainer
        Of the net's parameters.
    rates : iterable of float
        Learning rate of each minibatch.
    devices : sequence of mxnet.Context
        Where the net lives; each gets its part of every minibatch.
    on_minibatch : callable, optional
        Called after each minibatch.

    Returns
    -------
    Tally
        The sums of the losses and of the right predictions, as met on the way.
    """
    tally, batch_size = Accumulator(), getattr(train_iter, "minibatch_size", 0)
    for (X, y), lr in zip(minibatches(train_iter, net_with_loss), rates):
        trainer.set_learning_rate(lr)
        parts = split_minibatch(X, y, devices)
        with autograd.record():
            outputs = [net_with_loss(*part) for part in parts]
        for _, losses in outputs:
            losses.backward()
        # A short last minibatch takes a short step, so that each example has the same weight.
        # At the chapter's learning rate a full step on its few examples is a jolt just before
        # the evaluation, which costs about two points of test accuracy.
        batch_size = max(batch_size, len(y))
        trainer.step(batch_size)
        for (logits, losses), (_, y) in zip(outputs, parts):
            tally.add(logits, losses, y)
        if on_minibatch:
            on_minibatch()
    return tally


class Minibatches(Protocol):
    """Gives minibatches (X, y), and knows how many: one pass is one epoch."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


class DivergenceError(ArithmeticError):
    """The loss or a parameter became NaN or infinite."""


def fit(
    net: gluon.Block,
    train_iter: Minibatches,
    val_iter: Minibatches,
    *,
    num_epochs: int = 10,
    optimizer: str = "sgd",
    lr: float | None = None,
    momentum: float = 0.0,
    wd: float = 0.0,
    schedule: str = "constant",
    patience: int = 0,
    seed: int | None = None,
    state: TrainingState | None = None,
    workers: Workers | None = None,
    on_epoch: Callable[[TrainingState], None] | None = None,
    on_minibatch: Callable[[], None] | None = None,
) -> list[EpochMetrics]:
    """Train a net by minibatches.

    Parameters
    ----------
    net : gluon.Block
        Initialized; maps features (n, ...) to logits (n, num_outputs). Trained where it lives.
    train_iter, val_iter : Minibatches
        Iterables with ``len()``; y are integer labels. The second is watched: it is measured after
        each epoch. In the book it is the test set.
    num_epochs : int, default 10
        Passes over the training set, those of `state` included.
    optimizer : {"sgd", "adam"}, default "sgd"
        See `d2l_mlp.training.optimizers`.
    lr : float, optional
        Learning rate, on the minibatch's mean loss; by default the optimizer's own: 0.5 or 0.001.
    momentum : float, default 0
        Of SGD, in [0, 1).
    wd : float, default 0
        Weight decay: L2 penalty on every parameter, biases included.
    schedule : {"constant", "cosine"}, default "constant"
        How the learning rate goes from `lr` at the first minibatch (to 0 after the last).
    patience : int, default 0
        Stop after so many epochs without a higher accuracy on `val_iter`; 0 is never.
    seed : int, optional
        Seed MXNet's generator anew for each epoch, so that what a net draws, such as its dropout,
        is the same after an interruption; without a seed it is not.
    state : TrainingState, optional
        Go on from there, as if there had been no interruption: `net` takes its parameters. The
        loader has to give the epoch that comes next (see ``epoch`` of `d2l_mlp.data.loaders`).
    workers : Workers, optional
        That train together, each with its part of the minibatches, which `ArrayLoader` gives. They
        go on from the state of worker 0, and it alone uses `val_iter`. All get the same metrics,
        and the same parameters.
    on_epoch : callable, optional
        Called after each epoch with the `TrainingState`, to be kept or reported.
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
        If a hyperparameter is out of its range, an example is refused by `d2l_mlp.data.checks`,
        `state` is of another net, or a parameter's ``grad_req`` is "add" or all are "null".
        Checked before training.
    DivergenceError
        If the loss or a parameter is NaN or infinite after an epoch; `net` then has the
        parameters of the epoch before it.
    """
    workers = workers or Workers()
    settings = Hyperparameters(
        epochs=num_epochs, optimizer=optimizer, lr=lr, momentum=momentum, wd=wd,
        schedule=schedule, patience=patience, seed=0 if seed is None else seed,
    )  # fmt: skip
    if workers.number > 1 and not hasattr(train_iter, "minibatch_size"):
        raise ValueError(
            "the minibatches do not tell their size over all workers; give an ArrayLoader, with "
            "rank and num_parts"
        )
    infer_shapes(net, train_iter)
    for data_iter in [train_iter] if workers.rank else [train_iter, val_iter]:
        check_data(net, data_iter)
    warn_of_other_numbers(net, seed, state)
    state = agreed(state or initial_state(net), workers)
    set_parameters(net, state.parameters)
    steps = len(state.history) * len(train_iter)
    trainer = make_trainer(net, settings, state, steps, workers)
    net_with_loss, devices = with_loss(net, nan_is_noticed=True), devices_of(net)
    examples = getattr(train_iter, "minibatch_size", 0) // (len(devices) * workers.number)
    weights = [p.shape for p in net.collect_params().values() if len(p.shape) > 1]
    with threads_for(examples, weights):
        for epoch in range(len(state.history), num_epochs):
            if 0 < patience <= epoch - state.best_epoch:
                break
            seed_epoch(seed, epoch, workers.rank)
            rates = learning_rates(settings, epoch, len(train_iter))
            start = time.perf_counter()
            train = train_epoch(net_with_loss, train_iter, trainer, rates, devices, on_minibatch)
            loss, correct, num_examples = workers.add_up((), train.sums())
            train_loss, train_accuracy = loss / num_examples, correct / num_examples
            npx.waitall()
            seconds = time.perf_counter() - start
            parameters = parameters_of(net)
            val_loss, val_accuracy = workers.told(
                lambda: measure(net_with_loss, val_iter, devices[0], on_minibatch)
            )
            values = (numpy.array([train_loss, val_loss]), *parameters.values())
            if not all(numpy.isfinite(array).all() for array in values):
                set_parameters(net, state.parameters)
                raise DivergenceError(
                    f"a loss ({train_loss:g}, then {val_loss:g}) or a parameter is no longer "
                    f"finite after epoch {epoch + 1}; lower the learning rate ({settings.lr:g})"
                )
            metrics = EpochMetrics(
                epoch + 1, train_loss, train_accuracy, val_loss, val_accuracy,
                seconds, num_examples / seconds,
            )  # fmt: skip
            state = state.after(metrics, parameters, read_states(trainer))
            if on_epoch:
                on_epoch(state)
    return list(state.history)
