"""Choose the device, and say why a GPU cannot be used instead of using the CPU in silence."""

# DOC(runtime.cuda): Ask the CUDA driver whether a GPU can run MXNet.
#
# DOC(runtime.cuda): Not MXNet itself, whose first call on a GPU that it has no code for hangs.

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import mxnet
from mxnet import gluon

from d2l_mlp.hardware.cpu import describe_processors
from d2l_mlp.hardware.host_arrays import is_on_host

# The CUDA wheels of MXNet 1.9.1 carry machine code for these compute capabilities and no PTX:
# a GPU runs code of its own major version, up to its own minor version, and nothing else.
_COMPILED_FOR = ((5, 0), (6, 0), (7, 0), (8, 0), (8, 6))
CUDA_RUNS_ON = "5.0 to 8.9"
"""What that comes to, in words."""

CUDA_INSTALL = "pip uninstall -y mxnet && pip install --no-deps mxnet-cu112==1.9.1"
"""The command that replaces the CPU-only wheel."""

# The driver's own numbers, from its header cuda.h.
_ERROR_NO_DEVICE = 100
_COMPUTE_CAPABILITY_MAJOR, _COMPUTE_CAPABILITY_MINOR = 75, 76


class CudaError(ValueError):
    """The CUDA driver does not answer as it should; the message says how, and what to do."""


class NoDriverError(CudaError):
    """There is no CUDA driver, as on most machines without a GPU."""


def cuda_problem(index: int = 0) -> str | None:
    """Say why a GPU cannot run MXNet's CUDA wheels.

    Parameters
    ----------
    index : int, default 0
        Which of the machine's GPUs.

    Returns
    -------
    str or None
        The reason and what to do about it; None if the GPU can run them.
    """
    try:
        number = count_gpus()
        if index >= number:
            return (
                f"the CUDA driver shows {number} GPU{'s' * (number != 1)}, numbered from 0; "
                "check with nvidia-smi and CUDA_VISIBLE_DEVICES"
            )
        major, minor = compute_capability(index)
    except CudaError as error:
        return str(error)
    if not has_code_for((major, minor)):
        return (
            f"its compute capability is {major}.{minor}, for which MXNet's wheel has no code "
            f"(it has {CUDA_RUNS_ON})"
        )
    return None


def count_gpus() -> int:
    """Count the GPUs that the CUDA driver shows; a `CudaError` if there is none that works."""
    found = ctypes.c_int()
    cuda = _driver()
    error = cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(found))
    if error not in (0, _ERROR_NO_DEVICE):
        raise CudaError(f"the CUDA driver answers with error {error}; check with nvidia-smi")
    return found.value


def compute_capability(index: int) -> tuple[int, int]:
    """Ask for the compute capability of a GPU, after `count`.

    Parameters
    ----------
    index : int
        Which of the machine's GPUs, less than `count` gave.

    Returns
    -------
    (int, int)
        Its major and its minor number.

    Raises
    ------
    CudaError
        If the driver cannot tell.
    """
    device, major, minor = (ctypes.c_int() for _ in range(3))
    cuda = _driver()
    error = (
        cuda.cuDeviceGet(ctypes.byref(device), index)
        or cuda.cuDeviceGetAttribute(ctypes.byref(major), _COMPUTE_CAPABILITY_MAJOR, device)
        or cuda.cuDeviceGetAttribute(ctypes.byref(minor), _COMPUTE_CAPABILITY_MINOR, device)
    )
    if error:
        raise CudaError(f"the CUDA driver answers with error {error}; check with nvidia-smi")
    return major.value, minor.value


def _driver() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as missing:
        raise NoDriverError(
            f"the CUDA driver does not load ({missing}); install it, and check with nvidia-smi"
        ) from None


def has_code_for(capability: tuple[int, int]) -> bool:
    """Tell whether MXNet's CUDA wheels run on a GPU.

    Parameters
    ----------
    capability : (int, int)
        The GPU's compute capability, major and minor.

    Returns
    -------
    bool
        Whether they carry code for it.
    """
    return any(major == capability[0] and minor <= capability[1] for major, minor in _COMPILED_FOR)


class DeviceError(ValueError):
    """The device asked for is not there or cannot run MXNet; the message gives the reason."""


def choose_devices(names: str) -> list[mxnet.Context]:
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
    devices = [choose_device(name) for name in names.split(",")]
    if len(set(map(str, devices))) < len(devices) or len({d.device_type for d in devices}) > 1:
        raise DeviceError(f"devices {names!r} do not go together; give different ones of one kind")
    return devices


def choose_device(name: str = "auto") -> mxnet.Context:
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


def devices_of(net: gluon.Block) -> list[mxnet.Context]:
    """Tell all devices that a net lives on: each has its parameters."""
    return next(iter(net.collect_params().values())).list_ctx()


def describe_devices(devices: Sequence[mxnet.Context]) -> str:
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
    told = [describe_processors()] if is_on_host(devices[0]) else []
    return ", ".join([*names, *told])


def gpu_problem(index: int = 0) -> str | None:
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
    problem = cuda_problem(index)
    if problem is None and not mxnet.runtime.Features().is_enabled("CUDA"):
        return (
            "the MXNet installed here is the CPU-only wheel; replace it with a CUDA one: "
            f"{CUDA_INSTALL}"
        )
    return problem
