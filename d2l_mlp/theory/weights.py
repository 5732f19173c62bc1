"""From a Gluon net to the matrices of the chapter's formulas, and back.

What the chapter proves about nets, it proves about their weights. The other modules here work on
these matrices in float64, where the proofs hold to the last digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy
from mxnet import gluon, np
from mxnet.gluon import nn

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.mlp import ActivationLayer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike  # not in NumPy 1.17 to 1.19


class Layer(NamedTuple):
    """A fully connected layer, ``activation(X @ weight.T + bias)``, in float64."""

    weight: numpy.ndarray  # of shape (units, inputs)
    bias: numpy.ndarray  # of shape (units,)
    activation: str | None  # one of `ACTIVATIONS`, or None, as in most output layers
    alpha: numpy.ndarray  # slope of "prelu" for negative arguments, of shape (units,); else 0
    name: str  # in messages, such as "layer 0, Dense(4 -> 5, relu)"


def read_layers(net: gluon.Block) -> list[Layer]:
    """Copy the fully connected layers of a net, from the inputs to the outputs.

    The net is a sequence of ``nn.Dense``, as `build_mlp` makes it or as the book writes it; each
    may be followed by ``nn.Activation``, ``nn.PReLU`` or `ActivationLayer`. Any other layer is
    refused, and parameters that are not initialized or not finite.
    """
    layers: list[Layer] = []
    for name, block in _walk(net):
        if isinstance(block, nn.Dense):
            layers.append(_read_dense(block, name))
            block = block.act
        elif not layers or layers[-1].activation is not None:
            raise ValueError(f"{name} does not follow a Dense layer directly; put it after one")
        if block is not None:
            layers[-1] = _with_activation(layers[-1], block, name)
    if not layers:
        raise ValueError(f"{net!r} has no Dense layer; add one")
    return layers


def relu_net(layers: Sequence[tuple[ArrayLike, ArrayLike]]) -> nn.Sequential:
    """Build a ReLU net, in float64, of the (weight, bias) of each layer; the last is the output."""
    net = nn.Sequential()
    for weight, bias in layers:
        weight = numpy.asarray(weight, "float64")
        units, inputs = weight.shape
        dense = nn.Dense(units, in_units=inputs, dtype="float64", weight_initializer="zeros")
        dense.initialize()
        dense.weight.set_data(np.array(weight, dtype="float64"))
        dense.bias.set_data(np.array(bias, dtype="float64"))
        if len(net) < len(layers) - 1:
            dense.act = ActivationLayer("relu")
        net.add(dense)
    return net


def _walk(block: gluon.Block, path: str = "") -> Iterator[tuple[str, gluon.Block]]:
    """Yield every layer that holds no others, with a name for it."""
    if type(block) not in (nn.Sequential, nn.HybridSequential):  # others may compute otherwise
        if isinstance(block, nn.Dropout):
            return  # the identity, except in training
        text = " ".join(repr(block).split())
        known = (nn.Dense, nn.Activation, nn.PReLU, ActivationLayer)
        if type(block) not in known:
            raise ValueError(f"layer {path or 0}, {text}, is neither Dense nor an activation")
        yield f"layer {path or 0}, {text}", block
        return
    for i, child in enumerate(block):
        yield from _walk(child, f"{path}.{i}" if path else f"{i}")


def _read_dense(dense: nn.Dense, name: str) -> Layer:
    weight = _read(dense.weight, name)
    bias = numpy.zeros(len(weight)) if dense.bias is None else _read(dense.bias, name)
    return Layer(weight, bias, None, numpy.zeros(len(weight)), name)


def _with_activation(layer: Layer, block: gluon.Block, name: str) -> Layer:
    if isinstance(block, ActivationLayer):
        kind = block.activation.name
    else:
        of_gluon = isinstance(block, nn.Activation)
        kind = block._act_type if of_gluon else type(block).__name__.lower()
    if kind not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise ValueError(f"{name} has the activation {kind!r}, which is not known; use {known}")
    if hasattr(block, "alpha"):
        layer = layer._replace(alpha=layer.alpha + _read(block.alpha, name))
    return layer._replace(activation=kind, name=name)


def _read(parameter: gluon.Parameter, name: str) -> numpy.ndarray:
    try:
        value = parameter.list_data()[0].asnumpy().astype("float64")
    except RuntimeError:  # also Gluon's error for a shape that the first minibatch decides
        raise ValueError(
            f"{name} is not initialized; give the number of inputs or pass a minibatch through"
        ) from None
    if not numpy.isfinite(value).all():
        raise ValueError(f"{name} has a parameter that is NaN or infinite; train the net anew")
    return value
