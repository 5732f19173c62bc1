"""Standard streams that nobody may listen to: a command says what it can, and goes on."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator


class _Forgiving:
    """A standard stream whose reader may go away, and whose encoding may lack a character."""

    def __init__(self, stream: Any):
        self._stream = stream
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, if anybody reads."""
        try:
            self._stream.write(text)
        except (OSError, ValueError):  # ValueError: it has been closed
            self._give_up()
        return len(text)

    def flush(self) -> None:
        """Hand over what was written, if anybody reads."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._give_up()

    def _give_up(self) -> None:
        """Lead the stream nowhere from here on, so that Python can end it in peace at exit."""
        if not self._stream.closed:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        self._stream = _nowhere()


@contextmanager
def forgiving() -> Iterator[None]:
    """Let a command's output be lost, within the ``with`` block, where nobody takes it.

    Standard output and error may be closed, None, full, or a pipe or a terminal that has gone away.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file to be opened would get its number
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    streams = [_Forgiving(stream or _nowhere()) for stream in before]
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        for stream in streams:
            stream.flush()
        sys.stdout, sys.stderr = before


def _nowhere() -> Any:
    return Path(os.devnull).open("w")
