"""Choose the device, and explain why a GPU cannot be used instead of silently using the CPU.

The CUDA driver is asked, not MXNet: MXNet's first call hangs on a GPU that it has no code for.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import mxnet
from mxnet import gluon

from d2l_mlp.hardware.engine import describe_processors
from d2l_mlp.hardware.host_arrays import is_on_host
from d2l_mlp.rules import DEVICES, is_device

# The CUDA wheels of MXNet 1.9.1 carry machine code for these compute capabilities and no PTX:
# a GPU runs code of its own major version, up to its own minor version, and nothing else.
_COMPILED_FOR = ((5, 0), (6, 0), (7, 0), (8, 0), (8, 6))

# From the driver's header cuda.h.
_ERROR_NO_DEVICE = 100
_COMPUTE_CAPABILITY_MAJOR, _COMPUTE_CAPABILITY_MINOR = 75, 76


class CudaError(ValueError):
    """The CUDA driver does not answer as it should; the message says how, and what to do."""


class NoDriverError(CudaError):
    """There is no CUDA driver, as on most machines without a GPU."""


def gpu_problem(index: int = 0) -> str | None:
    """Return why a GPU cannot be used here, with a fix; None if it can."""
    try:  # the driver first: without a GPU, another wheel fixes nothing
        count = count_gpus()
        if index >= count:
            return (
                f"the CUDA driver shows {count} GPU{'s' * (count != 1)}, numbered from 0; "
                "check with nvidia-smi and CUDA_VISIBLE_DEVICES"
            )
        major, minor = compute_capability(index)
    except CudaError as error:
        return str(error)
    if not has_code_for((major, minor)):
        return (
            f"its compute capability is {major}.{minor}, for which MXNet's wheel has no code "
            "(it has 5.0 to 8.9)"
        )
    if not mxnet.runtime.Features().is_enabled("CUDA"):
        return (
            "the MXNet installed here is the CPU-only wheel; replace it with a CUDA one: "
            "pip uninstall -y mxnet && pip install --no-deps mxnet-cu112==1.9.1"
        )
    return None


def count_gpus() -> int:
    """Return the number of GPUs that the CUDA driver shows; raises a CudaError if it fails."""
    count = ctypes.c_int()
    cuda = _driver()
    error = cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count))
    _check(0 if error == _ERROR_NO_DEVICE else error)
    return count.value


def compute_capability(index: int) -> tuple[int, int]:
    """Return the major and minor compute capability of a GPU; call `count_gpus` before."""
    device, major, minor = (ctypes.c_int() for _ in range(3))
    cuda = _driver()
    _check(
        cuda.cuDeviceGet(ctypes.byref(device), index)
        or cuda.cuDeviceGetAttribute(ctypes.byref(major), _COMPUTE_CAPABILITY_MAJOR, device)
        or cuda.cuDeviceGetAttribute(ctypes.byref(minor), _COMPUTE_CAPABILITY_MINOR, device)
    )
    return major.value, minor.value


def _driver() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as missing:
        raise NoDriverError(
            f"the CUDA driver does not load ({missing}); install it, and check with nvidia-smi"
        ) from None


def _check(error: int) -> None:
    if error:
        raise CudaError(f"the CUDA driver answers with error {error}; check with nvidia-smi")


def has_code_for(capability: tuple[int, int]) -> bool:
    """Return whether MXNet's CUDA wheels carry code for a compute capability (major, minor)."""
    return any(major == capability[0] and minor <= capability[1] for major, minor in _COMPILED_FOR)


def choose_devices(names: str) -> list[mxnet.Context]:
    """Return the devices that names such as ``"gpu:0,gpu:1"`` stand for.

    They have to be different ones of one kind. MXNet takes ``cpu:0`` and ``cpu:1`` for two devices.
    """
    devices = [choose_device(name) for name in names.split(",")]
    if len(set(map(str, devices))) < len(devices) or len({d.device_type for d in devices}) > 1:
        raise ValueError(f"devices {names!r} do not go together; give different ones of one kind")
    return devices


def choose_device(name: str = "auto") -> mxnet.Context:
    """Return the device that a name stands for; "auto" is "gpu:0" if it can be used, else "cpu"."""
    if not is_device(name):
        raise ValueError(f"device {name!r} is not known; choose one of {DEVICES}")
    if name == "cpu" or (name == "auto" and gpu_problem()):
        return mxnet.cpu()
    kind, _, number = name.partition(":")
    index = int(number or 0)
    if kind == "cpu":
        return mxnet.cpu(index)
    problem = gpu_problem(index)
    if problem:
        raise ValueError(f"device {name} cannot be used: {problem}; or train with --device cpu")
    return mxnet.gpu(index)


def device_of(net: gluon.Block) -> mxnet.Context:
    """Return the device of an initialized net's parameters, or the first of them."""
    return devices_of(net)[0]


def devices_of(net: gluon.Block) -> list[mxnet.Context]:
    """Return all devices of an initialized net: each has its parameters."""
    return next(iter(net.collect_params().values())).list_ctx()


def describe_devices(devices: Sequence[mxnet.Context]) -> str:
    """Format devices of one kind in a line; for the CPU with what decides about its threads."""
    if is_on_host(devices[0]) and len(devices) == 1:
        names = ["cpu"]
    else:
        names = [f"{device.device_type}:{device.device_id}" for device in devices]
    threads = [describe_processors()] if is_on_host(devices[0]) else []
    return ", ".join([*names, *threads])
