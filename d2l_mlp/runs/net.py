"""Build the net that hyperparameters describe: the chapter's MLP, for images of Fashion-MNIST."""

from __future__ import annotations

import math

import mxnet
from mxnet import init
from mxnet.gluon import nn

from d2l_mlp.data.releases import CLASSES, IMAGE_SHAPE
from d2l_mlp.hardware.memory import available_memory, check_array_memory
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.optimizers import OPTIMIZERS
from d2l_mlp.training.state import Arrays, set_parameters


def new_net(settings: Hyperparameters, device: mxnet.Context | None = None) -> nn.Sequential:
    """Build the net with a run's initial parameters, drawn from its seed, if the memory allows."""
    check_memory(settings)
    mxnet.random.seed(settings.seed)
    return _build(settings, settings.init, device)


def check_memory(settings: Hyperparameters) -> None:
    """Raise a ValueError if the net, its gradients and its optimizer's states do not fit."""
    states = OPTIMIZERS[settings.optimizer].states(settings)
    check_array_memory(parameter_shapes(settings), 2 + len(states), available_memory())


def parameter_shapes(settings: Hyperparameters) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the net's parameters by Gluon's structural names, allocating nothing."""
    parameters = _build(settings)._collect_params_with_prefix()
    return {name: parameter.shape for name, parameter in parameters.items()}


def net_with(
    settings: Hyperparameters, parameters: Arrays, device: mxnet.Context | None = None
) -> nn.Sequential:
    """Build the net with given parameters, drawing nothing; a ValueError if they do not fit."""
    net = _build(settings)
    net.initialize(init.Zero(), ctx=device, force_reinit=True)
    set_parameters(net, parameters)
    return net


def _build(
    settings: Hyperparameters,
    initializer: str | None = None,
    device: mxnet.Context | None = None,
) -> nn.Sequential:
    return build_mlp(
        settings.hidden, len(CLASSES), settings.activation, num_inputs=math.prod(IMAGE_SHAPE),
        dropout=settings.dropout, initializer=initializer, device=device,
    )  # fmt: skip
