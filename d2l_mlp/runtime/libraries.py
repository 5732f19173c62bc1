"""The system libraries that MXNet's wheels expect to find on the machine."""

from typing import Optional

# What carries each of them.
_PACKAGES = {
    "libgomp.so": "apt-get install libgomp1",
    "libquadmath.so": "apt-get install libquadmath0",
    "libcudart.so": "pip install nvidia-cuda-runtime-cu11",
    "libcublas.so": "pip install nvidia-cublas-cu11",
    "libcudnn.so": "pip install 'nvidia-cudnn-cu11<9'",
    "libcufft.so": "pip install nvidia-cufft-cu11",
    "libcurand.so": "pip install nvidia-curand-cu11",
    "libcusolver.so": "pip install nvidia-cusolver-cu11",
    "libnccl.so": "pip install nvidia-nccl-cu11",
    "libnvrtc.so": "pip install nvidia-cuda-nvrtc-cu11",
    "libnvToolsExt.so": "pip install nvidia-nvtx-cu11",
}


def remedy(library: str) -> Optional[str]:
    """Give the command that installs a library.

    Parameters
    ----------
    library : str
        Name of its file, such as ``"libgomp.so.1"``.

    Returns
    -------
    str or None
        The command; None for a library that MXNet's wheels do not ask for by themselves.
    """
    return next((_PACKAGES[stem] for stem in _PACKAGES if library.startswith(stem)), None)


def explain(error: OSError) -> str:
    """Say what the dynamic loader's error means, and what to do about it."""
    library = str(error).split(":")[0]
    command = remedy(library)
    if command:
        return f"MXNet needs the system library {library}; install it with: {command}"
    return f"MXNet's native library does not load: {error}"
