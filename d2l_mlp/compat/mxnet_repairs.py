"""Repair MXNet after its import: NumPy's names, worker processes, NumPy semantics in every thread.

``npx.set_np()`` switches NumPy semantics on for the thread that calls it. In other threads, nets
and autograd fail with messages about deferred initialization or legacy operators.

Gluon's ``DataLoader`` ends its worker processes when it is deleted. At the very end of a script that
is too late: the modules that it calls are empty by then, and Python prints "Exception ignored".
"""

from __future__ import annotations

import atexit
import multiprocessing
import sys
import threading
from types import ModuleType
from typing import Any
from weakref import WeakSet

import mxnet
import numpy
from mxnet import npx, util
from mxnet.gluon.data import DataLoader

from d2l_mlp.compat.numpy_aliases import as_array, as_text, missing_names


def repair_mxnet() -> None:
    """Repair what is wrong in MXNet itself, once it has been imported."""
    _show_mxnet(numpy, missing_names())
    # Gluon's worker processes get their data set by being forked. From Python 3.14 on they would
    # be started in another way, which fails in each of them, and their pool starts new ones for
    # ever.
    fork = multiprocessing.get_context("fork")
    forking = {name: getattr(fork, name) for name in ("Pool", "Process", "get_context")}
    _show_mxnet(multiprocessing, forking)
    for name in ("ndarray", "symbol"):  # where operators get their arguments
        vars(sys.modules[f"mxnet._ctypes.{name}"])["str"] = as_text
    mxnet.np.ndarray.__array__ = as_array
    # Gluon's loader calls the older name, which does the same and warns.
    mxnet.np.ndarray.as_in_context = mxnet.np.ndarray.as_in_ctx
    use_numpy_in_every_thread()
    end_loaders_at_exit()


def _show_mxnet(original: ModuleType, names: dict[str, Any]) -> None:
    """Let MXNet's modules, and no others, see a module with some names added or changed."""
    shown = ModuleType(original.__name__, original.__doc__)
    vars(shown).update(vars(original), **names)
    for name, module in list(sys.modules.items()):
        if name.startswith("mxnet."):
            for key, value in list(vars(module).items()):
                if value is original:
                    setattr(module, key, shown)


_GLOBALLY_ON = 2  # MXNet's enum NumpyShape: off, on in this thread, on in all


class _Switch(threading.local):
    """What MXNet looks up in each thread; on where nobody has switched it off."""

    def __init__(self) -> None:
        self.value = util._NumpyArrayScope(True)


def use_numpy_in_every_thread() -> None:
    """Do what ``npx.set_np()`` does, for the threads that there are and those to come."""
    npx.set_np()
    util.set_np_shape(_GLOBALLY_ON)
    util._NumpyArrayScope._current = _Switch()


def end_loaders_at_exit() -> None:
    """Let every loader of this process, d2l's too, end its processes when the script is over."""
    original = DataLoader.__init__
    loaders: WeakSet[Any] = WeakSet()

    def init(loader: Any, *args: Any, **kwargs: Any) -> None:
        loader._worker_pool = None  # read at deletion, also where the arguments are refused
        loaders.add(loader)
        original(loader, *args, **kwargs)

    @atexit.register
    def end() -> None:
        for loader in list(loaders):
            if loader._worker_pool is not None:
                loader._worker_pool.terminate()
                loader._worker_pool = None

    DataLoader.__init__ = init
