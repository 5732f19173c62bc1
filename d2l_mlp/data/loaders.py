"""Minibatches gathered from arrays in memory, and a validation set held out of the training set.

On a CPU, NumPy gathers a minibatch in half of MXNet's time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

import mxnet
import numpy
from mxnet import np, npx

from d2l_mlp.data.checks import check_features, check_labels, to_numpy
from d2l_mlp.data.fashion_mnist import FashionMNIST
from d2l_mlp.hardware.host_arrays import HostMemory, Reused, is_on_host, shallow_copy
from d2l_mlp.rules import Number, check_integer, check_value


def to_features(
    images: numpy.ndarray | np.ndarray, device: mxnet.Context | None = None
) -> np.ndarray:
    """Return the features of images, which a net takes.

    Parameters
    ----------
    images : numpy.ndarray or mxnet.np.ndarray
        Grey values, uint8 of shape (n, 28, 28), or (28, 28) for one image.
    device : mxnet.Context, optional
        Where the features live; by default MXNet's current context.

    Returns
    -------
    mxnet.np.ndarray
        Divided by 255, float32 in [0, 1] of shape (n, 1, 28, 28): bit for bit those of the book's
        loaders.

    Raises
    ------
    ValueError
        If the images have another dtype or shape.
    """
    images = to_numpy(images)
    if images.dtype != numpy.uint8 or images.shape[-2:] != (28, 28) or images.ndim not in (2, 3):
        raise ValueError(
            f"images are {images.dtype} of shape {images.shape}; give uint8, 0 to 255, "
            "of shape (n, 28, 28)"
        )
    X = np.array(images.reshape(-1, 1, 28, 28), dtype="uint8", ctx=device).astype("float32")
    X /= 255  # not times 1/255, which rounds otherwise: the book's loaders divide
    return X


def epoch_order(n: int, seed: int, epoch: int) -> numpy.ndarray:
    """Return the order of an epoch's n examples, which follows from (seed, epoch) alone."""
    # RandomState's stream is frozen (NEP 19): the order is the same under every NumPy.
    return numpy.random.RandomState([seed, epoch]).permutation(n)


def _gatherer(X: numpy.ndarray | np.ndarray, device: mxnet.Context) -> Callable[..., np.ndarray]:
    """Return a function that gathers rows, by their numbers (m,), into an array (m, ...).

    NumPy's X are uint8 images, of which the features are gathered, bit for bit those of
    `to_features`. On the host, `out` may be the `HostMemory` of an array that is overwritten.
    """
    images = isinstance(X, numpy.ndarray)
    if not images and not is_on_host(device):
        return lambda rows: X.take(np.array(rows, dtype="int32", ctx=device), axis=0)
    memory = None if images else HostMemory(X)
    shape, dtype = ((1, 28, 28), "float32") if images else (X.shape[1:], X.dtype)

    def gather(rows: numpy.ndarray, out: HostMemory | None = None) -> np.ndarray:
        if out is None:
            out = HostMemory(np.empty((len(rows), *shape), dtype=dtype, ctx=device))
        if memory is None:
            numpy.divide(X.take(rows, axis=0)[:, None], 255, out=out.view(), dtype="float32")
        else:  # with "clip" NumPy writes to `out` without a buffer; the numbers are in range
            memory.view().take(rows, axis=0, out=out.view(), mode="clip")
        return out.array

    return gather


def hold_out(data: FashionMNIST, share: float, seed: int) -> FashionMNIST:
    """Return a data set whose test set is held out of the training set, class by class.

    Parameters
    ----------
    data : FashionMNIST
        From `load_fashion_mnist`.
    share : float
        Of each class, greater than 0 and less than 1; rounded to whole examples.
    seed : int
        Of the draw; 0 to 2**32 - 1.

    Returns
    -------
    FashionMNIST
        With the rest as its training set and the held-out examples as its test set; both keep
        their order.

    Raises
    ------
    ValueError
        If the share is not between 0 and 1, or one part has no example.
    """
    share = check_value("share", share, Number(float, above=0, below=1))
    images, labels = data.train
    random = numpy.random.RandomState([seed, 2**32 - 1])  # no epoch's order has this number
    held = numpy.zeros(len(labels), dtype=bool)
    for label in numpy.unique(labels):
        rows = numpy.flatnonzero(labels == label)
        held[random.choice(rows, round(share * len(rows)), replace=False)] = True
    if held.all() or not held.any():
        raise ValueError(
            f"a share of {share} of {len(labels):,} examples leaves one part without any; "
            "give one that is closer to 0.5"
        )
    train, validation = ((images[part], labels[part]) for part in (~held, held))
    return data._replace(train=train, test=validation)


Minibatch = tuple[np.ndarray, np.ndarray]


class ArrayLoader:
    """Minibatches (X, y), one pass an epoch, whose order follows from (seed, epoch) alone.

    So a run can be resumed, and distributed workers agree on the order: with `num_parts` of them,
    worker `rank` gets the rows ``rank::num_parts`` of each minibatch. All parts together have the
    minibatches of one process, and as many: of a minibatch with fewer examples than parts, some get
    none.

    Parameters
    ----------
    X : numpy.ndarray or mxnet.np.ndarray
        Features, floats of shape (n, ...); NumPy's become float32, MXNet's stay as they are. Or
        grey images, uint8 of shape (n, 28, 28), whose features are those of `to_features`; on a
        CPU they stay bytes until a minibatch is gathered.
    y : numpy.ndarray or mxnet.np.ndarray
        Labels, whole numbers of shape (n,); NumPy's become int32, MXNet's stay as they are.
    batch_size : int
        Examples a minibatch, over all parts; the last one of an epoch may be shorter.
    seed : int, optional
        Shuffle each epoch, in an order that follows from (seed, epoch); without it, keep the order.
    device : mxnet.Context, optional
        Where the arrays live; by default MXNet's current context.
    rank : int, default 0
        Which part this is.
    num_parts : int, default 1
        Into how many each minibatch is divided.

    Attributes
    ----------
    epoch : int
        Number of the next epoch, from 0.
    minibatch_size : int
        Examples of a full minibatch, over all parts: `batch_size`, or n if that is less.

    Raises
    ------
    ValueError
        If the features or labels are refused by `d2l_mlp.data.checks` or differ in length, the
        batch size is not a positive integer, or `rank` is not one of the parts.
    """

    def __init__(
        self, X: numpy.ndarray | np.ndarray, y: numpy.ndarray | np.ndarray,
        batch_size: int, seed: int | None = None, device: mxnet.Context | None = None,
        rank: int = 0, num_parts: int = 1,
    ):  # fmt: skip
        device = device or mxnet.current_context()
        X, y = (a if isinstance(a, np.ndarray) else to_numpy(a) for a in (X, y))
        if isinstance(X, np.ndarray):
            check_features(X)
            X = X.as_in_ctx(device)
        elif X.dtype != "uint8" or X.shape[1:] != (28, 28) or not len(X):
            check_features(X, dtype="float32")
            X = np.array(X, dtype="float32", ctx=device)
        elif not is_on_host(device):
            X = to_features(X, device)
        check_labels(y)
        if len(X) != len(y):
            raise ValueError(f"{len(X)} examples but {len(y)} labels; give each example one")
        batch_size = check_integer("batch size", batch_size)
        num_parts = check_integer("num_parts", num_parts)
        rank = check_integer("rank", rank, 0)
        if rank >= num_parts:
            raise ValueError(
                f"rank is {rank}; give 0 to {num_parts - 1}, num_parts being {num_parts}"
            )
        if not isinstance(y, np.ndarray):
            y = np.array(y, dtype="int32", ctx=device)
        self._X, self._y, self._device = X, y.as_in_ctx(device), device
        self.minibatch_size: int = min(batch_size, len(y))
        self.seed = seed
        self.rank: int = rank
        self.num_parts = num_parts
        self.epoch: int = 0

    @property
    def arrays(self) -> Minibatch:
        """All of (X, y), unshuffled and undivided; of images made anew at each reading."""
        X = self._X
        return to_features(X, self._device) if isinstance(X, numpy.ndarray) else X, self._y

    @property
    def labels(self) -> np.ndarray:
        """All labels, unshuffled and undivided."""
        return self._y

    @property
    def first_example(self) -> np.ndarray:
        """Features of the first example, of shape (1, ...)."""
        return _gatherer(self._X, self._device)(numpy.zeros(1, int))

    def __len__(self) -> int:
        return -(-len(self._y) // self.minibatch_size)

    def __iter__(self) -> Iterator[Minibatch]:
        order, y = self._next_order(), self._y
        # At once, unlike the features, which would not fit the caches.
        y = y.take(np.array(order, dtype="int32", ctx=y.ctx), axis=0)
        gather = _gatherer(self._X, self._device)
        for rows in self._rows():
            yield gather(order[rows]), y[rows]

    def in_place(self, memory: dict[int, list[HostMemory]]) -> Iterator[Minibatch]:
        """Iterate over minibatches that, on the host, overwrite each other.

        All of one size are the same two arrays, in `memory`, which is kept from epoch to epoch.
        """
        if not is_on_host(self._device):
            yield from self
            return
        order = self._next_order()
        gatherers = [_gatherer(array, self._device) for array in (self._X, self._y)]
        for rows in self._rows():
            numbers = order[rows]
            if len(numbers) in memory:
                npx.waitall()  # something may still read the minibatch before
                for gather, out in zip(gatherers, memory[len(numbers)]):
                    gather(numbers, out)
            else:
                arrays = [shallow_copy(gather(numbers), Reused) for gather in gatherers]
                memory[len(numbers)] = [HostMemory(array) for array in arrays]
            X, y = memory[len(numbers)]
            yield X.array, y.array

    def _next_order(self) -> numpy.ndarray:
        order = numpy.arange(len(self._y))
        mine = order % self.minibatch_size % self.num_parts == self.rank
        if self.seed is not None:
            order = epoch_order(len(order), self.seed, self.epoch)
        self.epoch += 1
        return order[mine]

    def _rows(self) -> Iterator[slice]:
        """Return the rows of each minibatch in the order of an epoch."""
        share = len(range(self.rank, self.minibatch_size, self.num_parts))
        return (slice(i * share, (i + 1) * share) for i in range(len(self)))


def array_loaders(
    data: FashionMNIST, batch_size: int, seed: int = 0, device: mxnet.Context | None = None
) -> tuple[ArrayLoader, ArrayLoader]:
    """Return a training and a test loader that gather whole minibatches in memory.

    Parameters
    ----------
    data : FashionMNIST
        From `load_fashion_mnist`.
    batch_size : int
        Examples a minibatch.
    seed : int, default 0
        Of the training set's order; 0 to 2**32 - 1. The test set keeps its own.
    device : mxnet.Context, optional
        Where the arrays live; by default MXNet's current context.

    Returns
    -------
    tuple of ArrayLoader
        Training and test; images are float32 of shape (n, 1, 28, 28), labels int32.

    Raises
    ------
    ValueError
        If the batch size is not a positive integer.
    """
    train = ArrayLoader(*data.train, batch_size, seed, device)
    return train, ArrayLoader(*data.test, batch_size, device=device)
