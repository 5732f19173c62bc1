"""The memory of MXNet's arrays, as NumPy arrays.

MXNet's wheel is compiled for the first x86-64 processors: outside of matrix products its operators
take six times as long as NumPy, which finds out what the processor can do.
"""

from __future__ import annotations

import ctypes
import operator
from collections.abc import Iterable
from typing import Any, TypeVar

import mxnet
import numpy
from mxnet import gluon, np
from mxnet.base import _LIB, NDArrayHandle, check_call

Array = TypeVar("Array", bound=np.ndarray)


def is_on_host(device: mxnet.Context) -> bool:
    """Tell whether what lives on a device is where NumPy can reach it."""
    return device.device_type != "gpu"


class HostMemory:
    """The very memory of an array that lives on the host.

    Parameters
    ----------
    array : mxnet.np.ndarray
        On a device of which `is_on_host` holds.
    """

    def __init__(self, array: np.ndarray):
        self.array = array
        self._address = ctypes.c_void_p()
        self._viewed = 0
        self._view = numpy.empty(0)

    def view(self) -> numpy.ndarray:
        """Give it to be read and written.

        What MXNet still writes into it is waited for; before writing, wait also for what may still
        read it, by ``npx.waitall()``.

        Returns
        -------
        numpy.ndarray
            Of the same shape and dtype, until MXNet uses the array again: it may then move.
        """
        check_call(_LIB.MXNDArrayWaitToRead(self.array.handle))
        check_call(_LIB.MXNDArrayGetData(self.array.handle, ctypes.byref(self._address)))
        address = self._address.value
        if not address:  # it has no elements
            return numpy.empty(self.array.shape, self.array.dtype)
        if address != self._viewed:
            self._view = numpy.asarray(_Interface(self.array, address))
            self._viewed = address  # last: Ctrl-C may come in between
        return self._view


class MemoryWatch:
    """Notices when Gluon gives parameters other memory: as they are cast, moved, frozen or thawed.

    Parameters
    ----------
    parameters : iterable of gluon.Parameter
        To be watched.
    """

    def __init__(self, parameters: Iterable[gluon.Parameter]):
        self._parameters = list(parameters)
        self._seen: list = []

    def has_changed(self) -> bool:
        """Tell whether it has since this was last asked; the first time, that it has."""
        arrays = [array for p in self._parameters for array in (p._data, p._grad)]
        same = len(arrays) == len(self._seen) and all(map(operator.is_, arrays, self._seen))
        self._seen = arrays
        return not same


class Reused(np.ndarray):
    """An array that takes the values of one minibatch after the other; its slices are plain."""

    def __getitem__(self, key: Any) -> np.ndarray:
        """Slice it, or read an element."""
        return shallow_copy(self, np.ndarray)[key]


def shallow_copy(array: np.ndarray, kind: type[Array]) -> Array:
    """Make another array, of a class of one's own, that has the same memory."""
    handle = NDArrayHandle()
    check_call(_LIB.MXShallowCopyNDArray(array.handle, ctypes.byref(handle)))
    return kind(handle)


class _Interface:
    """What NumPy asks an object for that has memory; the view of it keeps the array alive."""

    def __init__(self, array: np.ndarray, address: int):
        self.array = array
        self.__array_interface__ = {
            "version": 3, "data": (address, False), "shape": array.shape,
            "typestr": numpy.dtype(array.dtype).str,
        }  # fmt: skip
