"""Find the system libraries that MXNet's wheels need, and name the command that installs each."""

from __future__ import annotations

import ctypes
import importlib.util
from contextlib import suppress
from importlib import metadata
from pathlib import Path

LIBRARY_INSTALLS = {
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
"""What installs each library that the wheels of MXNet 1.9.1 need and do not bring."""


def explain_load_error(error: OSError) -> str:
    """Return what the dynamic loader's error means, with the command that fixes it."""
    library = str(error).split(":")[0]
    command = LIBRARY_INSTALLS.get(library)
    if command:
        return f"MXNet needs the system library {library}; install it with: {command}"
    return f"MXNet's native library does not load: {error}"


def is_for_cpus() -> bool:
    """Return whether the installed MXNet is the wheel without CUDA."""
    try:
        metadata.version("mxnet")  # a CUDA wheel is called mxnet-cu112 or the like
    except metadata.PackageNotFoundError:
        return False
    return True


def cuda_folders() -> list[Path]:
    """Return the folders into which pip installs CUDA's libraries."""
    spec = importlib.util.find_spec("nvidia")
    places = spec.submodule_search_locations if spec else None
    return [folder for place in places or [] for folder in sorted(Path(place).glob("*/lib"))]


def load_cuda() -> None:
    """Load CUDA libraries that pip installed, where the dynamic loader does not look by itself."""
    folders = cuda_folders()
    if not folders or is_for_cpus():
        return
    for path in (folder / name for folder in folders for name in LIBRARY_INSTALLS):
        if path.exists():
            with suppress(OSError):  # MXNet's import names what is still missing
                ctypes.CDLL(str(path))
