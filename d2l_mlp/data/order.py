"""The order in which an epoch goes through its examples."""

import numpy


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
