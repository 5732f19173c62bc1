"""A run's folder, held by one process: by descriptors, so that moving it mixes up no two runs.

A lock guards a file, and not the path that led to it. So everything is written through the folders
that were open when it was taken, and `LockedFolder.check` tells when the path leads elsewhere.
"""

import fcntl
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Iterable

from d2l_mlp.runs import checkpoint, config
from d2l_mlp.runs.errors import RunError, explained
from d2l_mlp.runs.naming import CHECKPOINTS
from d2l_mlp.runtime.folders import Folder

_LOCK = "lock"


class LockedFolder:
    """The folder of a run, locked until `close`, or until the process ends.

    Attributes
    ----------
    top, checkpoints : Folder
        It, and the folder of checkpoints in it.
    """

    def __init__(self, path: Path):
        with ExitStack() as opened:
            self.top = opened.enter_context(Folder(path))
            self.checkpoints = opened.enter_context(Folder(CHECKPOINTS, self.top))
            self._lock = self.checkpoints.open(_LOCK, os.O_RDWR | os.O_CREAT)
            opened.callback(os.close, self._lock)
            try:
                # A lock of the process's own, which those that a loader forks do not inherit.
                fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                raise RunError(
                    f"{path} is in use by another process; wait for its end or stop it"
                ) from None
            self.check()
            checkpoint.clear(self.checkpoints)
            self.close = opened.pop_all().close

    def check(self) -> None:
        """Raise a `RunError` if its path, or the lock's, leads elsewhere by now."""
        in_place = self.top.is_in_place() and self.checkpoints.is_in_place()
        if not (in_place and self.checkpoints.holds(_LOCK, self._lock)):
            raise RunError(
                f"{self.top.path} was moved, deleted or replaced while this run was writing there, "
                "so the run has ended; go on with --resume and the folder it was moved to, or "
                "start it again"
            )

    def clear(self, names: Iterable[str]) -> None:
        """Remove what a start has written, as far as can be done.

        Its files come first: whatever cannot be removed, the rest is a run, or begins one.

        Parameters
        ----------
        names : iterable of str
            Of the files that are not checkpoints.
        """
        with suppress(OSError):  # what the start has failed by is told already
            for name in names:
                self.top.remove(f".{name}.part")
                self.top.remove(name)
            checkpoint.remove(self.checkpoints, 0)
            checkpoint.clear(self.checkpoints)
            self.checkpoints.remove(_LOCK)
            self.top.remove(CHECKPOINTS)


def make(path: Path) -> LockedFolder:
    """Make the folder of a new run.

    Parameters
    ----------
    path : Path
        May be there if it is empty, or holds no more than a start that was killed has left.

    Returns
    -------
    LockedFolder
        With an empty folder of checkpoints.

    Raises
    ------
    RunError
        If it holds anything else, or another process writes there.
    """
    path.mkdir(parents=True, exist_ok=True)
    with Folder(path) as top:
        if not top.names():
            with suppress(FileExistsError):  # another start is as far as this one
                top.make(CHECKPOINTS).close()
        elif not _is_left_of_a_start(top):
            raise _not_empty(path)
    locked = LockedFolder(path)
    if not _is_left_of_a_start(locked.top):  # but by a run that was faster
        locked.close()
        raise _not_empty(path)
    return locked


def is_free(path: Path) -> bool:
    """Tell whether `make` finds room for a run; a RunError if the folder cannot be read."""
    with explained(path), suppress(FileNotFoundError), Folder(path) as top:
        return not top.names() or _is_left_of_a_start(top)
    return True


def _not_empty(path: Path) -> RunError:
    remedy = "name another folder with --out"
    if (path / CHECKPOINTS).is_dir():
        remedy += f", or go on with --resume {path}"
    return RunError(f"{path} is not empty, and a run overwrites nothing; {remedy}")


def _is_left_of_a_start(top: Folder) -> bool:
    names = set(top.names())
    if CHECKPOINTS not in names or names - {CHECKPOINTS, config.NAME, f".{config.NAME}.part"}:
        return False
    with Folder(CHECKPOINTS, top) as checkpoints:
        inner = {name for name in checkpoints.names() if not checkpoint.is_left(name)}
    return inner == {_LOCK} or (not inner and names == {CHECKPOINTS})
