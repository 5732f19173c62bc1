"""Explain why this Python cannot import MXNet."""

from __future__ import annotations

import importlib.util
import platform
import sys
from importlib.machinery import PathFinder

from d2l_mlp.compat.native_libs import LOADERS


def check_interpreter() -> None:
    """Raise an ImportError under ``python -OO``, or if a reader's file hides MXNet or NumPy."""
    if sys.flags.optimize > 1:
        raise ImportError("MXNet needs docstrings, which python -OO leaves out; start python -O")
    for name in ("mxnet", "numpy"):
        # PathFinder, because our own finder is the one that calls this.
        spec = importlib.util.find_spec(name) if name in sys.modules else PathFinder.find_spec(name)
        if spec is not None and spec.submodule_search_locations is None:
            raise ImportError(f"{spec.origin} hides {name}; rename it, or start in another folder")


def is_supported_platform() -> bool:
    """Return whether MXNet has wheels for this system."""
    return platform.system() == "Linux" and platform.machine() in LOADERS


def explain_import_error(error: ImportError) -> str:
    """Return the error's message, or the reason why every package is missing."""
    here = (
        f"this is {sys.executable or 'python'}, Python {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}"
    )
    if not is_supported_platform():
        needs = "CPython 3.9 and later, on Linux on x86-64 or 64-bit Arm"
        return f"{here}; d2l_mlp runs on {needs} ({error})"
    if isinstance(error, ModuleNotFoundError) and not any(
        map(PathFinder.find_spec, ("mxnet", "numpy"))
    ):
        return (
            f"{here}, where d2l_mlp's dependencies are not installed; activate the environment "
            f"that they are in, or install them here: {sys.executable} -m pip install ."
        )
    return str(error)
