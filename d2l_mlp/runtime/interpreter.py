"""How Python was started, and from where: what keeps MXNet from being imported."""

import importlib.util
import sys
from importlib.machinery import PathFinder


def check() -> None:
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
