"""What goes wrong when a nonlinearity sees a whole minibatch.

Exercise 5 asks for it. The activation functions of the chapter see one element at a time; the
example here standardizes each feature over the minibatch, which is the core of batch
normalization. Its problems are measured by functions that take any such operation.
"""

from __future__ import annotations

from typing import Callable

from mxnet import autograd, np

from d2l_mlp.data.checks import check_float
from d2l_mlp.rules import check_integer

Operation = Callable[[np.ndarray], np.ndarray]


def standardize(X: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """Bring every column of a minibatch to mean 0 and standard deviation 1.

    Exercise 5. A minibatch of one example becomes zeros, because it is its own mean.

    Parameters
    ----------
    X : mxnet.np.ndarray
        Of shape (n, features), its rows the examples.
    eps : float, default 1e-5
        Added to the variance. With 0, a column without variance gives NaN.

    Returns
    -------
    mxnet.np.ndarray
        Of the same shape.

    Raises
    ------
    ValueError
        If `X` is not a minibatch.
    """
    _check_minibatch(X)
    centred = X - X.mean(axis=0)
    return centred / np.sqrt((centred * centred).mean(axis=0) + eps)


def influence(operation: Operation, X: np.ndarray, example: int) -> np.ndarray:
    """Measure how much the output of one example depends on each example of its minibatch.

    Exercise 5, first problem: the prediction for an example depends on its neighbours, and so does
    its gradient. For an elementwise activation only its own influence is not 0.

    Parameters
    ----------
    operation : callable
        Maps a minibatch to one of the same shape, differentiably.
    X : mxnet.np.ndarray
        The minibatch, of shape (n, features), of floats.
    example : int
        Row of the output.

    Returns
    -------
    mxnet.np.ndarray
        Of shape (n,): for each row the largest absolute value of the derivatives of the sum of
        the example's outputs with respect to the inputs in that row.

    Raises
    ------
    ValueError
        If `X` is not a minibatch of floats.
    """
    _check_minibatch(X)
    check_float(X.dtype)
    X = X.copy()
    X.attach_grad()
    with autograd.record():
        output = operation(X)[example].sum()
    output.backward()
    return np.abs(X.grad).max(axis=1)


def split_gap(operation: Operation, X: np.ndarray, batch_size: int) -> float:
    """Measure how much the outputs change when the same examples come in smaller minibatches.

    Exercise 5, second problem: training goes through minibatches, a test perhaps through the
    whole set at once, and a deployed net through one example at a time; the same net gives
    different results. For an elementwise activation the gap is 0.

    Parameters
    ----------
    operation : callable
        Maps a minibatch to one of the same shape.
    X : mxnet.np.ndarray
        All examples, of shape (n, features).
    batch_size : int
        Examples a minibatch, at least 1; the last one may be shorter.

    Returns
    -------
    float
        Largest absolute difference between the outputs for all at once and in minibatches.

    Raises
    ------
    ValueError
        If the batch size is not a positive integer, or `X` is not a minibatch.
    """
    _check_minibatch(X)
    check_integer("batch size", batch_size)
    parts = [operation(X[i : i + batch_size]) for i in range(0, len(X), batch_size)]
    return np.abs(np.concatenate(parts) - operation(X)).max().item()


def _check_minibatch(X: np.ndarray) -> None:
    if X.ndim != 2 or not len(X):
        raise ValueError(f"X has the shape {X.shape}; give a minibatch, (n, features)")
