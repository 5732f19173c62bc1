"""The chapter's minibatches: forward, backward, step."""

from typing import Callable, Iterable, Optional, Sequence

import mxnet
from mxnet import autograd, gluon

from d2l_mlp.training.evaluation import Tally
from d2l_mlp.training.graph import NetWithLoss, minibatches
from d2l_mlp.training.parallel import split


def train_epoch(
    net_with_loss: NetWithLoss,
    train_iter: Iterable,
    trainer: gluon.Trainer,
    rates: Iterable[float],
    devices: Sequence[mxnet.Context],
    on_minibatch: Optional[Callable[[], None]] = None,
) -> Tally:
    """Go once through the training set.

    Parameters
    ----------
    net_with_loss : callable
        What `d2l_mlp.training.graph.with_loss` makes of the net.
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
    tally, batch_size = Tally(), getattr(train_iter, "minibatch_size", 0)
    for (X, y), lr in zip(minibatches(train_iter, net_with_loss), rates):
        trainer.set_learning_rate(lr)
        parts = split(X, y, devices)
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
