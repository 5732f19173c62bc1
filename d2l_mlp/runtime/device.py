"""Choose the device, and say why a GPU cannot be used instead of using the CPU in silence."""

from typing import List, Optional, Sequence

import mxnet
from mxnet import gluon

from d2l_mlp.runtime import cuda, processors
from d2l_mlp.runtime.host_memory import is_on_host


class DeviceError(ValueError):
    """The device asked for is not there or cannot run MXNet; the message gives the reason."""


def choose_several(names: str) -> List[mxnet.Context]:
    """Turn names of devices, with commas between, into MXNet contexts that work.

    Parameters
    ----------
    names : str
        Such as ``"gpu:0,gpu:1"``. MXNet takes ``cpu:0`` and ``cpu:1`` for two devices, too.

    Returns
    -------
    list of mxnet.Context
        The devices.

    Raises
    ------
    DeviceError
        If one is refused by `choose`, or there twice, or not all are CPUs or all GPUs.
    """
    devices = [choose(name) for name in names.split(",")]
    if len(set(map(str, devices))) < len(devices) or len({d.device_type for d in devices}) > 1:
        raise DeviceError(f"devices {names!r} do not go together; give different ones of one kind")
    return devices


def choose(name: str = "auto") -> mxnet.Context:
    """Turn a device's name into an MXNet context that works.

    Parameters
    ----------
    name : {"auto", "cpu", "cpu:N", "gpu", "gpu:N"}, default "auto"
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
    if name not in ("auto", "gpu") and not (kind in ("cpu", "gpu") and number.isdecimal()):
        raise DeviceError(
            f"device {name!r} is not known; choose one of auto, cpu, gpu, cpu:N, gpu:N"
        )
    index = int(number or 0)
    if kind == "cpu":
        return mxnet.cpu(index)
    problem = gpu_problem(index)
    if problem:
        raise DeviceError(f"device {name} cannot be used: {problem}; or train with --device cpu")
    return mxnet.gpu(index)


def device_of(net: gluon.Block) -> mxnet.Context:
    """Tell where a net lives.

    Parameters
    ----------
    net : gluon.Block
        Initialized.

    Returns
    -------
    mxnet.Context
        The device of its parameters, or the first of them.
    """
    return devices_of(net)[0]


def devices_of(net: gluon.Block) -> List[mxnet.Context]:
    """Tell all devices that a net lives on: each has its parameters."""
    return next(iter(net.collect_params().values())).list_ctx()


def describe(devices: Sequence[mxnet.Context]) -> str:
    """Say which devices they are; of the CPU, also what decides how many threads MXNet uses.

    Parameters
    ----------
    devices : sequence of mxnet.Context
        The devices, of one kind.

    Returns
    -------
    str
        For a reader, in one line.
    """
    if is_on_host(devices[0]) and len(devices) == 1:
        names = ["cpu"]
    else:
        names = [f"{device.device_type}:{device.device_id}" for device in devices]
    told = [processors.describe()] if is_on_host(devices[0]) else []
    return ", ".join([*names, *told])


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
