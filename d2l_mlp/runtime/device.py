"""Choose the device, and say why a GPU cannot be used instead of using the CPU in silence."""

import ctypes
from typing import Optional, Tuple

import mxnet
from mxnet import gluon, npx

from d2l_mlp.runtime import processors

# The CUDA wheels of MXNet 1.9.1 carry machine code for these compute capabilities and no PTX:
# a GPU runs code of its own major version, up to its own minor version, and nothing else.
_COMPILED_FOR = ((5, 0), (6, 0), (7, 0), (8, 0), (8, 6))


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
    """Tell where an initialized net lives."""
    return next(iter(net.collect_params().values())).list_ctx()[0]


def describe(context: mxnet.Context) -> str:
    """Say which device it is; of the CPU, also what decides how many threads MXNet uses."""
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
    if not mxnet.runtime.Features().is_enabled("CUDA"):
        return (
            "the MXNet installed here is the CPU-only wheel; replace it with a CUDA one: "
            "pip uninstall -y mxnet && pip install --no-deps mxnet-cu112"
        )
    count = npx.num_gpus()
    if count == 0:
        return "no CUDA driver or no GPU is visible; check with nvidia-smi and CUDA_VISIBLE_DEVICES"
    if index >= count:
        return f"this machine has {count} GPU{'s' * (count > 1)}, numbered from 0"
    capability = _compute_capability(index)
    if capability and not has_code_for(capability):
        return (
            f"its compute capability is {capability[0]}.{capability[1]}, for which MXNet's wheel "
            "has no code (it has 5.0 to 8.9)"
        )
    return None


def has_code_for(capability: Tuple[int, int]) -> bool:
    """Tell whether MXNet's CUDA wheels run on GPUs of a compute capability (major, minor)."""
    return any(major == capability[0] and minor <= capability[1] for major, minor in _COMPILED_FOR)


def _compute_capability(index: int) -> Optional[Tuple[int, int]]:
    """Ask the driver, not MXNet: MXNet's first call on a GPU it has no code for hangs."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    device, values = ctypes.c_int(), (ctypes.c_int * 2)()
    if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), index):
        return None
    # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
    for position, attribute in enumerate((75, 76)):
        if cuda.cuDeviceGetAttribute(ctypes.byref(values, 4 * position), attribute, device):
            return None
    return values[0], values[1]
