"""End a process some time after a signal, wherever it is.

A worker waits for the others in native code of MXNet. Where one of them is gone, it never comes
back to Python, which would handle the signal.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def after_signal(seconds: float, prog: str) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the process, unless the ``with`` block does so in time.

    Parameters
    ----------
    seconds : float
        From the signal to the end.
    prog : str
        Name of the command, which begins the line that is said then.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    over = threading.Event()
    threading.Thread(target=_watch, args=(reader, over, seconds, prog), daemon=True).start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        os.close(writer)


def _watch(reader: int, over: threading.Event, seconds: float, prog: str) -> None:
    numbers = os.read(reader, 1)
    while numbers and numbers[0] not in (signal.SIGINT, signal.SIGTERM):
        numbers = os.read(reader, 1)
    os.close(reader)
    if numbers and not over.wait(seconds):
        print(
            f"{prog}: ended by signal {numbers[0]}: it waited for others in vain",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        os._exit(128 + numbers[0])
