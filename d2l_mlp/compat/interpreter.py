"""How Python was started, and from where: what keeps MXNet from being imported."""

from __future__ import annotations

import importlib.util
import platform
import sys
from importlib.machinery import PathFinder

SUPPORTED = "d2l_mlp runs on CPython 3.9 and later, on Linux on x86-64"
"""What this package and MXNet's wheels are for; in words for an error."""


def check_interpreter() -> None:
    """Raise an ImportError if Python leaves docstrings out, or finds a file in a package's place.

    Such a file, a ``numpy.py`` in the current folder, say, is named in the message.
    """
    if sys.flags.optimize > 1:
        raise ImportError("MXNet needs docstrings, which python -OO leaves out; start python -O")
    for name in ("mxnet", "numpy"):
        # Past our own finder, which is asking.
        spec = importlib.util.find_spec(name) if name in sys.modules else PathFinder.find_spec(name)
        if spec is not None and spec.submodule_search_locations is None:
            raise ImportError(f"{spec.origin} hides {name}; rename it, or start in another folder")


def is_supported_platform() -> bool:
    """Tell whether MXNet's wheels are for this system; of the Python, ``import d2l_mlp`` tells."""
    system = platform.system(), platform.machine()
    return system in (("Linux", "x86_64"), ("Linux", "AMD64"))


def interpreter_name() -> str:
    """Say which interpreter this is."""
    return (
        f"this is {sys.executable or 'python'}, Python {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}"
    )


def explain_import_error(error: ImportError) -> str:
    """Say why a package is not imported: where MXNet and NumPy are missing, all others are too."""
    missing = isinstance(error, ModuleNotFoundError) and not any(
        PathFinder.find_spec(package) for package in ("mxnet", "numpy")
    )
    if not is_supported_platform():
        return f"{interpreter_name()}; {SUPPORTED} ({error})"
    if missing:
        return (
            f"{interpreter_name()}, where d2l_mlp's dependencies are not installed; activate the environment "
            f"that they are in, or install them here: {sys.executable} -m pip install ."
        )
    return str(error)
