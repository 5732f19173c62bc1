"""Train in several processes: ``python -m d2l_mlp.launch --workers N -- ...``.

It starts MXNet's scheduler, servers and workers, watches them, and leaves none of them behind.
MXNet itself is imported by them alone.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from d2l_mlp import train
from d2l_mlp.cli.command import Signals, run_command, tolerant_streams
from d2l_mlp.cli.flags import Parser, argument_type
from d2l_mlp.cli.heartbeat import VARIABLE
from d2l_mlp.cli.process_group import Console, Group, Role, Watch
from d2l_mlp.cli.roles import check_port, hold_ports
from d2l_mlp.rules import Number
from d2l_mlp.runs.config import CHECKPOINTS, default_folder

# What the launcher's own line says, or what follows from how the launcher ends the rest.
_KEPT = (f"{train.PROG}: error: ", f"{train.PROG}: stopped by ")

PROG = "python -m d2l_mlp.launch"

LOOPBACK = "127.0.0.1"
TOGETHER = ("--kvstore", "dist_sync")
"""What the training command is given beside its own flags."""


@dataclass(frozen=True)
class LaunchFlags:
    """What the command line says."""

    workers: int
    servers: int
    elsewhere: int
    """So many of the workers are started on other machines."""
    host: str
    port: int | None
    deadline: float
    """Seconds."""
    restarts: int
    train: train.TrainFlags
    arguments: list[str]
    """Of the training command, as they were typed."""

    @property
    def here(self) -> int:
        """So many of the workers are started on this machine."""
        return self.workers - self.elsewhere


def parser() -> Parser:
    """Make the command line's parser."""
    p = Parser(
        prog=PROG, usage=f"{PROG} --workers N [...] -- [flags of {train.PROG}]",
        description="Train in several processes of MXNet's parameter server, on this machine or on "
        "several. When one of them fails, all end, and a line says which and why.",
    )  # fmt: skip
    # fmt: off
    add = p.add_argument
    add("--workers", type=argument_type(Number(int, least=1)), required=True, metavar="N",
        help="processes that compute, each on its part of every minibatch")
    add("--servers", type=argument_type(Number(int, least=1)), default=1, metavar="N",
        help="processes that sum the workers' gradients")
    add("--restarts", type=argument_type(Number(int, least=0)), default=0, metavar="N",
        help="after a failure, go on from the last checkpoint, so many times")
    add("--deadline", type=argument_type(Number(float, above=0)), default=120.0, metavar="SECONDS",
        help="without progress, after which the processes count as hung; a minute more until "
        "all of them have begun")
    add("--host", type=_address, default=LOOPBACK, metavar="ADDRESS",
        help="address of this machine to listen at, and at no other. Whoever reaches it can take "
        "part: give one of a private network")
    add("--port", type=argument_type(Number(int, least=1, most=65535)), metavar="N",
        help="port of that address for the scheduler (default: a free one)")
    add("--elsewhere", type=argument_type(Number(int, least=0)), default=0, metavar="N",
        help="so many of the workers are started on other machines, by the command that is printed")
    add("arguments", nargs="*", metavar="-- FLAGS", help=f"those of {train.PROG}")
    # fmt: on
    return p


def read_flags(argv: Sequence[str] | None = None) -> LaunchFlags:
    """Read the command line; one that makes no sense ends the program with the exit code 2."""
    p = parser()
    args, others = p.parse_known_args(argv)
    if others:
        p.error(f"{others[0]!r} is not known here; flags for training come after --")
    if args.elsewhere >= args.workers:
        p.error(f"--elsewhere {args.elsewhere} leaves none of {args.workers} --workers for here")
    if args.elsewhere and args.host == LOOPBACK:
        p.error("--elsewhere needs --host: an address of this machine that the others reach")
    if args.elsewhere and args.restarts:
        p.error("--restarts excludes --elsewhere: other machines are not started again")
    flags = train.read_flags([*args.arguments, *TOGETHER])
    return LaunchFlags(train=flags, **vars(args))


def _address(text: str) -> str:
    try:
        address = IPv4Address(text)
        if address.is_unspecified or address.is_multicast:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not allowed; give one IPv4 address of this machine"
        ) from None
    return text


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    with tolerant_streams():
        flags = read_flags(argv)
        return run_command(PROG, lambda received: launch(flags, received))


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
                    arguments = train.resuming(flags.arguments, folder)
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
    return any((folder / CHECKPOINTS).glob("*.npz"))


def _again(flags: LaunchFlags, folder: Path) -> str:
    own = ["--workers", str(flags.workers), "--servers", str(flags.servers)]
    default = parser().get_default
    for name in ("restarts", "deadline", "host", "port", "elsewhere"):
        value = getattr(flags, name)
        if value != default(name):
            own += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    return f"{PROG} {shlex.join([*own, '--', *train.resuming(flags.arguments, folder)])}"


if __name__ == "__main__":
    sys.exit(main())
