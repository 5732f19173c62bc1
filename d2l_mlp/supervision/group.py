"""A group of processes of which none is left, however this process ends."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from functools import partial
from typing import Any, List

from d2l_mlp.supervision.console import Console
from d2l_mlp.supervision.role import Role

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
        self.roles: List[Role] = []
        self._console = console

    def __enter__(self) -> "Group":
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

    def _ask(self, roles: List[Role], seconds: float) -> None:
        for role in roles:
            role.send(signal.SIGTERM)
            role.send(signal.SIGCONT)
        end = time.monotonic() + seconds
        while any(role.running for role in roles) and time.monotonic() < end:
            self._console.forward()
