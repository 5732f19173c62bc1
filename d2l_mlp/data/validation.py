"""A validation set, held out of the training set, so that the test set stays unseen."""

import numpy

from d2l_mlp.data.reader import FashionMNIST
from d2l_mlp.runtime.rules import Number, check

_STREAM = 2**32 - 1  # apart from those of the epochs' orders, which follow from (seed, epoch)


def hold_out(data: FashionMNIST, share: float, seed: int) -> FashionMNIST:
    """Hold out a part of the training set, with the same share of every class.

    Parameters
    ----------
    data : FashionMNIST
        As `d2l_mlp.data.fashion_mnist.load` gives it.
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
    share = check("share", share, Number(float, above=0, below=1))
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
