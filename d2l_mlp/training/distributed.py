"""Workers: the processes of a distributed training, and what they sum over all of them.

The sums are made by MXNet's KVStore, on its servers. There is one array for everything: a head of
some numbers and of who is about to leave, then the gradients. So a worker that fails can take part
in the very sum that the others are waiting for, and tell them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Callable

import mxnet
import numpy
from mxnet import np
from mxnet.base import _LIB, check_call

from d2l_mlp.hardware.host_arrays import HostMemory

_NUMBERS = 1024  # that one sum can hold beside the gradients
_HEAD = 2 + _NUMBERS  # before them: how many workers leave with this sum, and which


class WorkerLeftError(ConnectionError):
    """Another worker has failed, and all end; the message names it."""


class Workers:
    """All workers of a distributed training, seen from one of them, the number `rank` of `size`.

    A context, within which all workers call the same methods in the same order. An exception in one
    of them raises `WorkerLeftError` in the next sum of the others. Without a KVStore, of the type
    ``dist_sync``, this process is the only worker.
    """

    def __init__(self, kvstore: mxnet.kvstore.KVStore | None = None):
        self._kvstore = kvstore
        self.rank: int = kvstore.rank if kvstore else 0
        self.size: int = kvstore.num_workers if kvstore else 1
        self._key, self._in_step = -1, True
        self.reserve(0)

    def reserve(self, elements: int, dtype: str = "float32") -> None:
        """Allocate memory for the arrays of one `all_reduce`, of so many elements in all."""
        if self._kvstore is None:
            return
        self._key += 1
        array = np.zeros((_HEAD + elements,), dtype=dtype, ctx=mxnet.cpu())
        self._kvstore.init(self._key, array)
        self._memory = HostMemory(array)

    def all_reduce(
        self, arrays: Sequence[numpy.ndarray], numbers: Sequence[float] = ()
    ) -> list[float]:
        """Replace arrays by their sums over the workers, and return the sums of numbers.

        Shapes and the count of numbers (at most 1,024, in single precision) are the same at all.
        """
        if self._kvstore is None:
            return list(numbers)
        return self._exchange(arrays, numbers, leaving=False)

    def broadcast(self, function: Callable[[], Any]) -> Any:
        """Run a function on worker 0, and return its result, as JSON has it, at every worker."""
        if self._kvstore is None:
            return function()
        text = json.dumps(function()).encode() if self.rank == 0 else b""
        (size,) = map(int, self.all_reduce((), [len(text)]))
        text = text or bytes(size)  # zeros
        parts = (list(text[i : i + _NUMBERS]) for i in range(0, size, _NUMBERS))
        return json.loads(b"".join(bytes(map(int, self.all_reduce((), part))) for part in parts))

    def barrier(self) -> None:
        """Wait for all workers; what one does afterwards, it does alone."""
        self.all_reduce(())
        self._in_step = False

    def close(self) -> None:
        """Leave: servers and scheduler end when all workers have left."""
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
        self._in_step = False
        try:
            self._kvstore.pushpull(self._key, self._memory.array)
            view = self._memory.view()  # which waits
        except BaseException:
            # The others cannot be told in a sum that is not over: do not wait for them at exit.
            check_call(_LIB.MXKVStoreSetBarrierBeforeExit(self._kvstore.handle, 0))
            raise
        self._in_step = True
        if view[0] and not leaving:
            who = f"worker {view[1]:.0f} has" if view[0] == 1 else f"{view[0]:.0f} workers have"
            raise WorkerLeftError(f"{who} ended, and so does worker {self.rank}")
        for array, end in zip(arrays, ends):
            array[:] = view[end - array.size : end].reshape(array.shape)
        return [float(number) for number in view[2 : 2 + len(numbers)]]

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        """Tell the other workers of an exception that they do not know of."""
        if kind and self._kvstore and self._in_step and not issubclass(kind, WorkerLeftError):
            self._exchange((), (), leaving=True)
