"""Several processes that train together: whatever each gives is added up, and all get the sum.

The sums are made by MXNet's KVStore, on its servers. There is one array for everything: at its head
are some numbers, and whether a worker is about to end; then come the gradients. So in whatever sum
the others wait for it, a worker that fails can take part in it, and tell them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Callable

import mxnet
import numpy
from mxnet import np
from mxnet.base import _LIB, check_call

from d2l_mlp.hardware.host_arrays import HostMemory

_NUMBERS = 1024  # that one sum can hold beside the gradients
_HEAD = 2 + _NUMBERS  # before them: how many workers end with this sum, and which


class WorkerLeftError(ConnectionError):
    """Another worker has ended, and said so; the message names it."""


class Workers:
    """The workers that train together, of which this process is one.

    Use it as a context, within which all workers call the same methods in the same order. An
    exception in one of them ends the others by a `WorkerLeftError` in their next sum.

    Parameters
    ----------
    kvstore : mxnet.kvstore.KVStore, optional
        Of the type ``dist_sync``; without it, this process is the only one.

    Attributes
    ----------
    rank : int
        Number of this worker, from 0.
    number : int
        How many there are.
    """

    def __init__(self, kvstore: mxnet.kvstore.KVStore | None = None):
        self._kvstore = kvstore
        self.rank: int = kvstore.rank if kvstore else 0
        self.number: int = kvstore.num_workers if kvstore else 1
        self._key, self._at_work = -1, True
        self.expect(0)

    def expect(self, size: int, dtype: str = "float32") -> None:
        """Make room for arrays of so many elements altogether, which `add_up` will be given."""
        if self._kvstore is None:
            return
        self._key += 1
        array = np.zeros((_HEAD + size,), dtype=dtype, ctx=mxnet.cpu())
        self._kvstore.init(self._key, array)
        self._memory = HostMemory(array)

    def add_up(self, arrays: Sequence[numpy.ndarray], numbers: Sequence[float] = ()) -> list[float]:
        """Replace arrays by their sums over the workers.

        Parameters
        ----------
        arrays : sequence of numpy.ndarray
            Of the same shapes at each worker; changed in place.
        numbers : sequence of float
            As many at each worker, at most 1,024; added up too, in single precision.

        Returns
        -------
        list of float
            The sums of `numbers`.

        Raises
        ------
        WorkerLeftError
            If another worker has ended.
        """
        if self._kvstore is None:
            return list(numbers)
        return self._exchange(arrays, numbers, leaving=False)

    def told(self, decide: Callable[[], Any]) -> Any:
        """Tell all workers what a function returns at worker 0, where alone it is called.

        Parameters
        ----------
        decide : callable
            Returns something that JSON can hold. If it raises, all workers end.

        Returns
        -------
        object
            What JSON makes of it; for one process, the very thing.
        """
        if self._kvstore is None:
            return decide()
        text = json.dumps(decide()).encode() if self.rank == 0 else b""
        (size,) = map(int, self.add_up((), [len(text)]))
        text = text or bytes(size)  # which are zeros
        parts = (list(text[i : i + _NUMBERS]) for i in range(0, size, _NUMBERS))
        return json.loads(b"".join(bytes(map(int, self.add_up((), part))) for part in parts))

    def finish(self) -> None:
        """Let all come so far, until when each can tell the others that it has failed.

        What a worker does afterwards, it does alone.

        Raises
        ------
        WorkerLeftError
            If another worker has ended.
        """
        self.add_up(())
        self._at_work = False

    def close(self) -> None:
        """Wait for the other workers at the end; servers and scheduler end then, too."""
        self._kvstore = None

    def _exchange(
        self, arrays: Sequence[numpy.ndarray], numbers: Sequence[float], leaving: bool
    ) -> list[float]:
        assert self._kvstore is not None
        view = self._memory.view()
        view[:_HEAD] = 0
        if leaving:
            view[:2] = 1, self.rank
        view[2 : 2 + len(numbers)] = numbers
        ends = _HEAD + numpy.cumsum([array.size for array in arrays], dtype=int)
        for array, end in zip(arrays, ends):
            view[end - array.size : end].reshape(array.shape)[:] = array
        self._at_work = False
        try:
            self._kvstore.pushpull(self._key, self._memory.array)
            view = self._memory.view()  # which waits
        except BaseException:
            # This sum is not over, and no other can tell of it: so wait for nobody at the end.
            check_call(_LIB.MXKVStoreSetBarrierBeforeExit(self._kvstore.handle, 0))
            raise
        self._at_work = True
        if view[0] and not leaving:
            who = f"worker {view[1]:.0f} has" if view[0] == 1 else f"{view[0]:.0f} workers have"
            raise WorkerLeftError(f"{who} ended, and so does worker {self.rank}")
        for array, end in zip(arrays, ends):
            array[:] = view[end - array.size : end].reshape(array.shape)
        return [float(number) for number in view[2 : 2 + len(numbers)]]

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None
    ) -> None:
        """Tell the others of an exception that they do not know of."""
        left = kind is not None and issubclass(kind, WorkerLeftError)
        if kind and self._kvstore and self._at_work and not left:
            self._exchange((), (), leaving=True)
