"""Delay or hide imports that MXNet hardly uses: they take a third of a second, or more.

MXNet imports scikit-learn, if it is installed, for an optional base class; SciPy's statistics for
tests of random numbers; requests for downloads; and distutils, which Python 3.12 removed, to
compare versions of NumPy.
"""

from __future__ import annotations

import importlib
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def delay_imports() -> Iterator[None]:
    """Replace these libraries, unless they are imported already, by stand-ins within the block."""
    modules: dict[str, Any] = sys.modules
    versions = ModuleType("distutils.version")
    vars(versions).update(LooseVersion=_version, StrictVersion=_version)
    shown = {  # None: as if it were not installed
        "sklearn": None, "distutils.version": versions, "requests": _OnDemand("requests"),
    }  # fmt: skip
    parent: Any = None
    if "scipy.stats" not in modules:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # SciPy's, of a NumPy that is not its own
                import scipy.sparse  # which MXNet imports too
        except Exception:  # not installed, or made for another NumPy: MXNet does without it
            shown.update({"scipy.sparse": None, "scipy.stats": None})
        else:
            parent = scipy
            parent.stats = shown["scipy.stats"] = _OnDemand("scipy.stats")
    shown = {name: module for name, module in shown.items() if name not in modules}
    modules.update(shown)
    try:
        yield
    finally:
        for name, module in shown.items():
            if modules.get(name) is module:
                modules.pop(name, None)
        if parent and vars(parent).get("stats") is shown["scipy.stats"]:
            del parent.stats


class _OnDemand(ModuleType):
    """Imports the module of its name when an attribute is read."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def _version(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]
