"""Whether processes that work together still do; none of them tells when another fails."""

# DOC(supervision.role): One of several processes that work together, and the signs of its life.

# DOC(supervision.console): What several processes write, line by line, on this process's own streams.

# DOC(supervision.group): A group of processes of which none is left, however this process ends.

from __future__ import annotations

import fcntl
import os
import pty
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import tty
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Callable


@dataclass
class Role:
    """A process with its name and its heartbeat.

    Attributes
    ----------
    name : str
        What the user knows it by.
    command : sequence of str
        That starts it.
    environment : mapping of str to str
        All of it.
    heartbeat : str, optional
        The environment variable that names a file to the process, which it touches whenever it
        makes progress; None for a process that makes none of its own.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    heartbeat: str | None = None
    last_line: str = ""
    """That it has written to standard error."""
    process: subprocess.Popen[bytes] | None = None
    begun: int = 0
    """The `beat` that it began with."""
    _file: Any = field(default=None, repr=False)

    def start(self, **options: Any) -> subprocess.Popen[bytes]:
        """Start it, with options of ``subprocess.Popen``."""
        environment, inherited = dict(self.environment), []
        if self.heartbeat:
            # In no folder, so that nothing is left of it, whatever happens.
            self._file = tempfile.TemporaryFile()
            self.begun = self.beat
            inherited = [self._file.fileno()]
            environment[self.heartbeat] = f"/proc/self/fd/{self._file.fileno()}"
        self.process = subprocess.Popen(
            self.command, env=environment, stdin=subprocess.DEVNULL, pass_fds=inherited, **options
        )
        return self.process

    @property
    def running(self) -> bool:
        """Whether it has begun, and not ended."""
        return self.process is not None and self.process.poll() is None

    @property
    def beat(self) -> int:
        """When it last made progress, in nanoseconds since 1970."""
        return os.fstat(self._file.fileno()).st_mtime_ns

    @property
    def stopped(self) -> bool:
        """Whether a signal such as SIGSTOP holds it."""
        assert self.process
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8", "replace")
        except OSError:  # it has ended
            return False
        return stat.rpartition(")")[2].split()[0] == "T"

    def death(self) -> str | None:
        """Say how it died; None if it lives, or has ended well."""
        code = self.process.poll() if self.process else None
        if not code:
            return None
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else "a signal"
            return f"{self.name} was killed by signal {-code} ({name})"
        return f"{self.name} ended with exit code {code}: {self.last_line or 'without a word'}"

    def close(self) -> None:
        """Wait until it has ended."""
        if self.process:
            self.process.wait()
        if self._file:
            self._file.close()

    def send(self, signum: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.process:
            self.process.send_signal(signum)


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
    def streams(self, role: Role) -> Iterator[dict[str, Any]]:
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


_ASKED, _FAILED, _OTHERS = 6.0, 3.0, 0.5  # seconds


class Group:
    """Processes that end together, at the latest with the ``with`` block.

    They are a process group, and so is whatever they start. Its leader is a shell that waits for
    the end of a pipe, and then kills the group. Only this process holds the other end: so the
    pipe ends when this process does, also by ``kill -9``. A terminal's Ctrl-C reaches this process
    alone.

    Parameters
    ----------
    console : Console
        Shows what they write.
    """

    def __init__(self, console: Console):
        self.roles: list[Role] = []
        self._console = console

    def __enter__(self) -> Group:
        self._leader = subprocess.Popen(
            ["/bin/sh", "-c", "read _; kill -KILL 0"],
            stdin=subprocess.PIPE, preexec_fn=os.setpgrp,
        )  # fmt: skip
        return self

    def start(self, role: Role) -> None:
        """Start a process."""
        with self._console.streams(role) as streams:
            role.start(**streams, preexec_fn=partial(os.setpgid, 0, self._leader.pid))
        self.roles.append(role)

    def __exit__(self, *error: Any) -> None:
        """End them: before the others the first that was started, which has work to save.

        Without the others it would wait for ever, as it does where one has failed. After an
        exception, such as Ctrl-C, it gets more time. What is stopped is woken up.
        """
        self._console.quiet = True
        self._ask(self.roles[:1], _ASKED if error[0] else _FAILED)
        self._ask(self.roles, _OTHERS)
        with suppress(ProcessLookupError):
            os.killpg(self._leader.pid, signal.SIGKILL)
        for role in self.roles:
            role.close()
        self._console.close()
        self._leader.communicate()

    def _ask(self, roles: list[Role], seconds: float) -> None:
        for role in roles:
            role.send(signal.SIGTERM)
            role.send(signal.SIGCONT)
        end = time.monotonic() + seconds
        while any(role.running for role in roles) and time.monotonic() < end:
            self._console.forward()


_CAUSE = 3.0  # seconds, in which one ends whose end the others know of already
_START = 60.0  # seconds more until the first of them has made any progress
_LONGEST = 0.5  # seconds between two looks that count, where this process was stopped itself


class Watch:
    """Looks after processes.

    Time counts while this process itself runs, so that nobody is to blame for what a suspended
    machine has slept.

    Parameters
    ----------
    roles : sequence of Role
        That have been started.
    deadline : float
        Seconds in which one that has a heartbeat has to make progress, and a minute more at the
        start: since they wait for each other, none does if one does not. And so long may a signal
        stop any of them.
    follows : callable
        Tells of the last line of one that has failed whether that is because another has.
    """

    def __init__(self, roles: Sequence[Role], deadline: float, follows: Callable[[str], bool]):
        self._roles, self._deadline, self._follows = roles, deadline, follows
        self._beating = [role for role in roles if role.heartbeat]
        self._looked = time.monotonic()
        self._beats: dict[str, int] = {role.name: role.begun for role in self._beating}
        self._idle, self._ending = 0.0, 0.0
        self._allowed = deadline + _START
        self._stopped = {role.name: 0.0 for role in roles}

    def wait(self, console: Console) -> str | None:
        """Wait for the end of all that have a heartbeat, or until one of all fails.

        Parameters
        ----------
        console : Console
            Shows meanwhile what they write.

        Returns
        -------
        str, optional
            Who has failed and why.
        """
        while True:
            console.forward()
            done = self._done  # before the rest: one that ends later is looked at in the next turn
            if done or self._failure():
                while console.forward(0):  # the last line says why
                    pass
                failure = self._failure()
                if done or failure:
                    return failure

    @property
    def _done(self) -> bool:
        return not any(role.running for role in self._beating)

    def _failure(self) -> str | None:
        passed = self._passed()
        dead = [role for role in self._roles if role.death()]
        causes = [role for role in dead if not self._follows(role.last_line)]
        self._ending += passed if dead else 0.0
        if causes or (dead and (self._done or self._ending > _CAUSE)):
            return "; ".join(str(role.death()) for role in causes or dead)
        for role in self._roles:
            so_far = self._stopped[role.name] + passed
            self._stopped[role.name] = so_far if role.running and role.stopped else 0.0
        beats = {role.name: role.beat for role in self._beating}
        self._idle += passed
        if beats != self._beats:
            self._beats, self._idle, self._allowed = beats, 0.0, self._deadline
        late = self._idle > self._allowed and not self._done
        least = 0.0 if late else self._deadline
        held = [f"{name} has been stopped by a signal for {seconds:.0f} s"
                for name, seconds in self._stopped.items() if seconds > least]  # fmt: skip
        if held:
            return "; ".join(held)
        return self._told_late() if late else None

    def _told_late(self) -> str | None:
        running = [role for role in self._beating if role.running]
        if not running:  # the last has just ended: the next look tells how
            return None
        last = min(running, key=lambda role: role.beat)
        if len(running) == 1:
            return f"{last.name} has made no progress for {self._idle:.0f} s"
        return f"no progress for {self._idle:.0f} s, first at {last.name}"

    def _passed(self) -> float:
        now = time.monotonic()
        passed = min(now - self._looked, _LONGEST)
        self._looked = now
        return passed
