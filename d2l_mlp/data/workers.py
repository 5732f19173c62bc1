"""Processes that load minibatches, and whose death is noticed at once.

Gluon's own pool of processes hangs if one of them is killed while it holds a lock of the pool's,
waits two minutes for what a killed one was to load, and needs shared memory, of which a container
has little. Here every process has a pipe of its own; nothing else is shared.
"""

from __future__ import annotations

import itertools
import multiprocessing
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from typing import Any

from mxnet import np, npx
from mxnet.gluon.data import Dataset
from mxnet.gluon.data.dataloader import default_batchify_fn

# Seconds that a process may take for a minibatch.
_PATIENCE = 60


class Workers:
    """Processes that load the examples of a data set.

    Parameters
    ----------
    dataset : mxnet.gluon.data.Dataset
        Gives (features, label) by index.
    num_workers : int
        How many processes. They end with this object, and with this process.
    """

    def __init__(self, dataset: Dataset, num_workers: int):
        npx.waitall()  # what is being computed would be lost to the forked process
        self._workers = [_Worker(dataset) for _ in range(num_workers)]

    def minibatches(self, batches: Iterable[list[int]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Load minibatches, each process one ahead.

        Parameters
        ----------
        batches : iterable of list of int
            Indices of each minibatch's examples.

        Yields
        ------
        tuple of mxnet.np.ndarray
            Features and labels, on the CPU, as Gluon's ``default_batchify_fn`` puts them together.

        Raises
        ------
        ChildProcessError
            If a process has ended, or does not answer.
        """
        batches = iter(batches)
        asked: deque[_Worker] = deque()
        for worker, rows in zip(self._workers, batches):
            worker.ask(rows)
            asked.append(worker)
        while asked:
            worker = asked.popleft()
            arrays = worker.answer()
            for rows in itertools.islice(batches, 1):
                worker.ask(rows)
                asked.append(worker)
            X, y = (np.array(array, dtype=array.dtype) for array in arrays)
            yield X, y


class _Worker:
    def __init__(self, dataset: Dataset):
        self._connection, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=_serve, args=(dataset, theirs, self._connection), daemon=True
        )
        self._process.start()
        theirs.close()  # so that the pipe ends with the process
        self._waits = False
        Finalize(self, self._process.kill, exitpriority=0)

    def ask(self, rows: list[int]) -> None:
        if self._waits:  # an iteration was left in its middle
            self.answer()
        try:
            self._connection.send(rows)
        except OSError:
            raise self._has_ended() from None
        self._waits = True

    def answer(self) -> Any:
        # Not in one go: the clock goes on while a terminal or a batch system has us stopped.
        try:
            if not any(self._connection.poll(1) for _ in range(_PATIENCE)):
                raise ChildProcessError(
                    f"a process of the loader has not answered for {_PATIENCE} s; load without "
                    "processes (--workers 0)"
                )
            answer = self._connection.recv()
        except (EOFError, ConnectionError):
            raise self._has_ended() from None
        self._waits = False
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _has_ended(self) -> ChildProcessError:
        self._process.join()
        code = self._process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        why = ", as by Linux when memory runs out" if code == -signal.SIGKILL else ""
        return ChildProcessError(
            f"a process of the loader {how}{why}; give fewer --workers, or 0, and go on"
        )


def _serve(dataset: Dataset, connection: Connection, parent: Connection) -> None:
    parent.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, who decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(EOFError, ConnectionError):  # the parent has gone, and with it the work
        while True:
            rows = connection.recv()
            try:
                arrays = default_batchify_fn([dataset[i] for i in rows])
                answer: Any = [array.asnumpy() for array in arrays]
            except Exception as error:
                answer = error
            connection.send(answer)
