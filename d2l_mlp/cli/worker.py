"""A worker of a distributed training: how it joins the others, its heartbeat, and how it ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from d2l_mlp.cli.command import STOPPING, SaidError

if TYPE_CHECKING:  # MXNet is imported when a worker starts
    from d2l_mlp.training.distributed import Workers

HEARTBEAT = "D2L_MLP_HEARTBEAT"  # environment variable: the file that a launcher watches
OTHER_FAILED = 3  # exit code of a worker that ends because another one has failed
DIVERGED = 4  # exit code of a training that has diverged
_SECONDS = 8.0  # from a signal to the end of a worker that waits for others


def has_launcher() -> bool:
    """Return whether a launcher has started this command."""
    return bool(os.environ.get(HEARTBEAT))


def beat() -> None:
    """Report progress to the launcher, if there is one."""
    path = os.environ.get(HEARTBEAT)
    if path:
        os.utime(path)


class DivergedError(ArithmeticError):
    """A training has diverged, as it would again if it were resumed."""

    exit_code = DIVERGED


class OtherFailedError(SaidError):
    """A worker ends because another one has failed, which says why."""

    exit_code = OTHER_FAILED


@contextmanager
def join_workers(kvstore: str, prog: str) -> Iterator[Workers]:
    """Wait for the other workers, and yield all of them."""
    import mxnet

    from d2l_mlp.training.distributed import WorkerLeftError, Workers

    with _exit_after_signal(prog):
        workers = Workers(mxnet.kvstore.create(kvstore))
        beat()  # all are there
        try:
            yield workers
        except WorkerLeftError as error:
            print(f"{prog}: error: {error}", file=sys.stderr)
            raise OtherFailedError from error
        finally:
            workers.close()


@contextmanager
def _exit_after_signal(prog: str) -> Iterator[None]:
    """End the process some seconds after one of `STOPPING`, wherever it is.

    A worker waits for others in MXNet's native code. When one of them is gone, it never comes back
    to Python, which would handle the signal.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    over = threading.Event()

    def watch() -> None:
        numbers = os.read(reader, 1)
        while numbers and numbers[0] not in STOPPING:
            numbers = os.read(reader, 1)
        os.close(reader)
        if numbers and not over.wait(_SECONDS):
            print(
                f"{prog}: ended by signal {numbers[0]} while it waited for other workers",
                file=sys.stderr, flush=True,
            )  # fmt: skip
            os._exit(128 + numbers[0])

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        os.close(writer)
