"""What a check found, and how a check asks what may crash or hang."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Callable, NamedTuple

PATIENCE = 90.0
"""Seconds that another Python has for its answer."""


class Finding(NamedTuple):
    """A line of the doctor's."""

    status: str
    """``"ok"``; ``"note"``, which something else than training needs; or ``"fail"``."""
    name: str
    """What was looked at."""
    text: str
    remedy: str | None = None


class ProbeError(Exception):
    """Another Python gave no answer; the message says how it ended."""


Check = Callable[[], Iterable[Finding]]


def findings(checks: Iterable[Check]) -> Iterator[Finding]:
    """Run checks one after the other.

    Parameters
    ----------
    checks : iterable of callable
        One that fails in itself becomes a note: it says nothing about the machine.

    Yields
    ------
    Finding
        With nothing private in it.
    """
    for check in checks:
        try:
            found = list(check())
        except ProbeError as error:
            found = [Finding("note", check.__name__, f"not checked ({error})")]
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            found = [Finding("note", check.__name__, f"not checked ({reason})")]
        for finding in found:
            yield finding._replace(
                text=_without_home(finding.text),
                remedy=finding.remedy and _without_home(finding.remedy),
            )


def ask(code: str) -> Any:
    """Have another Python, which may crash or hang, find something out.

    Parameters
    ----------
    code : str
        A program that prints its answer as JSON, in the last line.

    Returns
    -------
    object
        What it printed.

    Raises
    ------
    ProbeError
        If it ends in any other way; a Python error is given by its own words.
    """
    # As with python -m d2l_mlp.train, the current folder's modules come last.
    code = f"import sys; sys.path.append(sys.path.pop(0))\n{code}"
    answer = run("-W", "ignore", "-c", code)
    return json.loads(answer.splitlines()[-1])


def run(*arguments: str, cwd: str | None = None) -> str:
    """Run another Python to its end.

    Parameters
    ----------
    *arguments : str
        Of its command line.
    cwd : str, optional
        Folder that it works in; by default this process's.

    Returns
    -------
    str
        Its standard output.

    Raises
    ------
    ProbeError
        If it ends with anything but success, or is not done in `PATIENCE` seconds.
    """
    try:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=cwd, timeout=PATIENCE, stdin=subprocess.DEVNULL,
            capture_output=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ProbeError(f"no answer within {PATIENCE:g} s") from None
    if done.returncode < 0:
        raise ProbeError(f"its process died of {signal.Signals(-done.returncode).name}")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise ProbeError(lines[-1])
    return done.stdout


def _without_home(text: str) -> str:
    """Write the home as ``~``, and what looks like a password in an address not at all."""
    homes = {os.environ.get("HOME", "")}
    with suppress(KeyError):  # a user who is in no list
        homes.add(pwd.getpwuid(os.getuid()).pw_dir)
    for home in sorted(homes | {os.path.realpath(home) for home in homes if home}, key=len)[::-1]:
        if len(home.rstrip("/")) > 1:
            text = re.sub(rf"(?<![\w/.-]){re.escape(home.rstrip('/'))}(?![\w.-])", "~", text)
    return re.sub(r"//[^/\s]*@", "//", text)
