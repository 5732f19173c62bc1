"""What later releases of d2l moved or dropped, for the chapters that call it."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any, Callable, Union

import numpy
from mxnet import autograd, gluon, np

from d2l_mlp.rules import check_integer

Net = Callable[[np.ndarray], np.ndarray]
Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]
Updater = Union[gluon.Trainer, Callable[[int], Any]]


def restore_d2l_names() -> ModuleType:
    """Give d2l the names back with which the chapter's edition and its neighbours call it.

    Afterwards the MLP cells of the chapters on multilayer perceptrons, on their implementation, on
    underfitting, weight decay and dropout run unchanged on d2l 0.17.0 and on 1.0.3. It brings back:

    - the bare ``import d2l`` with ``d2l.plot`` and all else that moved to ``d2l.mxnet``;
    - `train_epoch_ch3` and `predict_ch3`, which d2l 1.0 dropped; one that d2l has stays its own;
    - `train_ch3`, ours with either d2l: that of 0.17 ends in an AssertionError where the data are
      few, as the embedded sample is.

    It does not bring back what other chapters lost (``download_all``, ``train_ch8`` and all else
    about sequences, ``EncoderBlock``), nor what d2l dropped before 0.17, nor the data set: that is
    what `d2l_mlp.data.d2l_loader.use_verified_data` is for.

    Returns
    -------
    module
        The top-level ``d2l``, which now also has every public name of ``d2l.mxnet``.
    """
    import d2l
    from d2l import mxnet as backend

    for function in (train_epoch_ch3, predict_ch3):
        vars(backend).setdefault(function.__name__, function)
    vars(backend)["train_ch3"] = train_ch3
    for name, value in vars(backend).items():
        if not name.startswith("_") and not hasattr(d2l, name):
            setattr(d2l, name, value)
    return d2l


def train_epoch_ch3(
    net: Net, train_iter: Iterable, loss: Loss, updater: Updater
) -> tuple[float, float]:
    """Go once through the training set, as the book does: with a full step on a short minibatch.

    Parameters
    ----------
    net : gluon.Block or callable
        Maps features (n, ...) to outputs (n, num_outputs).
    train_iter : iterable
        Gives minibatches (X, y).
    loss : callable
        Maps outputs and labels to the losses of the examples, such as
        ``gluon.loss.SoftmaxCrossEntropyLoss()``.
    updater : gluon.Trainer or callable
        Updates the parameters, given the number of examples of the minibatch.

    Returns
    -------
    loss, accuracy : float
        Mean loss and share of right predictions, as met on the way. The second means nothing where
        the labels are no classes.

    Raises
    ------
    ZeroDivisionError
        If there is no minibatch.
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
    net: Net, train_iter: Iterable, test_iter: Iterable, loss: Loss, num_epochs: int,
    updater: Updater,
) -> None:  # fmt: skip
    """Train a classifier and draw its learning curves while they grow.

    Parameters
    ----------
    net, train_iter, loss, updater
        As in `train_epoch_ch3`; the labels are classes.
    test_iter : iterable
        Gives minibatches (X, y), on which the accuracy is measured after each epoch.
    num_epochs : int
        Passes over the training set.

    Raises
    ------
    ValueError
        If the number of epochs is not a positive integer.
    FloatingPointError
        If the loss of an epoch is NaN or infinite.
    """
    from d2l import mxnet as d2l  # not above: it brings pandas and matplotlib

    num_epochs = check_integer("num_epochs", num_epochs)
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


def predict_ch3(net: Net, test_iter: Iterable, n: int = 6) -> None:
    """Draw the first images of a test set, with their true and their predicted class above them.

    Parameters
    ----------
    net : gluon.Block or callable
        Maps features (n, 1, 28, 28) to logits (n, 10).
    test_iter : iterable
        Gives minibatches (X, y) of Fashion-MNIST.
    n : int, default 6
        How many, at least 2 and at most as many as the first minibatch has.
    """
    from d2l import mxnet as d2l

    X, y = next(iter(test_iter))
    labels = [d2l.get_fashion_mnist_labels(some[:n]) for some in (y, net(X).argmax(axis=1))]
    titles = [f"{true}\n{predicted}" for true, predicted in zip(*labels)]
    d2l.show_images(X[:n].reshape(-1, 28, 28), 1, n, titles=titles)
