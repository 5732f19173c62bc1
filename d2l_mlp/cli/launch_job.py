"""What the launching command does: start all roles, watch them, and start them again."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from d2l_mlp.cli import launch_flags, train_flags
from d2l_mlp.cli.command import Signals
from d2l_mlp.cli.heartbeat import VARIABLE
from d2l_mlp.cli.launch_flags import PROG, TOGETHER, LaunchFlags
from d2l_mlp.cli.process_group import Console, Group, Role, Watch
from d2l_mlp.cli.roles import check_port, hold_ports
from d2l_mlp.runs.config import CHECKPOINTS, default_folder

# What the launcher's own line says, or what follows from how the launcher ends the rest.
_KEPT = (f"{train_flags.PROG}: error: ", f"{train_flags.PROG}: stopped by ")


def launch(flags: LaunchFlags, signals: Signals) -> None:
    """Do what the flags say.

    Parameters
    ----------
    flags : LaunchFlags
        Of the command line.
    signals : Signals
        Of the command.

    Raises
    ------
    ChildProcessError
        Which says who has failed and why.
    OSError
        If nothing can listen at the address.
    """
    try:
        check_port(flags.host, flags.port or 0)
    except OSError as error:
        raise OSError(
            f"nothing can listen at {error.filename} ({error.strerror}); give an address of this "
            "machine, and a port that is free or none at all"
        ) from None
    folder = flags.train.resume or flags.train.out or default_folder(flags.train.hyperparameters)
    arguments = [*flags.arguments]
    if not (flags.train.resume or flags.train.out):
        arguments += ["--out", str(folder)]
    own = flags.train.resume is not None or not _has_checkpoint(folder)
    there = folder.exists()
    failure: str | None = ""
    try:
        for left in reversed(range(flags.restarts + 1)):
            failure = _train(flags, arguments, signals)
            if failure is None:
                return
            if left:
                print(f"{PROG}: {failure}; starting again, at most {left} times", file=sys.stderr)
                if own and _has_checkpoint(folder):  # else there is nothing to go on from
                    arguments = train_flags.resuming(flags.arguments, folder)
        raise ChildProcessError(failure)
    finally:
        if not there:
            with suppress(OSError):  # unless there is a run in it
                folder.rmdir()
        if failure is not None and own and _has_checkpoint(folder):
            print(f"go on     {_again(flags, folder)}")


def _train(flags: LaunchFlags, arguments: Sequence[str], signals: Signals) -> str | None:
    """Train once; tells who has failed and why, or gives None."""
    console = Console(kept=lambda line: line.startswith(_KEPT))
    count = 1 + flags.here + flags.servers
    with hold_ports(flags.host, count) as numbers, Group(console) as group:
        with signals.deferred():
            for role in _roles(flags, arguments, numbers):
                group.start(role)
        failure = Watch(group.roles, flags.deadline, _follows).wait(console)
    if failure:
        failure = failure.replace(_KEPT[0], "")
    if failure and flags.elsewhere and " no progress " in failure:
        failure += f"; the other {flags.elsewhere} workers have to be started on their machines"
    return failure


def _follows(last_line: str) -> bool:
    """Tell whether a worker has ended because of another: it says so, or leaves it to worker 0."""
    return not last_line or " ended, and so does worker " in last_line


def _roles(flags: LaunchFlags, arguments: Sequence[str], numbers: Sequence[int]) -> list[Role]:
    """Describe the processes; the worker that writes the run comes first."""
    first, *rest = numbers
    common = {
        "DMLC_PS_ROOT_URI": flags.host,
        "DMLC_PS_ROOT_PORT": str(flags.port or first),
        "DMLC_NUM_WORKER": str(flags.workers),
        "DMLC_NUM_SERVER": str(flags.servers),
    }
    command = [sys.executable, "-m", "d2l_mlp.train", *TOGETHER, *arguments]
    if flags.elsewhere:
        setting = shlex.join(f"{name}={value}" for name, value in common.items())
        print(
            f"elsewhere {flags.elsewhere} times, with the machine's own address:\n"
            f"env DMLC_ROLE=worker DMLC_NODE_HOST=ADDRESS {setting} "
            f"{shlex.join(['python', *command[1:]])}",
            flush=True,
        )
    kinds = [("worker", i) for i in range(flags.here)]
    kinds += [("server", i) for i in range(flags.servers)]
    roles = []
    for (kind, number), port in zip(kinds, rest):
        # MXNet numbers the workers of a machine in the order of their ports, which PORT chooses.
        chosen = {"DMLC_ROLE": kind, "DMLC_NODE_HOST": flags.host, "PORT": str(port)}
        heartbeat = VARIABLE if kind == "worker" else None
        roles.append(
            Role(f"{kind} {number}", command, {**os.environ, **common, **chosen}, heartbeat)
        )
    chosen = {"DMLC_ROLE": "scheduler", "DMLC_NODE_HOST": flags.host}
    roles.append(Role("scheduler", command, {**os.environ, **common, **chosen}))
    return roles


def _has_checkpoint(folder: Path) -> bool:
    return any(path.name.isdigit() for path in (folder / CHECKPOINTS).glob("*"))


def _again(flags: LaunchFlags, folder: Path) -> str:
    own = ["--workers", str(flags.workers), "--servers", str(flags.servers)]
    default = launch_flags.parser().get_default
    for name in ("restarts", "deadline", "host", "port", "elsewhere"):
        value = getattr(flags, name)
        if value != default(name):
            own += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    return f"{PROG} {shlex.join([*own, '--', *train_flags.resuming(flags.arguments, folder)])}"
