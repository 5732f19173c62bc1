"""Spare whoever imports MXNet what it imports in turn and hardly uses.

Where scikit-learn is installed, all of it is imported, for the base of a class of long ago; SciPy's
statistics, for tests of random numbers; requests, for downloads; and distutils, which is no part of
Python 3.12 any more, for two versions of NumPy: together a third of a second, or more.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any


@contextmanager
def delay_imports() -> Iterator[None]:
    """Show MXNet, of the libraries that are not imported yet, as little as it needs."""
    modules: dict[str, Any] = sys.modules
    versions = ModuleType("distutils.version")
    vars(versions).update(LooseVersion=_version, StrictVersion=_version)
    shown = {"sklearn": None, "distutils.version": versions}  # None: as if it were not installed
    if "requests" not in modules and importlib.util.find_spec("requests"):
        shown["requests"] = _OnDemand("requests")
    parent: Any = None
    if "scipy.stats" not in modules:
        with suppress(ImportError):
            import scipy  # quick, without its packages

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
    """Imports the module that it is called after when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        if self.__name__ == "requests":
            import requests

            return getattr(requests, name)
        import scipy

        if vars(scipy).get("stats") is self:
            del scipy.stats
        import scipy.stats as stats

        return getattr(stats, name)


def _version(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]
