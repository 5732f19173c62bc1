"""A group of processes: started, shown, watched, and ended together.

MXNet waits for ever when one process of a distributed training is gone. Here a `Group` starts the
processes (`Role`), a `Console` shows what they write, and `watch` looks for the first that fails.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from d2l_mlp.cli.worker import DIVERGED, HEARTBEAT, OTHER_FAILED

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h


@dataclass
class Role:
    """One process of a group; one with a heartbeat touches a file whenever it makes progress."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    heartbeat: bool = False
    last_line: str = field(default="", init=False)  # of its standard error

    def start(self, group: int) -> None:
        """Start the process in a process group."""
        # A file without a name: nothing is left of it, however this process ends.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        environment = dict(self.environment)
        if self.heartbeat:
            environment[HEARTBEAT] = f"/proc/self/fd/{self._file.fileno()}"
        self.started = self.beat
        self.process = subprocess.Popen(
            self.command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, pass_fds=[self._file.fileno()],
            preexec_fn=partial(_join, group),
        )  # fmt: skip

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    @property
    def beat(self) -> int:
        """When it last made progress, in nanoseconds since 1970."""
        return os.fstat(self._file.fileno()).st_mtime_ns

    @property
    def suspended(self) -> bool:
        """Whether a signal such as SIGSTOP has stopped it."""
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8", "replace")
        except OSError:  # it has ended
            return False
        return stat.rpartition(")")[2].split()[0] == "T"

    @property
    def death(self) -> str | None:
        """How the process failed; None if it runs or has succeeded."""
        code = self.process.poll()
        if not code:
            return None
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else "a signal"
            return f"{self.name} was killed by signal {-code} ({name})"
        return f"{self.name} ended with exit code {code}: {self.last_line or 'without a message'}"

    def close(self) -> None:
        """Close what it has open in this process."""
        for stream in (self.process.stdout, self.process.stderr, self._file):
            if stream:
                stream.close()


def _join(group: int) -> None:
    """Join a process group; the system kills this process when the one that started it is gone."""
    os.setpgid(0, group)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class _Stream:
    role: Role
    target: IO[str]
    rest: bytes = b""  # of a line that has not ended


class Console:
    """Prints each line of the processes behind the name of the one that wrote it.

    A line of standard error that begins with `hidden` is only kept as the role's last line, for
    whoever reports the failure.
    """

    def __init__(self, hidden: str):
        self.quiet = False  # print nothing of standard error any more
        self._hidden = hidden
        self._selector = selectors.DefaultSelector()

    def add(self, role: Role) -> None:
        """Print what a process writes from now on."""
        for pipe, target in ((role.process.stdout, sys.stdout), (role.process.stderr, sys.stderr)):
            assert pipe
            self._selector.register(pipe, selectors.EVENT_READ, _Stream(role, target))

    def forward(self, wait: float = 0.05) -> bool:
        """Print what was written within some seconds; returns whether there was anything."""
        ready = self._selector.select(wait)
        for key, _ in ready:
            read = os.read(key.fd, 1 << 16)
            stream = key.data
            *lines, stream.rest = (stream.rest + read).split(b"\n")
            if not read:
                self._selector.unregister(key.fileobj)
                lines.append(stream.rest)
            for line in lines:
                self._print(stream, line.decode("utf-8", "replace").rstrip())
        return bool(ready)

    def drain(self) -> None:
        """Print all that was written so far."""
        while self.forward(0):
            pass

    def close(self) -> None:
        """Print what is left."""
        self.drain()
        self._selector.close()

    def _print(self, stream: _Stream, line: str) -> None:
        if line and stream.target is sys.stderr:
            stream.role.last_line = line.replace(self._hidden, "", 1)
            if self.quiet or line.startswith(self._hidden):
                return
        if line:
            print(f"{stream.role.name} | {line}", file=stream.target, flush=True)


_SAVING, _FAILED, _OTHERS = 6.0, 3.0, 0.5  # seconds to end after SIGTERM


class Group:
    """Processes that end together, at the latest with the ``with`` block.

    Their process group is led by a shell that waits for the end of a pipe, and then kills the
    group. This process alone holds the other end, which so ends with it, also by ``kill -9``. If
    the shell was killed before, the system still kills the roles. A terminal's Ctrl-C reaches this
    process alone.
    """

    def __init__(self, console: Console):
        self.roles: list[Role] = []
        self._console = console

    def __enter__(self) -> Group:
        self._leader = subprocess.Popen(
            ["/bin/sh", "-c", "read _; kill -KILL 0"], stdin=subprocess.PIPE, preexec_fn=os.setpgrp
        )
        return self

    def start(self, role: Role) -> None:
        """Start a process."""
        role.start(self._leader.pid)
        self.roles.append(role)
        self._console.add(role)

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        """End the first role, which has work to save, while the others still serve it; then all."""
        self._console.quiet = True
        failed = kind is None or issubclass(kind, ChildProcessError)
        self._terminate(self.roles[:1], _FAILED if failed else _SAVING)
        self._terminate(self.roles, _OTHERS)
        with suppress(ProcessLookupError):
            os.killpg(self._leader.pid, signal.SIGKILL)
        for role in self.roles:
            role.process.wait()
        self._console.close()
        for role in self.roles:
            role.close()
        self._leader.communicate()

    def _terminate(self, roles: list[Role], seconds: float) -> None:
        for role in roles:
            role.process.send_signal(signal.SIGTERM)
            role.process.send_signal(signal.SIGCONT)
        end = time.monotonic() + seconds
        while any(role.running for role in roles) and time.monotonic() < end:
            self._console.forward()


class StalledError(ChildProcessError):
    """No process has made progress within the deadline."""


class HopelessError(ChildProcessError):
    """A process has failed as it would again if it were started again."""


_CAUSE = 3.0  # seconds to wait for the end of the process that made others end
_START = 60.0  # seconds more until the first progress
_LONGEST = 0.5  # seconds that count between two looks, lest a suspended machine look like a stall


def watch(roles: Sequence[Role], deadline: float, console: Console) -> None:
    """Print what processes write until all that have a heartbeat have ended.

    Raise a ChildProcessError if one dies, or none makes progress within the deadline, in seconds.
    """
    beating = running = [role for role in roles if role.heartbeat]
    beats = [role.started for role in beating]
    idle, dying, allowed = 0.0, 0.0, deadline + _START
    looked = time.monotonic()
    while running:
        console.forward()
        running = [role for role in beating if role.running]
        if not running or any(role.death for role in roles):
            console.drain()  # the last line says why
        now = time.monotonic()
        passed, looked = min(now - looked, _LONGEST), now
        dead = [role for role in roles if role.death]
        causes = [role for role in dead if role.process.returncode != OTHER_FAILED]
        dying += passed if dead else 0.0
        if causes or (dead and (not running or dying > _CAUSE)):
            diverged = any(role.process.returncode == DIVERGED for role in causes)
            kind = HopelessError if diverged else ChildProcessError
            raise kind("; ".join(str(role.death) for role in causes or dead))
        idle += passed
        latest = [role.beat for role in beating]
        if latest != beats:
            beats, idle, allowed = latest, 0.0, deadline
        if idle > allowed and running:
            last = min(running, key=lambda role: role.beat)
            suspended = " and ".join(role.name for role in roles if role.suspended)
            reason = f"a signal has stopped {suspended}" if suspended else f"first at {last.name}"
            raise StalledError(f"no progress for {idle:.0f} s: {reason}")
