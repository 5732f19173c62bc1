"""The launching command's flags, and behind -- the training command's."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from d2l_mlp.cli import train_flags
from d2l_mlp.cli.flags import Parser, argument_type
from d2l_mlp.rules import Number

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
    train: train_flags.TrainFlags
    arguments: list[str]
    """Of the training command, as they were typed."""

    @property
    def here(self) -> int:
        """So many of the workers are started on this machine."""
        return self.workers - self.elsewhere


def parser() -> Parser:
    """Make the command line's parser."""
    p = Parser(
        prog=PROG, usage=f"{PROG} --workers N [...] -- [flags of {train_flags.PROG}]",
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
    add("arguments", nargs="*", metavar="-- FLAGS", help=f"those of {train_flags.PROG}")
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
    flags = train_flags.read_flags([*args.arguments, *TOGETHER])
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
