"""Choose the device, and say why a GPU cannot be used instead of using the CPU in silence."""

from typing import Optional

import mxnet
from mxnet import gluon

from d2l_mlp.runtime import cuda, processors


class DeviceError(ValueError):
    """The device asked for is not there or cannot run MXNet; the message gives the reason."""


def choose(name: str = "auto") -> mxnet.Context:
    """Turn a device's name into an MXNet context that works.

    Parameters
    ----------
    name : {"auto", "cpu", "gpu", "gpu:N"}, default "auto"
        ``"gpu"`` is ``"gpu:0"``; ``"auto"`` is that too if it can be used, and else ``"cpu"``.

    Returns
    -------
    mxnet.Context
        The device.

    Raises
    ------
    DeviceError
        If the name is unknown, or the GPU is not there or has no code in this wheel.
    """
    if name == "cpu" or (name == "auto" and gpu_problem()):
        return mxnet.cpu()
    kind, _, number = name.partition(":")
    if name not in ("auto", "gpu") and not (kind == "gpu" and number.isdecimal()):
        raise DeviceError(f"device {name!r} is not known; choose one of auto, cpu, gpu, gpu:N")
    index = int(number or 0)
    problem = gpu_problem(index)
    if problem:
        raise DeviceError(f"device {name} cannot be used: {problem}; or train with --device cpu")
    return mxnet.gpu(index)


def device_of(net: gluon.Block) -> mxnet.Context:
    """Tell where a net lives.

    Parameters
    ----------
    net : gluon.Block
        Initialized, on one device.

    Returns
    -------
    mxnet.Context
        The device of its parameters.
    """
    return next(iter(net.collect_params().values())).list_ctx()[0]


def describe(context: mxnet.Context) -> str:
    """Say which device it is; of the CPU, also what decides how many threads MXNet uses.

    Parameters
    ----------
    context : mxnet.Context
        The device.

    Returns
    -------
    str
        For a reader, in one line.
    """
    if context.device_type == "gpu":
        return f"gpu:{context.device_id}"
    return f"cpu, {processors.describe()}"


def gpu_problem(index: int = 0) -> Optional[str]:
    """Say why a GPU cannot be used.

    Parameters
    ----------
    index : int, default 0
        Which of the machine's GPUs.

    Returns
    -------
    str or None
        The reason and the remedy; None if the GPU can be used.
    """
    # The machine first: on one without a GPU, the other wheel is no remedy.
    problem = cuda.problem(index)
    if problem is None and not mxnet.runtime.Features().is_enabled("CUDA"):
        return (
            "the MXNet installed here is the CPU-only wheel; replace it with a CUDA one: "
            f"{cuda.INSTALL}"
        )
    return problem
