"""Whether processes that work together still do; none of them tells when another fails."""

import time
from typing import Callable, Dict, Optional, Sequence

from d2l_mlp.supervision.console import Console
from d2l_mlp.supervision.role import Role

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
        self._beats: Dict[str, int] = {role.name: role.begun for role in self._beating}
        self._idle, self._ending = 0.0, 0.0
        self._allowed = deadline + _START
        self._stopped = {role.name: 0.0 for role in roles}

    def wait(self, console: Console) -> Optional[str]:
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

    def _failure(self) -> Optional[str]:
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

    def _told_late(self) -> Optional[str]:
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
