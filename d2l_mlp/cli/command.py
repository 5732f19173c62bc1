"""How a command ends: signals, exit codes, and one line that says why."""

# DOC(cli.streams): Standard streams that nobody may listen to: a command says what it can, and goes on.

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

from d2l_mlp.cli.flags import USAGE
from d2l_mlp.compat.environment import EnvironmentVariableError
from d2l_mlp.compat.interpreter import explain_import_error


class _Forgiving:
    """A standard stream whose reader may go away, and whose encoding may lack a character."""

    def __init__(self, stream: Any):
        self._stream = stream
        self.lost: OSError | None = None
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
def tolerant_streams() -> Iterator[None]:
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


FAILURE = 1
"""Exit code; a command stopped by a signal exits with 128 + its number."""

_AGAIN = 0.01  # seconds, in which a finalizer ends


class Stopped(BaseException):
    """Ctrl-C or SIGTERM. Not an ``Exception``, so that no library handles it as a failure."""

    def __init__(self, signum: int):
        super().__init__(signum)
        self.exit_code = 128 + signum
        self.reason = "Ctrl-C" if signum == signal.SIGINT else signal.Signals(signum).name


class SaidError(Exception):
    """The command has failed and has said why, as where each of several files gets a line."""


class Signals:
    """Turns SIGINT and SIGTERM into `Stopped`: at once, or, while `deferred`, in `check`.

    Within a ``with`` block; after it the handlers are those of before. In a thread that is not the
    main one, Python lets nobody handle signals, and nothing is changed.
    """

    def __init__(self) -> None:
        self._deferred = False
        self._raised = False
        self._received: int | None = None
        self._pid = os.getpid()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for signum in (signal.SIGINT, signal.SIGTERM):
                self._before[signum] = signal.signal(signum, self._handle)
            self._hook, sys.unraisablehook = sys.unraisablehook, self._handle_unraisable
            # A loader ends its worker processes by SIGTERM and waits for them: it has to kill them
            # wherever they are, also in native code, where a handler in Python never runs.
            os.register_at_fork(after_in_child=self._let_child_die)
        return self

    def __exit__(self, *error: Any) -> None:
        if signal.SIGALRM in self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        if self._before:
            sys.unraisablehook = self._hook
        self._before.clear()

    def _let_child_die(self) -> None:
        if self._before:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _handle(self, signum: int, frame: object) -> None:
        if os.getpid() != self._pid:  # a loader's worker process, which inherited the handler
            os._exit(128 + signum)
        self._received = signum
        if not self._deferred and not self._raised:  # one is enough
            self.check()

    def _handle_unraisable(self, unraisable: Any) -> None:
        """Let `Stopped` come again where it has hit a finalizer, which lets no exception out."""
        if isinstance(unraisable.exc_value, Stopped):
            # By a timer of the system: a thread cannot always be started, least of all in here.
            self._before.setdefault(signal.SIGALRM, signal.signal(signal.SIGALRM, self._again))
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        else:
            self._hook(unraisable)

    def _again(self, signum: int, frame: object) -> None:
        if not self._deferred:
            self.check()

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let a signal wait for `check`, or for the end of the ``with`` block.

        For what must not be torn in two: a step of the optimizer, a file, and the import of a
        library written in C, which may make another exception of it.
        """
        self._deferred = True
        yield
        self._deferred = False  # not after an exception: the command ends, and is let
        self.check()

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """Let a signal end the process within the ``with`` block, where Python never handles it."""
        handlers = {signum: signal.signal(signum, signal.SIG_DFL) for signum in self._before}
        yield
        for signum, handler in handlers.items():
            signal.signal(signum, handler)

    def check(self) -> None:
        """Raise `Stopped` if a signal has come."""
        if self._received is not None:
            self._raised = True
            raise Stopped(self._received)

    def end(self) -> None:
        """Raise `Stopped` if a signal has come; one that comes later changes nothing any more."""
        self._deferred = True
        self.check()


def run_command(prog: str, body: Callable[[Signals], None]) -> int:
    """Run a command's body, and turn how it ends into an exit code and at most one line.

    Parameters
    ----------
    prog : str
        Name of the command, which begins the line.
    body : callable
        The command; what it raises for a wrong input is a ValueError, an OSError, an
        ArithmeticError or an ImportError, and what MXNet raises is an MXNetError.

    Returns
    -------
    int
        0, 1, 2 for an environment variable that cannot be read, or 128 and the signal's number.
    """
    code = FAILURE
    with Signals() as signals:
        try:
            try:
                body(signals)
                if "mxnet" in sys.modules:  # its operators fail later than they are called
                    sys.modules["mxnet"].npx.waitall()
            finally:
                signals.end()  # before any error: a process that the signal ended too makes one
            return 0
        except Stopped as stopped:
            print(f"{prog}: stopped by {stopped.reason}", file=sys.stderr)
            return stopped.exit_code
        except SaidError:
            return FAILURE
        except MemoryError:
            reason = "the memory is not enough; make the net or the minibatches smaller"
        except EnvironmentVariableError as error:
            reason, code = str(error), USAGE
        except ImportError as error:
            reason = explain_import_error(error)
        except (ArithmeticError, OSError, ValueError) as error:
            reason = str(error)
        except RuntimeError as error:
            *_, reason = str(error).strip().splitlines() or [""]
            if "start new thread" in reason:
                reason = f"{reason}: raise the limit of processes, or of the memory"
            elif type(error).__name__ != "MXNetError":  # by name: MXNet need not be imported yet
                raise
        print(f"{prog}: error: {reason}", file=sys.stderr)
        return code
