"""The multilayer perceptron: as a plain ``gluon.nn.Sequential``, and written out.

Chapter, section "Hidden Layers": fully connected layers stacked on top of each other, an
elementwise activation function after each hidden one, none after the output layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import mxnet
import numpy
from mxnet import gluon, init, np
from mxnet.gluon import nn

from d2l_mlp.activations import ACTIVATIONS, Activation, operators
from d2l_mlp.rules import Choice, Number, Several, check_integer, check_value

INITIALIZERS = {
    # Glorot & Bengio 2010: uniform in +-sqrt(6 / (fan_in + fan_out)).
    "xavier": init.Xavier(),
    # He et al. 2015: normal with variance 2 / fan_in.
    "he": init.MSRAPrelu(factor_type="in", slope=0.0),
    # What the book's first MLPs use: normal with standard deviation 0.01.
    "normal": init.Normal(0.01),
}
"""Initializers of the weights, by name; biases always start at 0."""


def build_mlp(
    hidden: Sequence[int] = (256, 256),
    num_outputs: int = 10,
    activation: str | None = "relu",
    *,
    num_inputs: int = 0,
    dropout: float = 0.0,
    initializer: str | None = "xavier",
    dtype: str = "float32",
    device: mxnet.Context | None = None,
) -> nn.Sequential:
    """Build and initialize an MLP.

    The parameters have the names and the order of the chapter's own net (``0.weight``,
    ``0.bias``, ``1.weight``, ...), so that a saved one loads into the other.

    Parameters
    ----------
    hidden : sequence of int, default (256, 256)
        Hidden units of each hidden layer. ``()`` is the chapter's softmax regression.
    num_outputs : int, default 10
        Classes; the net returns their logits, of shape (n, num_outputs).
    activation : str or None, default "relu"
        Of the hidden units, one of `d2l_mlp.activations.ACTIVATIONS`. None gives the MLP that
        collapses to a single layer. Each hidden layer of pReLU units learns a slope of its own.
    num_inputs : int, default 0
        Features of an example, after flattening; 0 takes them from the first minibatch.
    dropout : float, default 0
        Probability, less than 1, that a hidden unit is left out of a minibatch in training, by an
        ``nn.Dropout`` after each hidden layer (Srivastava et al. 2014).
    initializer : {"xavier", "he", "normal", None}, default "xavier"
        Of the weights; drawn from MXNet's generator, hence from ``mxnet.random.seed``. With None
        the parameters have their shapes, but no memory yet.
    dtype : {"float32", "float64"}, default "float32"
        Of the parameters, and so of the minibatches; float64 needs `num_inputs`.
    device : mxnet.Context, optional
        Where the parameters live; by default MXNet's current context.

    Returns
    -------
    gluon.nn.Sequential
        One ``Dense`` layer for each hidden layer and one for the output; with dropout, as the book
        writes it, its layers are numbered along. It refuses features of another dtype, such as
        uint8; unscaled floats it cannot tell from others (see `d2l_mlp.data.checks`).

    Raises
    ------
    ValueError
        If a size is not a positive integer, `dropout` no probability or a name unknown.
    """
    if check_value("dtype", dtype, Choice(("float32", "float64"))) != "float32" and not num_inputs:
        raise ValueError(f"num_inputs is {num_inputs!r}; give it, because dtype is {dtype}")
    hidden = check_value("hidden", hidden, Several(Number(int, least=1)))
    num_outputs = check_integer("num_outputs", num_outputs)
    num_inputs = check_integer("num_inputs", num_inputs, 0)
    dropout = check_dropout_rate(dropout)
    if activation is not None:
        check_value("activation", activation, Choice(tuple(ACTIVATIONS)))
    if initializer is not None:
        check_value("initializer", initializer, Choice(tuple(INITIALIZERS)))
    net = nn.Sequential()
    for units in hidden:
        layer = nn.Dense(units, in_units=num_inputs)
        if activation is not None:
            layer.act = ActivationLayer(activation)
        net.add(layer)
        if dropout:
            net.add(nn.Dropout(dropout))
        num_inputs = units
    net.add(nn.Dense(num_outputs, in_units=num_inputs))
    if initializer is not None:
        net.initialize(INITIALIZERS[initializer], ctx=device)
    if dtype != "float32":  # MXNet's initializers draw nothing else
        net.cast(dtype)
    return net


def check_dropout_rate(rate: float) -> float:
    """Check a probability to drop, of which MXNet takes single precision."""
    rate = check_value("dropout", rate, Number(float, least=0, below=1))
    if rate and not numpy.finfo("float32").tiny <= numpy.float32(rate) < 1:
        raise ValueError(f"dropout is {rate}, which is {numpy.float32(rate):g} in MXNet; round it")
    return rate


def check_dropout(block: gluon.Block) -> None:
    """Check an ``nn.Dropout``, for ``net.apply``; MXNet makes NaN of 1, and others of negatives."""
    if isinstance(block, nn.Dropout):
        check_dropout_rate(block._rate)


def forward(
    X: np.ndarray,
    weights: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    activation: str | Callable[[np.ndarray], np.ndarray] | None = "relu",
) -> np.ndarray:
    r"""Write out the forward pass of an MLP with any number of hidden layers.

    Chapter, sections "From Linear to Nonlinear" and "Vectorization and Minibatch": every hidden
    layer is :math:`\mathbf{H}_l = \sigma(\mathbf{H}_{l-1} \mathbf{W}_l^\top + \mathbf{b}_l)`, with
    :math:`\mathbf{H}_0 = \mathbf{X}`, and the output layer the same without :math:`\sigma`.

    Parameters
    ----------
    X : mxnet.np.ndarray
        A minibatch of shape (n, num_inputs), its rows the examples, or one example of shape
        (num_inputs,).
    weights, biases : sequence of mxnet.np.ndarray
        Of each layer, from the inputs to the outputs, as Gluon's ``Dense`` has them: of shapes
        (units, inputs) and (units,).
    activation : str, callable or None, default "relu"
        Elementwise function of the hidden units, or its name in `d2l_mlp.activations.ACTIVATIONS`.
        "prelu" has the slope it starts at; for another, give ``partial(prelu, alpha=...)``.

    Returns
    -------
    mxnet.np.ndarray
        Logits, of shape (n, num_outputs) or (num_outputs,), which is what a Gluon net returns
        too; the probabilities are their `softmax`.

    Raises
    ------
    ValueError
        If the shapes do not fit together or the activation is unknown.
    """
    if isinstance(activation, str):
        check_value("activation", activation, Choice(tuple(ACTIVATIONS)))
        activation = ACTIVATIONS[activation].function
    if len(weights) != len(biases) or not len(weights):
        raise ValueError(f"{len(weights)} weights and {len(biases)} biases; give each layer both")
    H = X
    for layer, (W, b) in enumerate(zip(weights, biases)):
        if H.ndim not in (1, 2) or W.shape[1:] != H.shape[-1:] or b.shape != W.shape[:1]:
            raise ValueError(
                f"layer {layer} has inputs of shape {H.shape}, weights {W.shape} and biases "
                f"{b.shape}; give (n, inputs) or (inputs,), (units, inputs) and (units,)"
            )
        H = np.dot(H, W.T) + b
        if layer < len(weights) - 1 and activation is not None:
            H = activation(H)
    return H


def softmax(O: np.ndarray) -> np.ndarray:  # noqa: E741 (the chapter's name)
    r"""Turn logits into probabilities, row by row: :math:`\exp(o_j) / \sum_k \exp(o_k)`.

    Parameters
    ----------
    O : mxnet.np.ndarray
        Logits of shape (n, num_outputs), or (num_outputs,) of one example.

    Returns
    -------
    mxnet.np.ndarray
        Of the same shape; every row is nonnegative and sums to 1.
    """
    _, O = operators(O)  # noqa: E741
    # The largest logit cancels in the fraction, and without it no exponential can overflow.
    E = np.exp(O - O.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


class ActivationLayer(nn.HybridBlock):
    """One of `d2l_mlp.activations.ACTIVATIONS` as a layer, with its learnable parameters.

    Not ``nn.Activation``, whose ReLU turns NaN into 0 and so hides a broken input, nor
    ``nn.PReLU``, which computes in single precision. A parameter, such as alpha, is of shape (1,).

    Parameters
    ----------
    name : str
        Of the activation; the attribute `activation` is its description.
    """

    def __init__(self, name: str):
        super().__init__()
        self.activation: Activation = ACTIVATIONS[name]
        for parameter, value in self.activation.parameters.items():
            start = init.Constant(value)
            setattr(self, parameter, self.params.get(parameter, shape=(1,), init=start))

    def hybrid_forward(self, F: Any, x: np.ndarray, **parameters: np.ndarray) -> np.ndarray:
        """Apply it, to arrays or in a graph."""
        return self.activation.function(x, **parameters)

    def __repr__(self) -> str:
        return self.activation.name
