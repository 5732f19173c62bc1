"""Train in several processes: ``python -m d2l_mlp.launch --workers N -- ...``.

It starts MXNet's scheduler, servers and workers, watches them, and leaves none of them behind.
MXNet itself is imported by them alone.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

from d2l_mlp import train
from d2l_mlp.cli.command import Signals, run_command, say
from d2l_mlp.cli.flags import Parser, argument_type
from d2l_mlp.cli.process_group import Console, Group, HopelessError, Role, StalledError, watch
from d2l_mlp.cli.roles import check_port, hold_ports
from d2l_mlp.rules import Number
from d2l_mlp.runs.config import CHECKPOINTS, checkpoint_numbers, make_run_folder

PROG = "python -m d2l_mlp.launch"
LOOPBACK = "127.0.0.1"
KVSTORE = ("--kvstore", "dist_sync")


def parser() -> Parser:
    """Return the command line's parser."""
    p = Parser(
        prog=PROG, usage=f"{PROG} --workers N [...] -- [flags of {train.PROG}]",
        description="Train in several processes of MXNet's parameter server, on this machine or on "
        "several. When one of them fails, all end, and a line says which and why.",
    )  # fmt: skip
    # fmt: off
    add = p.add_argument
    add("--workers", type=argument_type(Number(int, least=1)), required=True, metavar="N",
        help="processes that compute, each its part of every minibatch")
    add("--servers", type=argument_type(Number(int, least=1)), default=1, metavar="N",
        help="processes that sum the workers' gradients")
    add("--restarts", type=argument_type(Number(int, least=0)), default=0, metavar="N",
        help="after a failure, resume from the last checkpoint, at most so many times")
    add("--deadline", type=argument_type(Number(float, above=0)), default=120.0, metavar="SECONDS",
        help="end all if no worker makes progress for so long; the start may take a minute more")
    add("--host", type=_address, default=LOOPBACK, metavar="ADDRESS",
        help="this machine's address to listen at, and at no other. Whoever reaches it can take "
        "part: use one of a private network")
    add("--port", type=argument_type(Number(int, least=1, most=65535)), metavar="N",
        help="the scheduler's port (default: a free one)")
    add("--remote-workers", type=argument_type(Number(int, least=0)), default=0, metavar="N",
        help="how many of the workers run on other machines: start them by the printed command")
    add("arguments", nargs="*", metavar="-- FLAGS", help=f"those of {train.PROG}")
    # fmt: on
    return p


def read_flags(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; ``train`` holds the training's flags, ``own`` those before ``--``."""
    argv = sys.argv[1:] if argv is None else list(argv)
    p = parser()
    flags, others = p.parse_known_args(argv)
    if others:
        p.error(f"{others[0]!r} is not known here; flags for training come after --")
    if flags.remote_workers >= flags.workers:
        p.error(
            f"--remote-workers {flags.remote_workers} leaves none of {flags.workers} --workers "
            "for this machine"
        )
    if flags.remote_workers and flags.host == LOOPBACK:
        p.error("--remote-workers needs --host: this machine's address that the others reach")
    if flags.remote_workers and flags.restarts:
        p.error("--restarts excludes --remote-workers, which it cannot start again")
    flags.own = argv[: argv.index("--")] if "--" in argv else argv
    flags.train = train.read_flags([*flags.arguments, *KVSTORE])
    return flags


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
    """Run the command line and return its exit code."""
    return run_command(PROG, lambda signals: _launch(read_flags(argv), signals))


def _launch(flags: argparse.Namespace, signals: Signals) -> None:
    """Train, and after a failure resume; at the end, print how to resume."""
    if flags.port:
        check_port(flags.host, flags.port)
    given = flags.train
    folder = given.resume or given.out or make_run_folder(given.hyperparameters)
    arguments = [*flags.arguments]
    if not (given.resume or given.out):
        arguments += ["--out", str(folder)]
    resumable = given.resume or not _has_checkpoint(folder)  # else the folder has another's run
    resuming = _resuming(flags.arguments, folder)
    try:
        for left in range(flags.restarts, -1, -1):
            try:
                return _train(flags, arguments, signals)
            except ChildProcessError as error:
                if not left or isinstance(error, HopelessError):
                    raise
                print(f"{PROG}: {error}; starting again, at most {left} times", file=sys.stderr)
            if resumable and _has_checkpoint(folder):
                arguments = resuming
    except BaseException as error:
        resumable = resumable and not isinstance(error, HopelessError)
        if resumable and _has_checkpoint(folder):
            say(f"resume    {PROG} {shlex.join([*flags.own, '--', *resuming])}")
        raise


def _resuming(argv: Sequence[str], folder: Path) -> list[str]:
    """Return the flags that resume the run that a command line has started in a folder."""
    given = vars(train.parser().parse_args(argv))
    if "resume" not in given:
        given.pop("epochs", None)  # the run has them; given again, they would undo an early stop
    given["resume"] = folder
    return [
        train.flag_of(name) + ("" if given[name] is True else f"={given[name]}")
        for name in train.WITH_RESUME
        if name in given
    ]


def _has_checkpoint(folder: Path) -> bool:
    with suppress(OSError):
        return bool(checkpoint_numbers(folder / CHECKPOINTS))
    return False


def _train(flags: argparse.Namespace, arguments: Sequence[str], signals: Signals) -> None:
    """Train once; raises a ChildProcessError that names the process that has failed, and why."""
    console = Console(hidden=f"{train.PROG}: error: ")  # this command's own line says it
    processes = 1 + flags.servers + flags.workers - flags.remote_workers
    with hold_ports(flags.host, processes) as ports, Group(console) as group:
        with signals.deferred():
            for role in _roles(flags, arguments, ports):
                group.start(role)
        try:
            watch(group.roles, flags.deadline, console)
        except StalledError as error:
            if flags.remote_workers:
                raise StalledError(
                    f"{error}; the {flags.remote_workers} remote workers have to be started on "
                    "their machines"
                ) from None
            raise


def _roles(
    flags: argparse.Namespace, arguments: Sequence[str], ports: Sequence[int]
) -> Iterator[Role]:
    """Describe the processes; first comes the worker that writes the run."""
    first, *rest = ports
    common = {
        "DMLC_PS_ROOT_URI": flags.host,
        "DMLC_PS_ROOT_PORT": str(flags.port or first),
        "DMLC_NUM_WORKER": str(flags.workers),
        "DMLC_NUM_SERVER": str(flags.servers),
    }
    command = [sys.executable, "-m", "d2l_mlp.train", *KVSTORE, *arguments]
    if flags.remote_workers:
        setting = shlex.join(f"{name}={value}" for name, value in common.items())
        print(
            f"start {flags.remote_workers} times, with the other machine's own address:\n"
            f"env DMLC_ROLE=worker DMLC_NODE_HOST=ADDRESS {setting} "
            f"{shlex.join(['python', *command[1:]])}",
            flush=True,
        )
    kinds = [("worker", i) for i in range(flags.workers - flags.remote_workers)]
    kinds += [("server", i) for i in range(flags.servers)]
    environment = {**os.environ, **common, "DMLC_NODE_HOST": flags.host}
    for (kind, number), port in zip(kinds, rest):
        # MXNet ranks the workers of a machine in the order of their ports, which PORT chooses.
        own = {"DMLC_ROLE": kind, "PORT": str(port)}
        yield Role(f"{kind} {number}", command, {**environment, **own}, kind == "worker")
    yield Role("scheduler", command, {**environment, "DMLC_ROLE": "scheduler"})


if __name__ == "__main__":
    sys.exit(main())
