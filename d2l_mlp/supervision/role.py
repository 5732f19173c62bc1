"""One of several processes that work together, and the signs of its life."""

import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence


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
    heartbeat: Optional[str] = None
    last_line: str = ""
    """That it has written to standard error."""
    process: Optional["subprocess.Popen[bytes]"] = None
    begun: int = 0
    """The `beat` that it began with."""
    _file: Any = field(default=None, repr=False)

    def start(self, **options: Any) -> "subprocess.Popen[bytes]":
        """Start it, with options of ``subprocess.Popen``."""
        environment, inherited = dict(self.environment), []
        if self.heartbeat:
            # In no folder, so that nothing is left of it, whatever happens.
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (see close)
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

    def death(self) -> Optional[str]:
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
