"""The book's training loop.

Minibatch stochastic gradient descent on the softmax cross-entropy, as in "Multilayer Perceptrons"
and the book's loop before it. It writes no files and prints nothing: callbacks do.

`fit` trains epoch by epoch; `train_epoch` runs one epoch. The net and its loss run as one graph
(`d2l_mlp.training.executor`), the steps are taken by `d2l_mlp.training.trainer`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Callable, Protocol

import mxnet
import numpy
from mxnet import autograd, gluon, np, npx

from d2l_mlp.data.checks import check_data
from d2l_mlp.hardware.devices import devices_of
from d2l_mlp.mlp import check_dropout
from d2l_mlp.training.distributed import Workers
from d2l_mlp.training.executor import NetWithLoss, minibatches, useful_threads_for, with_loss
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.metrics import Accumulator, measure
from d2l_mlp.training.state import (
    Arrays,
    EpochMetrics,
    TrainingState,
    has_stopped,
    initial_state,
    parameters_of,
    set_parameters,
)
from d2l_mlp.training.trainer import Trainer


class Minibatches(Protocol):
    """An iterable of minibatches (X, y) with a length; one pass is one epoch."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


class DivergenceError(ArithmeticError):
    """The loss or a parameter became NaN or infinite."""


def fit(
    net: gluon.Block,
    train_iter: Minibatches,
    val_iter: Minibatches,
    hyperparameters: Hyperparameters | None = None,
    *,
    state: TrainingState | None = None,
    workers: Workers | None = None,
    on_epoch: Callable[[TrainingState], None] | None = None,
    on_minibatch: Callable[[], None] | None = None,
    **overrides: Any,
) -> list[EpochMetrics]:
    """Train a net by minibatches.

    Parameters
    ----------
    net : gluon.Block
        Initialized; maps features (n, ...) to logits (n, num_outputs). It is trained on the device,
        or the devices, where it lives.
    train_iter, val_iter : Minibatches
        Iterables of (X, y) with ``len()``; y are integer labels. The net is measured on the second
        after each epoch. In the book it is the test set.
    hyperparameters : Hyperparameters, optional
        By default `Hyperparameters`'s own. `fit` uses the fields of the group "training": epochs,
        optimizer, lr, momentum, wd, schedule, warmup, patience, monitor, min_delta and seed.
    state : TrainingState, optional
        Resume from there, bit for bit as without an interruption: `net` takes its parameters. The
        loader has to be at the next epoch (see ``epoch`` of `d2l_mlp.data.loaders.ArrayLoader`).
    workers : Workers, optional
        Train together with other processes, each on its part of every minibatch, which
        `ArrayLoader` divides. All start from the state of worker 0, which alone uses `val_iter`,
        and all end with the same parameters and metrics.
    on_epoch : callable, optional
        Called with the `TrainingState` after each epoch. It may change the net's parameters; other
        blocks, dropout rates or hooks hold from the next call of `fit`.
    on_minibatch : callable, optional
        Called after each minibatch, of training and of evaluation. An exception that it raises
        ends the training there, between two minibatches, and passes through. The gradients of the
        minibatch are used up by then: the optimizer computes its step in their memory.
    **overrides
        Fields of the group "training", such as ``epochs=3, lr=0.1``, in place of those of
        `hyperparameters`. Another optimizer resets ``lr`` and ``momentum`` to its defaults. MXNet's
        generator, from which dropout draws, is seeded at each epoch if `hyperparameters` or
        ``seed`` is given; otherwise a net with dropout does not resume bit for bit. The process
        has only one: nor does it if another thread draws at the same time.

    Returns
    -------
    list of EpochMetrics
        One an epoch, those of `state` included.

    Raises
    ------
    ValueError
        If a hyperparameter is out of its range, an example is refused by `d2l_mlp.data.checks`,
        `state` is of another net or optimizer, an ``nn.Dropout`` drops everything, a parameter's
        ``grad_req`` is "add" or all are "null". Checked before training. Also if an epoch has
        another number of minibatches than ``len()``.
    TypeError
        If an override is not a field of the group "training".
    DivergenceError
        If the loss or a parameter is NaN or infinite after an epoch; `net` then has the
        parameters of the epoch before it.
    """
    settings = _override(hyperparameters, overrides)
    seeded = hyperparameters is not None or "seed" in overrides
    workers = workers or Workers()
    if workers.size > 1 and not hasattr(train_iter, "minibatch_size"):
        raise ValueError(
            "several workers train together, but the size of a whole minibatch is not known; give "
            "an ArrayLoader with rank and num_parts"
        )
    if autograd.is_recording():
        raise ValueError("fit is called within autograd.record(); call it outside, as it records")
    net.apply(check_dropout)
    for data_iter in [train_iter] if workers.rank else [train_iter, val_iter]:
        check_data(net, data_iter)
    state = _broadcast(state or initial_state(net), workers)
    set_parameters(net, state.parameters)
    trainer = Trainer(net, settings, state, len(train_iter), workers)
    net_with_loss, devices = with_loss(net, nan_is_noticed=True), devices_of(net)
    examples = getattr(train_iter, "minibatch_size", 0) // (len(devices) * workers.size)
    with useful_threads_for(net_with_loss, examples):
        for epoch in range(len(state.history), settings.epochs):
            if has_stopped(state.history, settings):
                break
            if seeded:
                _seed_epoch(settings.seed, epoch, workers.rank)
            start = time.perf_counter()
            train = train_epoch(net_with_loss, train_iter, trainer, devices, on_minibatch)
            if trainer.steps != (epoch + 1) * len(train_iter):
                raise ValueError(
                    f"{trainer.steps} minibatches by the end of epoch {epoch + 1}, but len() says "
                    f"{len(train_iter)} in each; give a list of minibatches, or a loader"
                )
            loss, correct, num_examples = workers.all_reduce((), train.sums())
            npx.waitall()
            seconds = time.perf_counter() - start
            val_loss, val_accuracy = workers.broadcast(
                lambda: measure(net_with_loss, val_iter, devices[0], on_minibatch)
            )
            metrics = EpochMetrics(
                epoch + 1, loss / num_examples, correct / num_examples, val_loss, val_accuracy,
                seconds, num_examples / seconds, trainer.learning_rate, time.time(),
            )  # fmt: skip
            parameters = parameters_of(net)
            values = (metrics.train_loss, val_loss, *parameters.values())
            if not all(numpy.isfinite(value).all() for value in values):
                set_parameters(net, state.parameters)
                raise DivergenceError(
                    f"the training diverged in epoch {epoch + 1}: a loss "
                    f"({metrics.train_loss:g} in training, {val_loss:g} after it) or a parameter "
                    f"is not finite; lower the learning rate ({settings.lr:g})"
                )
            state = state.after(metrics, parameters, trainer.states(), settings.monitor)
            if on_epoch:
                on_epoch(state)
    return list(state.history)


def train_epoch(
    net_with_loss: NetWithLoss,
    train_iter: Iterable[Any],
    trainer: Trainer,
    devices: Sequence[mxnet.Context],
    on_minibatch: Callable[[], None] | None = None,
) -> Accumulator:
    """Train for one epoch; return sums over its losses."""
    sums, batch_size = Accumulator(), getattr(train_iter, "minibatch_size", 0)
    for X, y in minibatches(train_iter, net_with_loss):
        parts = split_minibatch(X, y, devices)
        with autograd.record():
            outputs = [net_with_loss(*part) for part in parts]
        for _, losses in outputs:
            losses.backward()
        # A short last minibatch takes a short step, so that each example has the same weight.
        # At the book's learning rate, 0.5, a full step on its few examples is a jolt just before
        # the evaluation, which costs 2.6 points of test accuracy.
        batch_size = max(batch_size, len(y))
        trainer.step(batch_size)
        for (logits, losses), (_, y) in zip(outputs, parts):
            sums.add(logits, losses, y)
        if on_minibatch:
            on_minibatch()
    return sums


def split_minibatch(
    X: np.ndarray, y: np.ndarray, devices: Sequence[mxnet.Context]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide a minibatch over devices; return the parts that have an example."""
    parts = (gluon.utils.split_and_load(a, devices, even_split=False) for a in (X, y))
    return [(X, y) for X, y in zip(*parts) if len(y)]


def _override(
    hyperparameters: Hyperparameters | None, overrides: dict[str, Any]
) -> Hyperparameters:
    """Replace fields of the hyperparameters that a training uses."""
    used = [
        f.name for f in dataclasses.fields(Hyperparameters) if f.metadata["group"] == "training"
    ]
    for name in overrides:
        if name not in used:
            raise TypeError(f"fit takes no {name!r}; give one of {', '.join(used)}")
    if hyperparameters is None:
        return Hyperparameters(**overrides)
    if overrides.get("optimizer", hyperparameters.optimizer) != hyperparameters.optimizer:
        overrides = {"lr": None, "momentum": 0.0, **overrides}  # those were another optimizer's
    return dataclasses.replace(hyperparameters, **overrides)


def _seed_epoch(seed: int, epoch: int, rank: int) -> None:
    """Seed MXNet's generator for an epoch of a worker.

    MXNet cannot save the generator's state, so no checkpoint has it. Seeded from these numbers, a
    net with dropout draws the same masks after a resume.
    """
    numbers = [seed, epoch, rank] if rank else [seed, epoch]
    mxnet.random.seed(int(numpy.random.RandomState(numbers).randint(2**31)))


def _broadcast(state: TrainingState, workers: Workers) -> TrainingState:
    """Return the state of worker 0; the parameters of the best epoch stay with that worker."""
    if workers.size == 1:
        return state
    history, best_epoch, states = workers.broadcast(
        lambda: (
            state.history, state.best_epoch, {kind: list(a) for kind, a in state.optimizer.items()}
        )
    )  # fmt: skip
    dtype = numpy.result_type("float32", *(p.dtype for p in state.parameters.values()))
    workers.reserve(sum(p.size for p in state.parameters.values()), dtype.name)

    def of_worker_0(arrays: Arrays, names: Iterable[str]) -> Arrays:
        """Broadcast arrays, as a sum to which the other workers add 0."""
        copies = {n: numpy.zeros_like(state.parameters[n]) for n in names}
        if not workers.rank:
            copies = {n: arrays[n].copy() for n in names}
        workers.all_reduce(list(copies.values()))
        return copies

    parameters = of_worker_0(state.parameters, state.parameters)
    optimizer = {
        kind: of_worker_0(state.optimizer.get(kind, {}), names) for kind, names in states.items()
    }
    epochs = tuple(EpochMetrics(*metrics) for metrics in history)
    best = parameters if workers.rank else state.best
    return TrainingState(epochs, parameters, optimizer, best_epoch, best)
