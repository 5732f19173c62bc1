"""Restore what later releases of d2l moved or dropped and the book's chapters call."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Union

import numpy
from mxnet import autograd, gluon, np

Net = Callable[[np.ndarray], np.ndarray]
Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]
Updater = Union[gluon.Trainer, Callable[[int], Any]]


def add_old_names(backend: ModuleType) -> None:
    """Add to ``d2l.mxnet`` what the MLP chapters of the old editions call and d2l has dropped.

    `train_ch3` replaces that of d2l 0.17 too, which ends in an AssertionError on small data sets,
    such as the embedded sample.
    """
    for function in (train_epoch_ch3, predict_ch3, mkdir_if_not_exist):
        vars(backend).setdefault(function.__name__, function)
    vars(backend)["train_ch3"] = train_ch3


def train_epoch_ch3(
    net: Net, train_iter: Iterable[Any], loss: Loss, updater: Updater
) -> tuple[float, float]:
    """Train for one epoch as the book does, and return the mean loss and the accuracy.

    Both are measured before each update. `updater` gets the number of examples of a minibatch.
    """
    loss_sum, correct, num_examples = 0.0, 0, 0
    step = updater.step if isinstance(updater, gluon.Trainer) else updater
    for X, y in train_iter:
        with autograd.record():
            y_hat = net(X)
            losses = loss(y_hat, y)
        losses.backward()
        step(len(y))
        loss_sum += float(losses.sum())
        correct += int((y_hat.argmax(axis=-1).reshape(-1) == y.reshape(-1).astype("int64")).sum())
        num_examples += len(y)
    return loss_sum / num_examples, correct / num_examples


def train_ch3(
    net: Net, train_iter: Iterable[Any], test_iter: Iterable[Any], loss: Loss, num_epochs: int,
    updater: Updater,
) -> None:  # fmt: skip
    """Train a classifier and draw its learning curves while they grow.

    Raises a FloatingPointError if the mean loss of an epoch is NaN or infinite.
    """
    from d2l import mxnet as d2l  # here, because it imports pandas and matplotlib

    legend = ["train loss", "train acc", "test acc"]
    animator = d2l.Animator("epoch", legend=legend, xlim=[1, num_epochs], ylim=[0.3, 0.9])
    for epoch in range(1, num_epochs + 1):
        train_loss, train_acc = train_epoch_ch3(net, train_iter, loss, updater)
        if not numpy.isfinite(train_loss):
            raise FloatingPointError(
                f"the loss is {train_loss:g} in epoch {epoch}; lower the learning rate"
            )
        test_acc = d2l.evaluate_accuracy(net, test_iter)
        animator.add(epoch, (train_loss, train_acc, test_acc))


def mkdir_if_not_exist(path: str | Iterable[str]) -> None:
    """Make a folder, given by its path or the path's parts, unless it is there."""
    Path(*([path] if isinstance(path, str) else path)).mkdir(parents=True, exist_ok=True)


def predict_ch3(net: Net, test_iter: Iterable[Any], n: int = 6) -> None:
    """Draw the first n images (2 or more) of a test set, titled by true and predicted class."""
    from d2l import mxnet as d2l

    X, y = next(iter(test_iter))
    labels = [d2l.get_fashion_mnist_labels(c[:n]) for c in (y, net(X).argmax(axis=1))]
    titles = [f"{true}\n{predicted}" for true, predicted in zip(*labels)]
    d2l.show_images(X[:n].reshape(-1, 28, 28), 1, n, titles=titles)
