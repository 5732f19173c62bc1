"""Repair MXNet after its import: names, operators, data, processes, semantics in all threads."""

from __future__ import annotations

import atexit
import multiprocessing
import sys
import threading
import warnings
from functools import wraps
from types import ModuleType
from typing import Any, Callable
from weakref import WeakSet

import mxnet
import numpy
from mxnet import np, npx, util
from mxnet.gluon.data import DataLoader
from mxnet.gluon.data.vision import FashionMNIST

from d2l_mlp.compat.mxnet_arrays import repair_arrays
from d2l_mlp.compat.mxnet_operators import repair_operators
from d2l_mlp.compat.numpy_aliases import as_text, missing_names, restore_functions
from d2l_mlp.compat.numpy_protocol import add_numpy_protocol


def repair_mxnet(read_fashion_mnist: Callable[[bool], tuple]) -> None:
    """Make all repairs, once."""
    if hasattr(mxnet, "_is_repaired"):
        return
    mxnet._is_repaired = True
    _replace_in_mxnet(numpy, missing_names())
    # Gluon's loader processes get their data set by fork. Python 3.14 starts processes in another
    # way by default: each would fail, and the pool would replace it, for ever.
    fork = multiprocessing.get_context("fork")
    forking = {name: getattr(fork, name) for name in ("Pool", "Process", "get_context")}
    _replace_in_mxnet(multiprocessing, forking)
    for name in ("ndarray", "symbol"):  # which format the operators' arguments
        vars(sys.modules[f"mxnet._ctypes.{name}"])["str"] = as_text
    restore_functions(mxnet)
    add_numpy_protocol()
    # Gluon's loader calls the older name, which does the same and warns.
    mxnet.np.ndarray.as_in_context = mxnet.np.ndarray.as_in_ctx
    repair_arrays()
    repair_operators()
    mxnet.np.random.shuffle = shuffle
    mxnet.np.random.chisquare = scaled_chisquare(mxnet.np.random.chisquare)
    mxnet.np.random.multivariate_normal = multivariate_normal
    use_numpy_in_every_thread()
    repair_loaders()
    read_in_place_of_gluon(read_fashion_mnist)


def shuffle(x: np.ndarray) -> np.ndarray:
    """Shuffle in place, and return the array too, as the book's older editions expect."""
    mxnet.nd.np.random.shuffle(x)
    return x


def scaled_chisquare(chisquare: Callable) -> Callable:
    """Wrap the draw of MXNet, which is too small by a factor of 4."""

    @wraps(chisquare)
    def scaled(*args: Any, **kwargs: Any) -> Any:
        return 4 * chisquare(*args, **kwargs)

    return scaled


def multivariate_normal(
    mean: np.ndarray, cov: np.ndarray, size: Any = None, check_valid: Any = None, tol: Any = None
) -> np.ndarray:
    """Draw from a normal distribution; MXNet's own has another covariance, and no seed."""
    size = () if size is None else (size,) if isinstance(size, int) else tuple(size)
    noise = np.random.normal(size=(*size, *mean.shape, 1))
    return mean + np.matmul(np.linalg.cholesky(cov), noise).squeeze(-1)


def read_in_place_of_gluon(read: Callable[[bool], tuple]) -> None:
    """Fill Gluon's ``FashionMNIST`` by a function: the host of its own download is gone."""

    @wraps(FashionMNIST.__init__)
    def init(dataset: Any, root: Any = None, train: bool = True, transform: Any = None) -> None:
        dataset._train, dataset._transform = train, transform
        dataset._data, dataset._label = read(train)

    FashionMNIST.__init__ = init


def _replace_in_mxnet(original: ModuleType, names: dict[str, Any]) -> None:
    """Replace a module, in MXNet's modules alone, by a copy with some names added or changed."""
    shown = ModuleType(original.__name__, original.__doc__)
    vars(shown).update(vars(original), **names)
    for name, module in list(sys.modules.items()):
        if name.startswith("mxnet."):
            for key, value in list(vars(module).items()):
                if value is original:
                    setattr(module, key, shown)


_GLOBALLY_ON = 2  # MXNet's enum NumpyShape: off, on in this thread, on in all


class _WithShapes(util._NumpyArrayScope):
    """NumPy's arrays wherever its shapes are on, which MXNet's library switches for all threads."""

    def __init__(self) -> None:
        self._old_scope = None

    @property
    def _is_np_array(self) -> bool:
        return bool(util.is_np_shape())


class _Switch(threading.local):
    """What MXNet looks up in each thread, until the thread sets it for itself."""

    def __init__(self) -> None:
        self.value = _WithShapes()


def use_numpy_in_every_thread() -> None:
    """Let ``npx.set_np()`` and ``npx.reset_np()`` hold in all threads, and switch NumPy on.

    Otherwise nets and autograd fail in other threads with messages about deferred initialization.
    """
    original = util.set_np

    @wraps(original)
    def set_np(shape: bool = True, array: bool = True) -> None:
        original(shape, array)
        if shape:
            util.set_np_shape(_GLOBALLY_ON)

    util.set_np = npx.set_np = set_np
    util._NumpyArrayScope._current = _Switch()
    npx.set_np()


def repair_loaders() -> None:
    """Start the processes of every Gluon loader without a warning, and end them before all else.

    Gluon ends them when a loader is deleted, which is too late at exit: Python then prints
    "Exception ignored".
    """
    original = DataLoader.__init__
    loaders: WeakSet[Any] = WeakSet()

    def init(loader: Any, *args: Any, **kwargs: Any) -> None:
        loader._worker_pool = None  # __del__ reads it, also if the arguments are refused
        loaders.add(loader)
        with warnings.catch_warnings():
            # Python 3.12 warns of a fork beside threads; d2l_mlp.hardware.openmp makes it safe.
            warnings.filterwarnings("ignore", ".*is multi-threaded", DeprecationWarning)
            original(loader, *args, **kwargs)

    @atexit.register
    def end() -> None:
        for loader in list(loaders):
            if loader._worker_pool is not None:
                loader._worker_pool.terminate()
                loader._worker_pool = None

    DataLoader.__init__ = init
