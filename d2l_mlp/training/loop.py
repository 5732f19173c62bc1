"""The chapter's training loop, and nothing else.

Minibatch stochastic gradient descent on the softmax cross-entropy, as in "Multilayer Perceptrons"
and the book's loop before it. No files, no printing; what happens is told to callbacks.
"""

import time
from typing import Any, Callable, Iterator, List, Optional, Protocol

import numpy
from mxnet import gluon, npx

from d2l_mlp.data.examples import check_data, infer_shapes
from d2l_mlp.runtime.device import devices_of
from d2l_mlp.runtime.processors import threads_for
from d2l_mlp.runtime.workers import Workers
from d2l_mlp.training.epoch import train_epoch
from d2l_mlp.training.evaluation import measure
from d2l_mlp.training.graph import with_loss
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.parallel import agreed
from d2l_mlp.training.randomness import seed_epoch, warn_of_other_numbers
from d2l_mlp.training.schedules import learning_rates
from d2l_mlp.training.state import (
    EpochMetrics,
    TrainingState,
    initial_state,
    parameters_of,
    set_parameters,
)
from d2l_mlp.training.trainer import make_trainer, read_states


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
    lr: Optional[float] = None,
    momentum: float = 0.0,
    wd: float = 0.0,
    schedule: str = "constant",
    patience: int = 0,
    seed: Optional[int] = None,
    state: Optional[TrainingState] = None,
    workers: Optional[Workers] = None,
    on_epoch: Optional[Callable[[TrainingState], None]] = None,
    on_minibatch: Optional[Callable[[], None]] = None,
) -> List[EpochMetrics]:
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
        If a hyperparameter is out of its range, an example is refused by `d2l_mlp.data.examples`,
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
