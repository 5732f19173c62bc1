"""What several processes write, line by line, on this process's own streams."""

import fcntl
import os
import pty
import selectors
import shutil
import struct
import sys
import termios
import time
import tty
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator

from d2l_mlp.supervision.role import Role

_CLEAR = "\033[K"  # the rest of the line
_WAIT = 0.05  # seconds


@dataclass
class _Stream:
    role: Role
    error: bool
    rest: bytes = b""  # of a line that has not ended


class Console:
    """Shows each line behind the name of the process that wrote it.

    On a terminal, the processes have one too for their standard error, where one of them may show
    a progress bar: what it writes after a carriage return stays below the lines.

    Parameters
    ----------
    kept : callable
        Tells of a line of standard error whether it is not shown, but only kept in its role.

    Attributes
    ----------
    quiet : bool
        Whether no line of standard error is shown any more.
    """

    def __init__(self, kept: Callable[[str], bool]):
        self.quiet = False
        self._kept = kept
        self._terminal = sys.stderr.isatty()
        self._selector = selectors.DefaultSelector()
        self._bar = ""

    @contextmanager
    def streams(self, role: Role) -> Iterator[Dict[str, Any]]:
        """Give the streams for a process that is started in the ``with`` block."""
        out, their_out = os.pipe()
        err, their_err = pty.openpty() if self._terminal else os.pipe()
        self._selector.register(out, selectors.EVENT_READ, _Stream(role, False))
        self._selector.register(err, selectors.EVENT_READ, _Stream(role, True))
        try:
            if self._terminal:
                tty.setraw(their_err)  # which leaves the ends of lines as they are
                columns, rows = shutil.get_terminal_size()
                size = struct.pack("HHHH", rows, columns, 0, 0)
                fcntl.ioctl(their_err, termios.TIOCSWINSZ, size)  # in which a bar has to fit
                role.environment = {**role.environment, "COLUMNS": str(columns)}
            yield {"stdout": their_out, "stderr": their_err}
        finally:
            os.close(their_out)
            os.close(their_err)

    def forward(self, wait: float = _WAIT) -> bool:
        """Show what is written, after a moment at most; False if nothing is."""
        if not self._selector.get_map():
            time.sleep(wait)
            return False
        ready = self._selector.select(wait)
        for key, _ in ready:
            self._read(key.fd, key.data)
        return bool(ready)

    def close(self) -> None:
        """Show what is left, and clear the bar; the processes have ended."""
        while self.forward(0):
            pass
        for key in list(self._selector.get_map().values()):  # whose writer is not of the group
            self._leave(key.fd)
        self._selector.close()
        self._draw("")

    def _read(self, descriptor: int, stream: _Stream) -> None:
        try:
            read = os.read(descriptor, 1 << 16)
        except OSError:  # so a terminal tells that its other end is closed
            read = b""
        *lines, stream.rest = (stream.rest + read).split(b"\n")
        if not read:
            self._leave(descriptor)
            lines.append(stream.rest)
            stream.rest = b""
        for line in lines:
            self._show(stream, _shown(line))
        _, carriage_return, bar = stream.rest.rpartition(b"\r")
        if carriage_return:
            stream.rest = carriage_return + bar
            self._draw(_shown(bar))

    def _leave(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)
        os.close(descriptor)

    def _show(self, stream: _Stream, line: str) -> None:
        if not line.strip():
            return
        if stream.error:
            stream.role.last_line = line
            if self.quiet or self._kept(line):
                return
        bar = self._bar
        self._draw("")
        print(f"{stream.role.name} | {line}", file=sys.stderr if stream.error else sys.stdout)
        (sys.stderr if stream.error else sys.stdout).flush()
        self._draw(bar)

    def _draw(self, bar: str) -> None:
        if bar != self._bar:
            sys.stderr.write(f"\r{_CLEAR}{bar}")
            sys.stderr.flush()
            self._bar = bar


def _shown(line: bytes) -> str:
    """Give what a terminal shows of a line: what follows its last carriage return."""
    text = line.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace")
    return text.replace(_CLEAR, "").rstrip()
