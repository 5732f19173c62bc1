"""How a command ends: signals, exit codes, one line that says why, and output that nobody reads."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, TextIO

from d2l_mlp.compat.interpreter import explain_import_error
from d2l_mlp.files import printable
from d2l_mlp.hardware.cpu import check_threads

FAILURE = 1
"""Exit code; a command stopped by a signal exits with 128 + its number."""

TRACEBACK = "D2L_MLP_TRACEBACK"
"""Environment variable; if it is set, an error is shown with its traceback."""

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""Signals that end a command in order: of users, of a terminal that closes, of schedulers."""


class SaidError(Exception):
    """The command has failed, and what has failed is printed already."""


def run_command(prog: str, body: Callable[[Signals], None]) -> int:
    """Run a command, turn any exception into one line, and return the exit code.

    It is 0, 1, the exception's attribute ``exit_code``, or 128 and the signal's number.
    """
    with tolerant_streams(), _caches(), Signals() as signals:
        log = logging.StreamHandler()
        log.setFormatter(_OneLine(f"{prog}: %(message)s"))
        logging.basicConfig(handlers=[log])
        try:
            try:
                check_threads()
                body(signals)
                if "mxnet" in sys.modules:  # its operators fail later than they are called
                    sys.modules["mxnet"].npx.waitall()
            finally:
                signals.end()  # first: the signal, which other processes get too, may cause errors
            return 0
        except Stopped as stopped:
            print(f"{prog}: stopped by {stopped.reason}", file=sys.stderr)
            return stopped.exit_code
        except SaidError as error:
            return getattr(error, "exit_code", FAILURE)
        except Exception as error:
            if os.environ.get(TRACEBACK):
                traceback.print_exc()
            else:
                print(f"{prog}: error: {_describe(error)}", file=sys.stderr)
            return getattr(error, "exit_code", FAILURE)


def say(line: str, file: TextIO | None = None) -> None:
    """Print a line, which stays one whatever the names of files in it hold."""
    print(printable(line), file=file, flush=True)


@contextmanager
def _caches() -> Iterator[None]:
    """Lend a user without a home a folder, or libraries such as matplotlib end at their import."""
    if os.path.expanduser("~") != "~":  # noqa: PTH111 (never raises)
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            os.environ.setdefault(name, folder)
        yield


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def _describe(error: Exception) -> str:
    if isinstance(error, ImportError):
        return explain_import_error(error)
    if isinstance(error, MemoryError):
        return "the memory is not enough; make the net or the minibatches smaller"
    name, reason = type(error).__name__, str(error).strip()
    if name == "MXNetError" or "Traceback" in reason:  # C++ stack frames come first
        *_, reason = reason.splitlines() or [""]
    reason = printable(reason)
    if isinstance(error, (ArithmeticError, OSError, ValueError)) or name == "MXNetError":
        return reason or name
    return f"{name}: {reason} ({TRACEBACK}=1 shows where)"


class Stopped(BaseException):
    """One of `STOPPING`. Not an ``Exception``, so that no library handles it as a failure."""

    def __init__(self, signum: int):
        super().__init__(signum)
        self.exit_code = 128 + signum
        self.reason = "Ctrl-C" if signum == signal.SIGINT else signal.Signals(signum).name


class Signals:
    """Turn the signals `STOPPING` into `Stopped`: at once, or, while `deferred`, in `check`.

    Within a ``with`` block; after it the handlers are those of before. Python handles signals in
    the main thread alone; in another nothing is changed.
    """

    def __init__(self) -> None:
        self._deferred = False
        self._received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            for signum in STOPPING:
                if signum == signal.SIGHUP and nohup:
                    continue
                self._before[signum] = signal.signal(signum, self._handle)
        return self

    def __exit__(self, *error: Any) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _handle(self, signum: int, frame: object) -> None:
        self._received = signum
        if not self._deferred:
            self.check()

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Defer signals to `check`, or to the end of the ``with`` block.

        For what must not be interrupted: a step of the optimizer, a file, and the import of a
        library written in C, which may turn the exception into another.
        """
        self._deferred = True
        yield
        self._deferred = False  # not after an exception: the command ends undisturbed
        self.check()

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """Let a signal end the process within the ``with`` block, where Python never handles it."""
        for signum in self._before:
            signal.signal(signum, signal.SIG_DFL)
        yield
        for signum in self._before:
            signal.signal(signum, self._handle)

    def check(self) -> None:
        """Raise `Stopped` if a signal was received."""
        if self._received is not None:
            raise Stopped(self._received)

    def end(self) -> None:
        """Raise `Stopped` if a signal was received; later ones have no effect."""
        self._deferred = True
        self.check()


@contextmanager
def tolerant_streams() -> Iterator[None]:
    """Keep a command alive, within the ``with`` block, when nobody reads what it prints.

    Standard output and error may be closed, None, full, or a pipe or a terminal that has gone away.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file would get its number, and what MXNet logs
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    streams = [_TolerantStream(stream or _devnull()) for stream in before]
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        for stream in streams:
            stream.flush()
        sys.stdout, sys.stderr = before


def check_delivered() -> None:
    """Raise an OSError if a part of a command's output is lost, as on a full disk.

    For a command whose product is its output. A reader who has closed the pipe is no error.
    """
    sys.stdout.flush()
    lost = getattr(sys.stdout, "lost", None)
    if lost:
        raise OSError(f"the output cannot be written ({lost.strerror}); write it elsewhere")


class _TolerantStream:
    """A standard stream whose reader may go away, and whose encoding may lack a character."""

    def __init__(self, stream: Any):
        self._stream = stream
        self.lost: OSError | None = None
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, action: Callable[[], Any]) -> None:
        """Do it; if that fails, send everything to /dev/null, so that Python can flush at exit."""
        try:
            action()
        except (OSError, ValueError) as error:  # ValueError: it is closed
            if isinstance(error, OSError) and error.errno not in (errno.EPIPE, errno.EBADF):
                self.lost = error
            if not self._stream.closed:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)
            self._stream = _devnull()


def _devnull() -> Any:
    return Path(os.devnull).open("w")
