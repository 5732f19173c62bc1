r"""Why an MLP needs its nonlinearity: without it, depth adds nothing and a bottleneck takes away.

Chapter, section "From Linear to Nonlinear" and exercise 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy
from mxnet import gluon

from d2l_mlp.rules import check_integer
from d2l_mlp.theory.weights import read_layers


class Bottleneck(NamedTuple):
    """The two layers without activation that come closest to one layer of weight W."""

    W1: numpy.ndarray  # of the narrow layer, of shape (num_hidden, inputs), or of fewer rows
    W2: numpy.ndarray  # of the output layer, of shape (outputs, num_hidden), or of fewer columns
    error: float  # Frobenius norm of W - W2 @ W1


def collapse(net: gluon.Block) -> tuple[numpy.ndarray, numpy.ndarray]:
    r"""Collapse an MLP without activation functions into the single layer that it equals.

    Chapter, section "From Linear to Nonlinear": two layers are one, with
    :math:`\mathbf{W} = \mathbf{W}_2 \mathbf{W}_1` and
    :math:`\mathbf{b} = \mathbf{W}_2 \mathbf{b}_1 + \mathbf{b}_2`; and so on for any depth.

    Parameters
    ----------
    net : gluon.Block
        What `d2l_mlp.theory.weights.read_layers` reads, such as ``build_mlp(activation=None)``.

    Returns
    -------
    W : numpy.ndarray
        Of shape (outputs, inputs), float64.
    b : numpy.ndarray
        Of shape (outputs,), float64; the net's logits are ``X @ W.T + b``.

    Raises
    ------
    ValueError
        If a layer has an activation function, or is not one that `read_layers` reads.
    """
    (W, b, *_), *others = layers = read_layers(net)
    for layer in layers:
        if layer.activation is not None:
            raise ValueError(
                f"{layer.name} is not linear, so the net does not collapse into one layer; "
                "build it with activation=None"
            )
    for layer in others:
        W, b = layer.weight @ W, layer.weight @ b + layer.bias
    return W, b


def rank(net: gluon.Block) -> int:
    """Count the independent directions that get through an MLP without activation functions.

    Exercise 4: it cannot exceed the units of the narrowest layer, such as d/2, whereas a single
    layer of d inputs and d outputs reaches d. This is why the bottleneck is less expressive.

    Parameters
    ----------
    net : gluon.Block
        As for `collapse`, with the same errors.

    Returns
    -------
    int
        Numerical rank of the collapsed weight: how many of its singular values are larger than
        what rounding in float64 can make of 0.
    """
    W, _ = collapse(net)
    weights = [layer.weight for layer in read_layers(net)]
    # Of a product of matrices, the rounding errors are in proportion to its factors, not to
    # itself: the tolerance of matrix_rank's own would take them for directions.
    scale = numpy.prod([numpy.linalg.norm(weight) for weight in weights])
    terms = sum(weight.shape[1] for weight in weights)
    return int(numpy.linalg.matrix_rank(W, tol=terms * numpy.finfo("float64").eps * scale))


def best_bottleneck(W: numpy.ndarray, num_hidden: int) -> Bottleneck:
    r"""Find the best two layers of a given width, without activation, in place of a single one.

    Exercise 4. The single layer represents every `W`; the two layers represent it only if its
    rank is at most `num_hidden`. Otherwise the smallest possible error consists of the singular
    values of `W` that are left out (Eckart and Young 1936, Psychometrika 1):
    :math:`\|\mathbf{W} - \mathbf{W}_2 \mathbf{W}_1\|_F^2 \geq \sum_{i > k} \sigma_i^2` with
    :math:`k` hidden units. For the identity of d inputs and d/2 hidden units that is d/2.

    Parameters
    ----------
    W : array_like
        Weight of the single layer, of shape (outputs, inputs).
    num_hidden : int
        Units of the narrow layer, at least 1.

    Returns
    -------
    Bottleneck
        A best choice of both weights, and its error. The square of the error is also the mean
        squared distance of the two outputs, for inputs that are independent, of mean 0 and
        variance 1, and when the biases are equal.

    Raises
    ------
    ValueError
        If `W` is not a matrix of finite numbers or `num_hidden` not a positive integer.

    Examples
    --------
    >>> round(best_bottleneck(numpy.eye(8), 4).error ** 2, 12)
    4.0
    """
    W = numpy.asarray(W, "float64")
    if W.ndim != 2 or not numpy.isfinite(W).all():
        raise ValueError(f"W has the shape {W.shape}; give a matrix of finite numbers")
    check_integer("num_hidden", num_hidden)
    U, sigma, Vt = numpy.linalg.svd(W, full_matrices=False)
    kept = slice(num_hidden)
    error = float(numpy.linalg.norm(sigma[num_hidden:]))
    return Bottleneck(Vt[kept], U[:, kept] * sigma[kept], error)
