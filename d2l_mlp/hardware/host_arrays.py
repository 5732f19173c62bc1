"""View the memory of MXNet's arrays as NumPy arrays.

MXNet's wheel is compiled for the first x86-64 processors: except for matrix products its operators
take six times as long as NumPy's, which use the instructions that the processor has.
"""

from __future__ import annotations

import ctypes
import operator
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, TypeVar

import mxnet
import numpy
from mxnet import gluon, np
from mxnet.base import _LIB, NDArrayHandle, check_call

Array = TypeVar("Array", bound=np.ndarray)


def is_on_host(device: mxnet.Context) -> bool:
    """Return whether arrays on a device are in memory that NumPy can reach."""
    return device.device_type != "gpu"


class HostMemory:
    """The memory of an array on the host (see `is_on_host`)."""

    def __init__(self, array: np.ndarray):
        self.array = array
        self._address = ctypes.c_void_p()
        self._viewed = 0
        self._view = numpy.empty(0)

    def view(self) -> numpy.ndarray:
        """Return a view of the same shape and dtype, valid until MXNet uses the array again.

        MXNet's pending writes are waited for; before writing, wait for pending reads as well, with
        ``npx.waitall()``.
        """
        check_call(_LIB.MXNDArrayWaitToRead(self.array.handle))
        check_call(_LIB.MXNDArrayGetData(self.array.handle, ctypes.byref(self._address)))
        address = self._address.value
        if not address:  # it has no elements
            return numpy.empty(self.array.shape, self.array.dtype)
        if address != self._viewed:
            interface = {
                "version": 3, "data": (address, False), "shape": self.array.shape,
                "typestr": numpy.dtype(self.array.dtype).str,
            }  # fmt: skip
            # The view keeps the namespace alive, and so the array.
            owner = SimpleNamespace(array=self.array, __array_interface__=interface)
            self._view = numpy.asarray(owner)
            self._viewed = address  # last: Ctrl-C may come in between
        return self._view


class MemoryWatch:
    """Notices when Gluon gives parameters new arrays: cast, moved, frozen or unfrozen."""

    def __init__(self, parameters: Iterable[gluon.Parameter]):
        self._parameters = list(parameters)
        self._seen: list = []

    def has_changed(self) -> bool:
        """Return whether it has since the last call; True in the first."""
        arrays = [array for p in self._parameters for array in (p._data, p._grad)]
        same = len(arrays) == len(self._seen) and all(map(operator.is_, arrays, self._seen))
        self._seen = arrays
        return not same


class Reused(np.ndarray):
    """An array that takes the values of one minibatch after the other; its slices are ordinary."""

    def __getitem__(self, key: Any) -> np.ndarray:
        """Return a slice or an element as an ordinary array."""
        return shallow_copy(self, np.ndarray)[key]


def shallow_copy(array: np.ndarray, kind: type[Array]) -> Array:
    """Return another array, of a class of one's own, with the same memory."""
    handle = NDArrayHandle()
    check_call(_LIB.MXShallowCopyNDArray(array.handle, ctypes.byref(handle)))
    return kind(handle)
