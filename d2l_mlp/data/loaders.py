"""Minibatches gathered from arrays in memory."""

# DOC(data.features): Features made of images.

# DOC(data.order): The order in which an epoch goes through its examples.

# DOC(data.gathering): Gather examples into a minibatch: on a CPU by NumPy, which does it in half of MXNet's time.

# DOC(data.validation): A validation set, held out of the training set, so that the test set stays unseen.

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Callable

import mxnet
import numpy
from mxnet import np, npx

from d2l_mlp.data.checks import check_features, check_labels
from d2l_mlp.data.fashion_mnist import FashionMNIST
from d2l_mlp.hardware.host_arrays import HostMemory, Reused, is_on_host, shallow_copy
from d2l_mlp.rules import Number, check_integer, check_value


def to_features(
    images: numpy.ndarray | np.ndarray, device: mxnet.Context | None = None
) -> np.ndarray:
    """Make the features that a net is given of images.

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
    images = images.asnumpy() if isinstance(images, np.ndarray) else numpy.asarray(images)
    if images.dtype != numpy.uint8 or images.shape[-2:] != (28, 28) or images.ndim not in (2, 3):
        raise ValueError(
            f"images are {images.dtype} of shape {images.shape}; give uint8, 0 to 255, "
            "of shape (n, 28, 28)"
        )
    X = np.array(images.reshape(-1, 1, 28, 28), dtype="uint8", ctx=device).astype("float32")
    X /= 255  # not times 1/255, which rounds otherwise: the book's loaders divide
    return X


def epoch_order(n: int, seed: int, epoch: int) -> numpy.ndarray:
    """Draw the order of an epoch's examples, which follows from its arguments alone.

    Parameters
    ----------
    n : int
        Examples.
    seed : int
        0 to 2**32 - 1.
    epoch : int
        From 0.

    Returns
    -------
    numpy.ndarray
        0 to n - 1 in another order, of shape (n,), int64.
    """
    # RandomState's stream is frozen (NEP 19): the order is the same under every NumPy.
    return numpy.random.RandomState([seed, epoch]).permutation(n)


def gatherer(X: numpy.ndarray | np.ndarray, device: mxnet.Context) -> Callable[..., np.ndarray]:
    """Give a function that gathers examples.

    Parameters
    ----------
    X : numpy.ndarray or mxnet.np.ndarray
        NumPy's: grey images, uint8 of shape (n, 28, 28). MXNet's: features of shape (n, ...), or
        labels (n,).
    device : mxnet.Context
        Where `X` is, and the features that are gathered.

    Returns
    -------
    callable
        Maps the numbers of examples (m,) to their features: of images those that
        `d2l_mlp.data.loaders.to_features` makes, of shape (m, 1, 28, 28), bit for bit. On the host
        it may also be given the `HostMemory` of an array of m others, to be overwritten.
    """
    if isinstance(X, numpy.ndarray):
        return partial(_scale, X, device)
    if is_on_host(device):
        return partial(_copy_rows, HostMemory(X), device)
    return lambda rows: X.take(np.array(rows, dtype="int32", ctx=device), axis=0)


def _scale(
    images: numpy.ndarray, device: mxnet.Context, rows: numpy.ndarray,
    out: HostMemory | None = None,
) -> np.ndarray:  # fmt: skip
    if out is None:
        out = HostMemory(np.empty((len(rows), 1, 28, 28), ctx=device))
    pixels = images.take(rows, axis=0)[:, None]
    numpy.divide(pixels, 255, out=out.view(), dtype="float32")
    return out.array


def _copy_rows(
    X: HostMemory, device: mxnet.Context, rows: numpy.ndarray, out: HostMemory | None = None
) -> np.ndarray:
    if out is None:
        out = HostMemory(np.empty((len(rows), *X.array.shape[1:]), dtype=X.array.dtype, ctx=device))
    # The numbers are right; "clip" is how NumPy is told to write at once where it shall.
    X.view().take(rows, axis=0, out=out.view(), mode="clip")
    return out.array


_STREAM = 2**32 - 1  # apart from those of the epochs' orders, which follow from (seed, epoch)


def hold_out(data: FashionMNIST, share: float, seed: int) -> FashionMNIST:
    """Hold out a part of the training set, with the same share of every class.

    Parameters
    ----------
    data : FashionMNIST
        As `d2l_mlp.data.fashion_mnist.load_fashion_mnist` gives it.
    share : float
        Of each class, greater than 0 and less than 1; rounded to whole examples.
    seed : int
        Of the draw; 0 to 2**32 - 1.

    Returns
    -------
    FashionMNIST
        With the rest of the training set as its training set, and what was held out in the place
        of its test set; both in their old order.

    Raises
    ------
    ValueError
        If the share is not between 0 and 1, or leaves a part without examples.
    """
    share = check_value("share", share, Number(float, above=0, below=1))
    images, labels = data.train
    random = numpy.random.RandomState([seed, _STREAM])
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

_AT_ONCE = 1024  # examples, whose features the processor's caches hold


class ArrayLoader:
    """Minibatches (X, y), one pass an epoch, whose order follows from (seed, epoch) alone.

    A run can so be resumed in its middle, and processes that train together agree on the order
    without a word: with `num_parts` of them, the one of number `rank` gets of each minibatch the
    rows ``rank::num_parts``. All parts together have exactly the minibatches of one process, and as
    many: of a minibatch with fewer examples than parts, some get none.

    Parameters
    ----------
    X : numpy.ndarray or mxnet.np.ndarray
        Features, floats of shape (n, ...); NumPy's become float32, MXNet's stay as they are. Or
        grey images, uint8 of shape (n, 28, 28), of which `d2l_mlp.data.loaders.to_features` makes
        features; on a CPU they stay bytes until then.
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
        Number of the epoch that the next iteration gives, from 0.
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
        images = isinstance(X, numpy.ndarray) and X.dtype == "uint8" and X.shape[1:] == (28, 28)
        images = images and len(X) > 0  # what has none is refused as features are
        if images and not is_on_host(device):
            X = to_features(X, device)
        elif not images:
            check_features(X, dtype=None if isinstance(X, np.ndarray) else "float32")
            if not isinstance(X, np.ndarray):
                X = np.array(X, dtype="float32", ctx=device)
            X = X.as_in_ctx(device)
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
        self.batch_size = batch_size
        self.minibatch_size = min(batch_size, len(y))
        self.seed = seed
        self.rank, self.num_parts = rank, num_parts
        self.epoch = 0

    @property
    def arrays(self) -> Minibatch:
        """All of (X, y), unshuffled and undivided; of images made anew at each reading."""
        X = self._X
        return to_features(X, self._device) if isinstance(X, numpy.ndarray) else X, self._y

    def pieces(self) -> Iterator[Minibatch]:
        """Give what `arrays` has, a piece at a time: features of images take a lot of memory."""
        gather = gatherer(self._X, self._device)
        numbers = numpy.arange(len(self._y))
        for start in range(0, len(numbers), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            yield gather(numbers[rows]), self._y[rows]

    def __len__(self) -> int:
        return -(-len(self._y) // self.batch_size)

    def __iter__(self) -> Iterator[Minibatch]:
        order, y = self._next_order(), self._y
        # At once, unlike the features, which would not fit the caches.
        y = y.take(np.array(order, dtype="int32", ctx=y.ctx), axis=0)
        gather = gatherer(self._X, self._device)
        for rows in self._rows():
            yield gather(order[rows]), y[rows]

    def in_place(self, memory: dict[int, list[HostMemory]]) -> Iterator[Minibatch]:
        """Iterate for one who is done with a minibatch when the next one comes.

        Parameters
        ----------
        memory : dict of int to list of HostMemory
            Kept from epoch to epoch, empty at first; not used but on the host.

        Yields
        ------
        X, y : mxnet.np.ndarray
            On the host, the same two arrays for all minibatches of a size.
        """
        if not is_on_host(self._device):
            yield from self
            return
        order = self._next_order()
        gatherers = [gatherer(array, self._device) for array in (self._X, self._y)]
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
        mine = order % self.batch_size % self.num_parts == self.rank
        if self.seed is not None:
            order = epoch_order(len(order), self.seed, self.epoch)
        self.epoch += 1
        return order[mine]

    def _rows(self) -> Iterator[slice]:
        """Give the rows of each minibatch, in an epoch's order."""
        share = len(range(self.rank, self.minibatch_size, self.num_parts))
        return (slice(i * share, (i + 1) * share) for i in range(len(self)))


def array_loaders(
    data: FashionMNIST, batch_size: int, seed: int = 0, device: mxnet.Context | None = None
) -> tuple[ArrayLoader, ArrayLoader]:
    """Make the training and the test loader that gather whole minibatches in memory.

    Parameters
    ----------
    data : FashionMNIST
        As `d2l_mlp.data.fashion_mnist.load_fashion_mnist` gives it.
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

    def loader(
        examples: tuple[numpy.ndarray, numpy.ndarray], seed: int | None = None
    ) -> ArrayLoader:
        images, labels = examples
        return ArrayLoader(images, labels, batch_size, seed, device)

    return loader(data.train, seed), loader(data.test)
