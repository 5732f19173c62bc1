"""What a run is trained and measured on, as its hyperparameters say."""

from __future__ import annotations

from typing import Any

import mxnet

from d2l_mlp.data.d2l_loader import d2l_loaders
from d2l_mlp.data.fashion_mnist import FashionMNIST
from d2l_mlp.data.loaders import ArrayLoader, hold_out
from d2l_mlp.training.distributed import Workers
from d2l_mlp.training.hyperparameters import Hyperparameters


def train_loaders(
    settings: Hyperparameters, data: FashionMNIST, context: mxnet.Context, workers: Workers
) -> tuple[Any, Any]:
    """Give the minibatches to train on, and those of the set that is watched.

    Parameters
    ----------
    settings : Hyperparameters
        Of the run.
    data : FashionMNIST
        Of which the validation set is held out.
    context : mxnet.Context
        Where the minibatches are to be.
    workers : Workers
        That train together.

    Returns
    -------
    train_iter, val_iter : iterable
        Of the former each worker gets its part; of the latter all but worker 0 get none.

    Raises
    ------
    ValueError
        If several workers ask for the loader d2l.
    """
    if settings.validation:
        data = hold_out(data, settings.validation, settings.seed)
    if settings.loader == "d2l" and workers.size > 1:
        raise ValueError(
            "the loader is d2l, which has no parts for several workers; take the loader arrays"
        )
    if settings.loader == "d2l":
        return d2l_loaders(data, settings.batch_size, settings.seed, settings.workers)
    train_iter = ArrayLoader(
        *data.train, settings.batch_size, settings.seed, context, workers.rank, workers.size
    )
    return train_iter, () if workers.rank else test_loader(settings, data, context)


def test_loader(
    settings: Hyperparameters, data: FashionMNIST, context: mxnet.Context
) -> ArrayLoader:
    """Give the minibatches of the test set."""
    images, labels = data.test
    return ArrayLoader(images, labels, settings.batch_size, device=context)
