"""Minibatches of Fashion-MNIST: whole arrays at a time, or through d2l's own loaders.

Both kinds are iterables with ``len()`` that give ``(X, y)``: images, float32 in [0, 1] of shape
(n, 1, 28, 28), and labels, int32 of shape (n,). Both draw the same order: each epoch's depends on
the seed and on the epoch's number alone, so that a run can be resumed in its middle.
"""

import os
from typing import Iterator, Optional, Tuple, Union

import mxnet
import numpy
from mxnet import np
from mxnet.gluon.data import DataLoader, vision

from d2l_mlp.data.canonical import FashionMNIST
from d2l_mlp.data.fashion_mnist import load
from d2l_mlp.runtime.checks import check_integer

Minibatch = Tuple[np.ndarray, np.ndarray]


class ArrayLoader:
    """Minibatches gathered from arrays that stay on the device.

    Parameters
    ----------
    X : numpy.ndarray or mxnet.np.ndarray
        Features of shape (n, ...); NumPy's become float32, MXNet's stay as they are.
    y : numpy.ndarray or mxnet.np.ndarray
        Labels, integers, of shape (n,).
    batch_size : int
        Examples a minibatch; the last one of an epoch may be shorter.
    seed : int, optional
        Shuffle each epoch, in an order that follows from (seed, epoch); without it, keep the order.
    device : mxnet.Context, optional
        Where the arrays live; by default MXNet's current context.

    Attributes
    ----------
    epoch : int
        Number of the epoch that the next iteration gives, from 0.
    arrays : tuple of mxnet.np.ndarray
        All of (X, y), unshuffled.

    Raises
    ------
    ValueError
        If `X` and `y` differ in length, or the batch size is not a positive integer.
    """

    def __init__(
        self,
        X: Union[numpy.ndarray, np.ndarray],
        y: Union[numpy.ndarray, np.ndarray],
        batch_size: int,
        seed: Optional[int] = None,
        device: Optional[mxnet.Context] = None,
    ):
        if len(X) != len(y):
            raise ValueError(f"{len(X)} examples but {len(y)} labels; give each example one")
        check_integer("batch size", batch_size)
        device = device or mxnet.current_context()
        if not isinstance(X, np.ndarray):
            X = np.array(X, dtype="float32", ctx=device)
        if not isinstance(y, np.ndarray):
            y = np.array(y, dtype="int32", ctx=device)
        self.arrays = X.as_in_ctx(device), y.as_in_ctx(device)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self.arrays[1]) // self.batch_size)

    def __iter__(self) -> Iterator[Minibatch]:
        X, y = self.arrays
        order = numpy.arange(len(y))
        if self.seed is not None:
            order = numpy.random.RandomState([self.seed, self.epoch]).permutation(len(y))
        self.epoch += 1
        order = np.array(order, dtype="int32", ctx=X.ctx)
        y = y.take(order, axis=0)  # at once, unlike the features, which would not fit the caches
        for start in range(0, len(y), self.batch_size):
            rows = slice(start, start + self.batch_size)
            yield X.take(order[rows], axis=0), y[rows]


def array_loaders(
    data: FashionMNIST, batch_size: int, seed: int = 0, device: Optional[mxnet.Context] = None
) -> Tuple[ArrayLoader, ArrayLoader]:
    """Make the training and the test loader that gather whole minibatches in memory.

    Parameters
    ----------
    data : FashionMNIST
        As `d2l_mlp.data.fashion_mnist.load` gives it.
    batch_size : int
        Examples a minibatch.
    seed : int, default 0
        Of the training set's order; 0 to 2**32 - 1. The test set keeps its own.
    device : mxnet.Context, optional
        Where the arrays live; by default MXNet's current context.

    Returns
    -------
    tuple of ArrayLoader
        Training and test.
    """

    def loader(examples, **options):
        images, labels = examples
        X = np.array(images[:, None], dtype="uint8", ctx=device).astype("float32")
        X /= 255  # not times 1/255, which rounds otherwise: the book's loaders divide
        return ArrayLoader(X, labels, batch_size, device=device, **options)

    return loader(data.train, seed=seed), loader(data.test)


class VerifiedFashionMNIST(vision.FashionMNIST):
    """Gluon's data set, with its interface, over files that `use_verified_data` has verified."""

    data: Optional[FashionMNIST] = None

    def __init__(self, root=None, train=True, transform=None):
        # Gluon makes the folder it is given; this one exists.
        super().__init__(str(self.data.folder), train, transform)

    def _get_data(self):
        images, labels = self.data.train if self._train else self.data.test
        self._data = np.array(images[..., None], dtype="uint8")
        self._label = np.array(labels, dtype="int32")


def use_verified_data(data: Optional[FashionMNIST] = None) -> None:
    """Let every loader of d2l and Gluon in this process read the verified data set.

    After this call ``d2l.load_data_fashion_mnist`` and ``d2l.FashionMNIST`` work as the book
    shows them, in any of its notebooks. Without it they go to Gluon's download, whose host is
    gone and which accepts the superseded files only.

    Parameters
    ----------
    data : FashionMNIST, optional
        By default, what `d2l_mlp.data.fashion_mnist.load` finds.
    """
    VerifiedFashionMNIST.data = data or load()
    vision.FashionMNIST = vision.datasets.FashionMNIST = VerifiedFashionMNIST


class D2LLoader:
    """One of d2l's ``DataLoader`` objects, with an order that follows from (seed, epoch).

    Its attributes are those of `ArrayLoader`.
    """

    def __init__(self, loader: DataLoader, arrays: Tuple[numpy.ndarray, numpy.ndarray], seed: int):
        self.loader = loader
        self.arrays = arrays
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Minibatch]:
        numpy.random.seed([self.seed, self.epoch])  # what Gluon's RandomSampler draws from
        self.epoch += 1
        return iter(self.loader)


def d2l_loaders(
    data: FashionMNIST, batch_size: int, seed: int = 0, num_workers: int = 0
) -> Tuple[D2LLoader, D2LLoader]:
    """Make the training and the test loader with ``d2l.load_data_fashion_mnist``.

    Parameters
    ----------
    data : FashionMNIST
        As `d2l_mlp.data.fashion_mnist.load` gives it.
    batch_size : int
        Examples a minibatch.
    seed : int, default 0
        Of the training set's order; 0 to 2**32 - 1.
    num_workers : int, default 0
        Processes that load examples; d2l itself would start 4, which is no faster.

    Returns
    -------
    tuple of D2LLoader
        Training and test; the minibatches are on the CPU.

    Raises
    ------
    ValueError
        If the batch size is not a positive integer, or processes are asked for that would hang.
    """
    from d2l import mxnet as d2l  # not above: it brings pandas and matplotlib

    check_integer("batch size", batch_size)
    if num_workers and os.environ.get("MXNET_ENGINE_TYPE") == "NaiveEngine":
        raise ValueError(
            f"num_workers is {num_workers}, but MXNET_ENGINE_TYPE is NaiveEngine, whose processes "
            "cannot be forked; give 0, or unset that variable"
        )
    use_verified_data(data)
    default = d2l.get_dataloader_workers
    d2l.get_dataloader_workers = lambda: num_workers
    try:
        train, test = d2l.load_data_fashion_mnist(batch_size)
    finally:
        d2l.get_dataloader_workers = default
    return D2LLoader(train, data.train, seed), D2LLoader(test, data.test, seed)
