"""What the package's command lines have in common: flags, exit codes, signals."""

import argparse
import math
import os
import re
import signal
import sys
from typing import Callable, NoReturn, Optional

USAGE, FAILURE = 2, 1
"""Exit codes; a command stopped by a signal exits with 128 + its number."""


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` that shows every default, and says what is wrong in one line."""

    def __init__(self, **options):
        super().__init__(formatter_class=_HelpWithDefaults, **options)
        # argparse would take -1e3 for the name of an option.
        self._negative_number_matcher = re.compile(r"-(\d|\.\d|inf|nan)")

    def error(self, message: str) -> NoReturn:
        """Exit with the code 2."""
        self.exit(USAGE, f"{self.prog}: error: {message} (see --help)\n")


class _HelpWithDefaults(argparse.HelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str:
        if action.default in (None, [], argparse.SUPPRESS) or action.default is False:
            return action.help
        values = action.default if isinstance(action.default, list) else [action.default]
        return f"{action.help} (default: {' '.join(map(str, values))})"


def number(
    kind: Callable[[str], float],
    least: float,
    most: float = math.inf,
    open_ends: bool = False,
) -> Callable[[str], float]:
    """Make an argparse type: a finite number within bounds.

    Parameters
    ----------
    kind : {int, float}
        What to read.
    least, most : float
        Bounds.
    open_ends : bool, default False
        Leave out the bounds themselves.

    Returns
    -------
    callable
        From the flag's text to the number.
    """
    name = "an integer" if kind is int else "a number"
    if open_ends:
        rule = f"{name} greater than {least}" + f" and less than {most}" * math.isfinite(most)
    else:
        rule = f"{name} of at least {least}" + f" and at most {most}" * math.isfinite(most)

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        inside = least < value < most if open_ends else least <= value <= most
        if not inside or math.isinf(value):
            raise argparse.ArgumentTypeError(f"{text!r} is not allowed; give {rule}")
        return value

    return read


class Stopped(BaseException):
    """Ctrl-C or SIGTERM. Not an ``Exception``, so that no library handles it as a failure."""

    def __init__(self, signum: int):
        super().__init__(signum)
        self.exit_code = 128 + signum
        self.reason = "Ctrl-C" if signum == signal.SIGINT else signal.Signals(signum).name


class Signals:
    """Turns SIGINT and SIGTERM into `Stopped`.

    As long as `deferred` is false that happens at once; afterwards only in `check`, so that what
    must not be torn in two (a step of the optimizer, a file) is not. Nor must the import of a
    library written in C, which may make another exception of it.
    """

    def __init__(self):
        self.deferred = False
        self._received: Optional[int] = None
        self._pid = os.getpid()
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, self._handle)
        # A loader ends its worker processes by SIGTERM and waits for them: it has to kill them
        # wherever they are, also in native code, where a handler written in Python never runs.
        os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))

    def _handle(self, signum: int, frame: object) -> None:
        if os.getpid() != self._pid:  # a loader's worker process, which inherited the handler
            os._exit(128 + signum)
        self._received = signum
        if not self.deferred:
            raise Stopped(signum)

    def check(self) -> None:
        """Raise `Stopped` if a signal has come."""
        if self._received is not None:
            raise Stopped(self._received)


def run(prog: str, body: Callable[[Signals], None]) -> int:
    """Run a command's body, and turn how it ends into an exit code and at most one line.

    Parameters
    ----------
    prog : str
        Name of the command, which begins the line.
    body : callable
        The command; what it raises for a wrong input is a ValueError, an OSError, an
        ArithmeticError or an ImportError.

    Returns
    -------
    int
        0, 1, or 128 and the signal's number.
    """
    signals = Signals()
    try:
        body(signals)
        signals.check()
        return 0
    except Stopped as stopped:
        print(f"{prog}: stopped by {stopped.reason}", file=sys.stderr)
        return stopped.exit_code
    except (ArithmeticError, ImportError, OSError, ValueError) as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        return FAILURE
