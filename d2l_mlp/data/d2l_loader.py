"""The book's own loaders, of d2l and Gluon, over verified data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mxnet
import numpy
from mxnet import np
from mxnet.gluon.data import DataLoader, Sampler, vision

from d2l_mlp.data.fashion_mnist import FashionMNIST, load_fashion_mnist
from d2l_mlp.data.loaders import ArrayLoader, Minibatch, epoch_order
from d2l_mlp.rules import check_integer


class VerifiedFashionMNIST(vision.FashionMNIST):
    """Gluon's data set with its interface, over verified data."""

    data: Any = None  # a FashionMNIST, set before an instance is made

    def __init__(self, root: Any = None, train: bool = True, transform: Any = None):
        # Gluon makes the folder it is given; this one exists.
        super().__init__(str(self.data.folder), train, transform)

    def _get_data(self) -> None:
        images, labels = self.data.train if self._train else self.data.test
        self._data = np.array(images[..., None], dtype="uint8")
        self._label = np.array(labels, dtype="int32")


def use_verified_data(data: FashionMNIST | None = None) -> None:
    """Make every loader of d2l and Gluon in this process read the verified data set, from now on.

    After this call ``d2l.load_data_fashion_mnist`` and ``d2l.FashionMNIST`` work as the book shows
    them, in any of its notebooks. Without it they use Gluon's download, whose host is gone and
    which accepts the superseded files only. It replaces Gluon's class by `VerifiedFashionMNIST`,
    for the whole process.

    Parameters
    ----------
    data : FashionMNIST, optional
        By default, what `load_fashion_mnist` finds.

    Raises
    ------
    DatasetError
        If no data set is given and none is found.
    """
    VerifiedFashionMNIST.data = data or load_fashion_mnist()
    vision.FashionMNIST = vision.datasets.FashionMNIST = VerifiedFashionMNIST


class D2LLoader:
    """One of d2l's ``DataLoader`` objects, with the order and the attributes of an `ArrayLoader`.

    If it shuffles (`seed`), its sampler is replaced: Gluon's own draws from NumPy's global
    generator. `examples` are the images, uint8 of shape (n, 28, 28), and labels (n,) it reads.
    """

    def __init__(
        self,
        loader: DataLoader,
        examples: tuple[numpy.ndarray, numpy.ndarray],
        batch_size: int,
        seed: int | None = None,
    ):
        self.loader = loader
        self.batch_size = batch_size
        self.epoch = 0
        self._examples = ArrayLoader(*examples, batch_size, device=mxnet.cpu())
        self.minibatch_size = self._examples.minibatch_size
        self.labels, self.first_example = self._examples.labels, self._examples.first_example
        self._sampler = None
        if seed is not None:
            self._sampler = loader._batch_sampler._sampler = _EpochSampler(len(examples[1]), seed)

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """All of (X, y), unshuffled; made anew at each reading."""
        return self._examples.arrays

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Minibatch]:
        if self._sampler:
            self._sampler.epoch = self.epoch
        self.epoch += 1
        return iter(self.loader)


class _EpochSampler(Sampler):
    """Yields the rows of an epoch, in the order of `epoch_order`."""

    def __init__(self, n: int, seed: int):
        self.n, self.seed, self.epoch = n, seed, 0

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[int]:
        return iter(epoch_order(self.n, self.seed, self.epoch))


def d2l_loaders(data: FashionMNIST, batch_size: int, seed: int = 0) -> tuple[D2LLoader, D2LLoader]:
    """Return a training and a test loader that ``d2l.load_data_fashion_mnist`` makes.

    d2l and Gluon are patched meanwhile, and restored.

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
    last = vars(VerifiedFashionMNIST).get("data")  # None until the first use
    before = last, vision.FashionMNIST, vision.datasets.FashionMNIST
    workers_before = d2l.get_dataloader_workers
    try:
        use_verified_data(data)
        d2l.get_dataloader_workers = lambda: 0
        train, test = d2l.load_data_fashion_mnist(batch_size)
    finally:
        d2l.get_dataloader_workers = workers_before
        VerifiedFashionMNIST.data, vision.FashionMNIST, vision.datasets.FashionMNIST = before
    return (
        D2LLoader(train, data.train, batch_size, seed),
        D2LLoader(test, data.test, batch_size),
    )
