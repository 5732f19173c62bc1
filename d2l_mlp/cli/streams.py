"""Standard streams that nobody may listen to: a command says what it can, and goes on."""

import errno
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional


class _Forgiving:
    """A standard stream whose reader may go away, and whose encoding may lack a character."""

    def __init__(self, stream: Any):
        self._stream = stream
        self.lost: Optional[OSError] = None
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, if anybody reads."""
        try:
            self._stream.write(text)
        except (OSError, ValueError) as error:  # ValueError: it has been closed
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Hand over what was written, if anybody reads."""
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Lead the stream nowhere from here on, so that Python can end it in peace at exit."""
        if isinstance(error, OSError) and error.errno not in (errno.EPIPE, errno.EBADF):
            self.lost = error  # and not that its reader has seen enough
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


def check_delivered() -> None:
    """Raise an OSError if a part of a command's output is lost, as where the disk is full.

    For a command whose product is its output. A reader who has seen enough is no error.
    """
    sys.stdout.flush()
    lost = getattr(sys.stdout, "lost", None)
    if lost:
        raise OSError(f"the output cannot be written ({lost.strerror}); lead it elsewhere")


def _nowhere() -> Any:
    return Path(os.devnull).open("w")
