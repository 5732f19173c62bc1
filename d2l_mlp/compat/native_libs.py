"""The system libraries that MXNet's wheels expect to find on the machine."""

from __future__ import annotations

import ctypes
import importlib.util
from contextlib import suppress
from importlib import metadata
from pathlib import Path

# What carries each of them: what the wheels of MXNet 1.9.1 list as needed, and others do not bring.
_REMEDIES = {
    "libgomp.so.1": "apt-get install libgomp1",
    "libquadmath.so.0": "apt-get install libquadmath0",
    "libcuda.so.1": "NVIDIA's driver for the GPU",
    "libcudart.so.11.0": "pip install nvidia-cuda-runtime-cu11",
    "libcublas.so.11": "pip install nvidia-cublas-cu11",
    "libcudnn.so.8": "pip install 'nvidia-cudnn-cu11<9'",
    "libcufft.so.10": "pip install nvidia-cufft-cu11",
    "libcurand.so.10": "pip install nvidia-curand-cu11",
    "libcusolver.so.11": "pip install nvidia-cusolver-cu11",
    "libnccl.so.2": "pip install nvidia-nccl-cu11",
    "libnvrtc.so.11.2": "pip install nvidia-cuda-nvrtc-cu11",
    "libnvToolsExt.so.1": "pip install nvidia-nvtx-cu11",
}


def library_remedy(library: str) -> str | None:
    """Say what installs a library.

    Parameters
    ----------
    library : str
        Name of its file, such as ``"libgomp.so.1"``.

    Returns
    -------
    str or None
        The command; None for a library that MXNet's wheels do not ask for by themselves.
    """
    return _REMEDIES.get(library)


def explain_load_error(error: OSError) -> str:
    """Say what the dynamic loader's error means, and what to do about it."""
    library = str(error).split(":")[0]
    command = library_remedy(library)
    if command:
        return f"MXNet needs the system library {library}; install it with: {command}"
    return f"MXNet's native library does not load: {error}"


def is_for_cpus() -> bool:
    """Tell whether the MXNet installed here is the wheel without CUDA."""
    try:
        metadata.version("mxnet")  # a CUDA build is called mxnet-cu112 or the like
    except metadata.PackageNotFoundError:
        return False
    return True


def cuda_folders() -> list[Path]:
    """Give the folders into which pip puts CUDA's libraries."""
    spec = importlib.util.find_spec("nvidia")
    places = spec.submodule_search_locations if spec else None
    return [folder for place in places or [] for folder in sorted(Path(place).glob("*/lib"))]


def load_cuda() -> None:
    """Load the libraries that a CUDA build of MXNet needs and pip has installed.

    The dynamic loader does not look where pip puts them; those that are loaded it takes by name.
    """
    folders = cuda_folders()
    if not folders or is_for_cpus():
        return
    for path in (folder / name for folder in folders for name in _REMEDIES):
        if path.exists():
            with suppress(OSError):  # MXNet's import says what it misses in the end
                ctypes.CDLL(str(path))
