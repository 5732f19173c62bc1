"""The book's own loaders, of d2l and Gluon, over verified data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import mxnet
import numpy
from mxnet import np
from mxnet.gluon.data import DataLoader, Sampler, vision

from d2l_mlp.data.fashion_mnist import FashionMNIST, load_fashion_mnist
from d2l_mlp.data.loaders import ArrayLoader, Minibatch, epoch_order
from d2l_mlp.data.workers import Workers
from d2l_mlp.rules import check_integer


class VerifiedFashionMNIST(vision.FashionMNIST):
    """Gluon's data set, with its interface, over files that `use_verified_data` has verified."""

    data: Any = None  # a FashionMNIST, before one of these is made

    def __init__(self, root: Any = None, train: bool = True, transform: Any = None):
        # Gluon makes the folder it is given; this one exists.
        super().__init__(str(self.data.folder), train, transform)

    def _get_data(self) -> None:
        images, labels = self.data.train if self._train else self.data.test
        self._data = np.array(images[..., None], dtype="uint8")
        self._label = np.array(labels, dtype="int32")


def use_verified_data(data: FashionMNIST | None = None) -> None:
    """Let every loader of d2l and Gluon in this process read the verified data set, from now on.

    After this call ``d2l.load_data_fashion_mnist`` and ``d2l.FashionMNIST`` work as the book
    shows them, in any of its notebooks. Without it they go to Gluon's download, whose host is
    gone and which accepts the superseded files only. To that end it puts `VerifiedFashionMNIST`
    into the place of Gluon's class, for the whole process and for good.

    Parameters
    ----------
    data : FashionMNIST, optional
        By default, what `d2l_mlp.data.fashion_mnist.load_fashion_mnist` finds.

    Raises
    ------
    DatasetError
        If no data set is given and none is found.
    """
    VerifiedFashionMNIST.data = data or load_fashion_mnist()
    vision.FashionMNIST = vision.datasets.FashionMNIST = VerifiedFashionMNIST


class D2LLoader:
    """One of d2l's ``DataLoader`` objects, with the order and the attributes of an `ArrayLoader`.

    Parameters
    ----------
    loader : mxnet.gluon.data.DataLoader
        As d2l makes it. If it shuffles, its sampler is replaced: Gluon's own draws from NumPy's
        global generator, and at a moment that depends on the number of worker processes.
    examples : tuple of numpy.ndarray
        Images, uint8 of shape (n, 28, 28), and labels, int32 of shape (n,), that it reads.
    batch_size : int
        Examples a minibatch.
    seed : int, optional
        Of the order, if it shuffles; 0 to 2**32 - 1.
    num_workers : int, default 0
        Processes that load its examples, in the place of Gluon's own; see `Workers`.

    Attributes
    ----------
    epoch : int
        Number of the epoch that the next iteration gives, from 0.
    batch_size, minibatch_size : int
        Examples a minibatch: as asked for, and at most as many as there are.
    """

    def __init__(
        self,
        loader: DataLoader,
        examples: tuple[numpy.ndarray, numpy.ndarray],
        batch_size: int,
        seed: int | None = None,
        num_workers: int = 0,
    ):
        self.loader = loader
        self.batch_size = batch_size
        self.minibatch_size = min(batch_size, len(examples[1]))
        self.epoch = 0
        self._examples = ArrayLoader(*examples, batch_size, device=mxnet.cpu())
        self._sampler = None
        if seed is not None:
            self._sampler = loader._batch_sampler._sampler = _EpochSampler(len(examples[1]), seed)
        self._workers = Workers(loader._dataset, num_workers) if num_workers else None

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """All of (X, y), unshuffled, as its minibatches have them; made anew at each reading."""
        return self._examples.arrays

    def pieces(self) -> Iterator[Minibatch]:
        """Give what `arrays` has, a piece at a time."""
        return self._examples.pieces()

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Minibatch]:
        if self._sampler:
            self._sampler.epoch = self.epoch
        self.epoch += 1
        if self._workers:
            return self._workers.minibatches(self.loader._batch_sampler)
        return iter(self.loader)


class _EpochSampler(Sampler):
    """Gives the rows of one epoch after another, in the order of `epoch_order`."""

    def __init__(self, n: int, seed: int):
        self.n, self.seed, self.epoch = n, seed, 0

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[int]:
        return iter(epoch_order(self.n, self.seed, self.epoch))


def d2l_loaders(
    data: FashionMNIST, batch_size: int, seed: int = 0, num_workers: int = 0
) -> tuple[D2LLoader, D2LLoader]:
    """Make the training and the test loader with ``d2l.load_data_fashion_mnist``.

    d2l and Gluon are patched while it does so, and are afterwards as they were.

    Parameters
    ----------
    data : FashionMNIST
        As `d2l_mlp.data.fashion_mnist.load_fashion_mnist` gives it.
    batch_size : int
        Examples a minibatch.
    seed : int, default 0
        Of the training set's order; 0 to 2**32 - 1. The test set keeps its own.
    num_workers : int, default 0
        Processes that load examples; d2l itself would start 4, which is no faster.

    Returns
    -------
    tuple of D2LLoader
        Training and test; the minibatches are on the CPU, and those of `array_loaders`.

    Raises
    ------
    ValueError
        If the batch size is not a positive integer, or processes are asked for that would hang.
    """
    from d2l import mxnet as d2l  # not above: it brings pandas and matplotlib

    batch_size = check_integer("batch size", batch_size)
    if num_workers and os.environ.get("MXNET_ENGINE_TYPE") == "NaiveEngine":
        raise ValueError(
            f"num_workers is {num_workers}, but MXNET_ENGINE_TYPE is NaiveEngine, whose processes "
            "cannot be forked; give 0, or unset that variable"
        )
    last = vars(VerifiedFashionMNIST).get("data")  # None until the first use
    before = last, vision.FashionMNIST, vision.datasets.FashionMNIST
    workers_before = d2l.get_dataloader_workers
    try:
        use_verified_data(data)
        d2l.get_dataloader_workers = lambda: 0  # ours take their place
        train, test = d2l.load_data_fashion_mnist(batch_size)
    finally:
        d2l.get_dataloader_workers = workers_before
        VerifiedFashionMNIST.data, vision.FashionMNIST, vision.datasets.FashionMNIST = before
    return (
        D2LLoader(train, data.train, batch_size, seed, num_workers),
        D2LLoader(test, data.test, batch_size, num_workers=num_workers),
    )
