"""The book's own loaders, of d2l and Gluon, over verified data."""

from __future__ import annotations

from collections.abc import Iterator

import mxnet
import numpy
from mxnet import np
from mxnet.gluon.data import DataLoader

from d2l_mlp.data.fashion_mnist import FashionMNIST, load_fashion_mnist
from d2l_mlp.data.loaders import ArrayLoader, Minibatch
from d2l_mlp.rules import check_integer

_used: FashionMNIST | None = None


def use_verified_data(data: FashionMNIST | None = None) -> None:
    """Choose the data set that the loaders of d2l and Gluon read in this process, from now on.

    Without it ``d2l.load_data_fashion_mnist``, ``d2l.FashionMNIST`` and Gluon's ``FashionMNIST``
    read what `load_fashion_mnist` finds.

    Parameters
    ----------
    data : FashionMNIST, optional
        By default, `load_fashion_mnist` searches at the next use.
    """
    global _used
    _used = data


def read_verified_data(train: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return images of shape (n, 28, 28, 1) and labels for Gluon's ``FashionMNIST``."""
    global _used
    _used = _used or load_fashion_mnist()
    images, labels = _used.train if train else _used.test
    return np.array(images[..., None], dtype="uint8"), np.array(labels, dtype="int32")


class D2LLoader(ArrayLoader):
    """One of d2l's ``DataLoader`` objects, with the order and the attributes of an `ArrayLoader`.

    Gluon's own sampler draws from NumPy's global generator. `examples` are the images, uint8 of
    shape (n, 28, 28), and labels (n,) that the loader reads.
    """

    def __init__(
        self, loader: DataLoader, examples: tuple[numpy.ndarray, numpy.ndarray],
        batch_size: int, seed: int | None = None,
    ):  # fmt: skip
        super().__init__(*examples, batch_size, seed, mxnet.cpu())
        self.loader = loader

    def __iter__(self) -> Iterator[Minibatch]:
        self.loader._batch_sampler._sampler = self._next_order().tolist()
        return iter(self.loader)


def d2l_loaders(data: FashionMNIST, batch_size: int, seed: int = 0) -> tuple[D2LLoader, D2LLoader]:
    """Return a training and a test loader that ``d2l.load_data_fashion_mnist`` makes.

    d2l is patched meanwhile, and restored.

    Parameters
    ----------
    data : FashionMNIST
        From `load_fashion_mnist`.
    batch_size : int
        Examples a minibatch.
    seed : int, default 0
        Of the training set's order; 0 to 2**32 - 1. The test set keeps its own.

    Returns
    -------
    tuple of D2LLoader
        Training and test; the same minibatches as those of `array_loaders`, on the CPU.

    Raises
    ------
    ValueError
        If the batch size is not a positive integer.
    """
    from d2l import mxnet as d2l  # not above: it brings pandas and matplotlib

    batch_size = check_integer("batch size", batch_size)
    before, workers_before = _used, d2l.get_dataloader_workers
    try:
        use_verified_data(data)
        d2l.get_dataloader_workers = lambda: 0
        train, test = d2l.load_data_fashion_mnist(batch_size)
    finally:
        d2l.get_dataloader_workers = workers_before
        use_verified_data(before)
    return (
        D2LLoader(train, data.train, batch_size, seed),
        D2LLoader(test, data.test, batch_size),
    )
