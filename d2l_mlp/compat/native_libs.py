"""Find the system libraries that MXNet's wheels need, and name the command that installs them.

The wheel for 64-bit Arm was built with Arm's Performance Libraries, which no distribution has.
Debian's LAPACKE, OpenBLAS and libm have all the functions that it calls, so `mxnet_library` links
them under the names that the wheel looks for.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from tempfile import TemporaryDirectory

LIBRARY_PACKAGES = {
    "libgomp.so.1": ("apt-get install", "libgomp1"),
    "libquadmath.so.0": ("apt-get install", "libquadmath0"),
    "liblapacke.so.3": ("apt-get install", "liblapacke"),
    "libopenblas.so.0": ("apt-get install", "libopenblas0-openmp"),
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

ON_ARM = {
    "libarmpl_lp64_mp.so": "liblapacke.so.3",
    "libamath.so": "libopenblas.so.0",
    "libastring.so": "libm.so.6",
}
"""The system's libraries that take the place of Arm's."""

LOADERS = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1"}
"""The dynamic loader of each processor for which MXNet has a wheel for Linux."""


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
    if PathFinder.find_spec("mxnet") is None:
        return [], []
    # With this variable, the dynamic loader lists a program's libraries and runs nothing: ld.so(8).
    searched = [os.environ.get("LD_LIBRARY_PATH"), *map(str, cuda_folders())]
    own = {"LD_TRACE_LOADED_OBJECTS": "1", "LD_LIBRARY_PATH": ":".join(filter(None, searched))}
    with mxnet_library() as library:
        listing = subprocess.run(
            [LOADERS[platform.machine()], str(library)], env={**os.environ, **own}, timeout=60,
            capture_output=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
    found = re.findall(r"(\S+) => (not found)?", listing.stdout)
    libraries = {ON_ARM.get(name, name): absent for name, absent in found}
    if not libraries:
        raise OSError((listing.stderr.strip().splitlines() or ["it lists no libraries"])[-1])
    return list(libraries), [name for name, absent in libraries.items() if absent]


@contextmanager
def mxnet_library() -> Iterator[Path]:
    """Yield the path of MXNet's shared object; on Arm a link, beside links to what it needs.

    The wheel's library looks for others in the folder that it is loaded from.
    """
    spec = PathFinder.find_spec("mxnet")
    library = Path((spec and spec.origin) or "").with_name("libmxnet.so")
    if platform.machine() != "aarch64":
        yield library
        return
    with TemporaryDirectory(prefix="d2l_mlp-") as folder:
        for path in library.parent.glob("lib*.so*"):
            Path(folder, path.name).symlink_to(path)
        for name, other in ON_ARM.items():
            with suppress(OSError):  # the loader will miss it
                Path(folder, name).symlink_to(_find_library(other))
        yield Path(folder, library.name)


class _LinkMap(ctypes.Structure):
    _fields_ = (("address", ctypes.c_void_p), ("path", ctypes.c_char_p))


def _find_library(name: str) -> str:
    """Return the path at which the dynamic loader finds a library; an OSError if it does not."""
    loaded = ctypes.POINTER(_LinkMap)()
    handle = ctypes.c_void_p(ctypes.CDLL(name)._handle)
    ctypes.CDLL(None).dlinfo(handle, 2, ctypes.byref(loaded))  # 2: RTLD_DI_LINKMAP
    return os.fsdecode(loaded.contents.path)


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
