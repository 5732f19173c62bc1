"""Logic gates as nets: what two layers compute and one cannot.

Chapter, section "From Linear to Nonlinear": hidden units can be set by hand to compute with their
inputs, for which the chapter names the logic of two truth values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy
from mxnet.gluon import nn

from d2l_mlp.theory.weights import relu_net

INPUTS = numpy.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
"""The four pairs of truth values, in the order of a truth table."""

GATES: Mapping[str, tuple[int, int, int, int]] = MappingProxyType(
    {"and": (0, 0, 0, 1), "or": (0, 1, 1, 1), "nand": (1, 1, 1, 0), "xor": (0, 1, 1, 0)}
)
"""Truth tables: the output of each gate for `INPUTS`."""


def logic_net(table: Sequence[int]) -> nn.Sequential:
    """Set the weights of a ReLU net by hand, so that it computes a logic gate.

    Three hidden units are enough for any gate of two inputs: ``relu(x1)`` and ``relu(x2)``
    let the inputs through, and ``relu(x1 + x2 - 1)`` is 1 only if both are, which is AND. Every
    function of two truth values is a weighted sum of 1, x1, x2 and x1 AND x2.

    Parameters
    ----------
    table : sequence of int or bool
        The gate's four truth values for `INPUTS`, such as ``GATES["xor"]``.

    Returns
    -------
    gluon.nn.Sequential
        Of 2 inputs, 3 hidden units and 1 output, in float64. Its output for `INPUTS` is the
        table exactly.

    Raises
    ------
    ValueError
        If the table is not four times 0 or 1.
    """
    f00, f01, f10, f11 = _check(table)
    return relu_net(
        [
            ([[1, 0], [0, 1], [1, 1]], [0, 0, -1]),
            ([[f10 - f00, f01 - f00, f11 - f10 - f01 + f00]], [f00]),
        ]
    )


def separating_layer(table: Sequence[int]) -> tuple[numpy.ndarray, float] | None:
    """Find the single layer that separates a gate's true inputs from its false ones.

    14 of the 16 gates have one. XOR and its negation have none: whatever ``w`` and ``b`` are,
    ``o(x) = w @ x + b`` satisfies ``o(0, 0) + o(1, 1) == o(0, 1) + o(1, 0)``; for XOR the right
    side would have to be positive and the left side not.

    Parameters
    ----------
    table : sequence of int or bool
        As for `logic_net`, with the same error.

    Returns
    -------
    w : numpy.ndarray
        Of shape (2,).
    b : float
        ``w @ x + b`` is positive where the gate is true and negative where it is false.
        Instead of both, None if no single layer does that.
    """
    signs = 2 * numpy.array(_check(table)) - 1
    # The least squares fit to the signs separates whatever can be separated: if one input of
    # the four differs it is +-(1/2, 1/2, 1/2, 3/2), with two of each in neighbouring corners
    # the signs themselves, and only with two in opposite corners 0.
    w = signs @ (2 * INPUTS - 1) / 2
    b = float(signs.mean() - w.sum() / 2)
    return (w, b) if (signs * (INPUTS @ w + b) > 0).all() else None


def _check(table: Sequence[int]) -> list[int]:
    if len(table) != 4 or any(value not in (0, 1) for value in table):
        raise ValueError(f"the truth table is {table!r}; give four values of 0 or 1")
    return [int(value) for value in table]  # NumPy's would not become negative, or not be added
