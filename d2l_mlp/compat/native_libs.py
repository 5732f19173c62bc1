"""Find the system libraries that MXNet's wheels need, and name the command that installs them."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import subprocess
from contextlib import suppress
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

LIBRARY_PACKAGES = {
    "libgomp.so.1": ("apt-get install", "libgomp1"),
    "libquadmath.so.0": ("apt-get install", "libquadmath0"),
    "libcuda.so.1": ("install", "NVIDIA's driver for the GPU"),
    "libcudart.so.11.0": ("pip install", "nvidia-cuda-runtime-cu11"),
    "libcublas.so.11": ("pip install", "nvidia-cublas-cu11"),
    "libcudnn.so.8": ("pip install", "'nvidia-cudnn-cu11<9'"),
    "libcufft.so.10": ("pip install", "nvidia-cufft-cu11"),
    "libcurand.so.10": ("pip install", "nvidia-curand-cu11"),
    "libcusolver.so.11": ("pip install", "nvidia-cusolver-cu11"),
    "libnccl.so.2": ("pip install", "nvidia-nccl-cu11"),
    "libnvrtc.so.11.2": ("pip install", "nvidia-cuda-nvrtc-cu11"),
    "libnvToolsExt.so.1": ("pip install", "nvidia-nvtx-cu11"),
}
"""What installs each library that the wheels of MXNet 1.9.1 need and do not bring."""


def explain_load_error(error: OSError | RuntimeError) -> str:
    """Return what an error in loading MXNet's shared object means, and the fix."""
    if isinstance(error, RuntimeError) and str(error).startswith("Cannot find the MXNet library"):
        return (
            "libmxnet.so is not in MXNet's folder, and cannot be in a zip; install MXNet into a "
            "folder, or set MXNET_LIBRARY_PATH to the path of the file"
        )
    with suppress(OSError):
        _, missing = needed_libraries()
        if missing:
            return f"MXNet needs {', '.join(missing)}; to install: {install_command(missing)}"
    return f"MXNet's native library does not load: {error}"


def install_command(libraries: list[str]) -> str:
    """Return the command that installs all of these libraries."""
    packages: dict[str, list[str]] = {}
    for library in libraries:
        command, package = LIBRARY_PACKAGES.get(library, ("install the package that has", library))
        packages.setdefault(command, []).append(package)
    return " && ".join(f"{command} {' '.join(names)}" for command, names in packages.items())


def needed_libraries() -> tuple[list[str], list[str]]:
    """Return the libraries that MXNet needs, and those of them that are missing.

    An OSError says why MXNet's own library cannot be read.
    """
    mxnet = PathFinder.find_spec("mxnet")
    if mxnet is None or mxnet.origin is None:
        return [], []
    # With this variable, the dynamic loader lists a program's libraries and runs nothing: ld.so(8).
    searched = [os.environ.get("LD_LIBRARY_PATH"), *map(str, cuda_folders())]
    own = {"LD_TRACE_LOADED_OBJECTS": "1", "LD_LIBRARY_PATH": ":".join(filter(None, searched))}
    listing = subprocess.run(
        ["/lib64/ld-linux-x86-64.so.2", str(Path(mxnet.origin).with_name("libmxnet.so"))],
        env={**os.environ, **own}, timeout=30, capture_output=True, encoding="utf-8",
        errors="replace",
    )  # fmt: skip
    libraries = dict(re.findall(r"(\S+) => (not found)?", listing.stdout))
    if not libraries:
        raise OSError((listing.stderr.strip().splitlines() or ["it lists no libraries"])[-1])
    return list(libraries), [name for name, absent in libraries.items() if absent]


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
    for path in (folder / name for folder in folders for name in LIBRARY_PACKAGES):
        if path.exists():
            with suppress(OSError):  # MXNet's import names what is still missing
                ctypes.CDLL(str(path))
