"""Ask the CUDA driver whether a GPU can run MXNet.

Not MXNet itself, whose first call on a GPU that it has no code for hangs.
"""

import ctypes
from typing import Optional, Tuple

# The CUDA wheels of MXNet 1.9.1 carry machine code for these compute capabilities and no PTX:
# a GPU runs code of its own major version, up to its own minor version, and nothing else.
_COMPILED_FOR = ((5, 0), (6, 0), (7, 0), (8, 0), (8, 6))
RUNS_ON = "5.0 to 8.9"
"""What that comes to, in words."""

INSTALL = "pip uninstall -y mxnet && pip install --no-deps mxnet-cu112==1.9.1"
"""The command that replaces the CPU-only wheel."""

# The driver's own numbers, from its header cuda.h.
_ERROR_NO_DEVICE = 100
_COMPUTE_CAPABILITY_MAJOR, _COMPUTE_CAPABILITY_MINOR = 75, 76


class CudaError(ValueError):
    """The CUDA driver does not answer as it should; the message says how, and what to do."""


class NoDriverError(CudaError):
    """There is no CUDA driver, as on most machines without a GPU."""


def problem(index: int = 0) -> Optional[str]:
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
        number = count()
        if index >= number:
            return (
                f"the CUDA driver shows {number} GPU{'s' * (number != 1)}, numbered from 0; "
                "check with nvidia-smi and CUDA_VISIBLE_DEVICES"
            )
        major, minor = capability(index)
    except CudaError as error:
        return str(error)
    if not has_code_for((major, minor)):
        return (
            f"its compute capability is {major}.{minor}, for which MXNet's wheel has no code "
            f"(it has {RUNS_ON})"
        )
    return None


def count() -> int:
    """Count the GPUs that the CUDA driver shows; a `CudaError` if there is none that works."""
    found = ctypes.c_int()
    cuda = _driver()
    error = cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(found))
    if error not in (0, _ERROR_NO_DEVICE):
        raise CudaError(f"the CUDA driver answers with error {error}; check with nvidia-smi")
    return found.value


def capability(index: int) -> Tuple[int, int]:
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


def has_code_for(capability: Tuple[int, int]) -> bool:
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
