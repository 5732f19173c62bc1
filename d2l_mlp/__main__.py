"""The commands: ``python -m d2l_mlp`` lists them, ``d2l-mlp train ...`` is one of them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from d2l_mlp import __version__, doctor, evaluate, export, figures, launch, predict, report, train
from d2l_mlp.cli.command import tolerant_streams
from d2l_mlp.cli.flags import USAGE

PROG = "python -m d2l_mlp"

COMMANDS = {
    module.__name__.split(".")[-1]: module
    for module in (train, launch, evaluate, predict, export, report, figures, doctor)
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names and return its exit code."""
    if "_ARGCOMPLETE" in os.environ:
        _complete()
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in COMMANDS:
        return COMMANDS[name].main(rest)
    with tolerant_streams():
        if name == "--version":
            print(f"d2l_mlp {__version__}")
        elif name in ("-h", "--help"):
            print(f"usage: {PROG} COMMAND ... (each has a --help of its own)\n")
            for command, module in COMMANDS.items():
                print(f"  {command:9} {_summary(module.__doc__ or '')}")
        else:
            known = ", ".join(COMMANDS)
            print(f"{PROG}: error: {name!r} is no command; give one of {known}", file=sys.stderr)
            return USAGE
        return 0


def _complete() -> None:
    """Answer a completing shell, and exit."""
    import argcomplete

    commands = argparse.ArgumentParser()
    subparsers = commands.add_subparsers(parser_class=argparse.ArgumentParser)
    for name, module in COMMANDS.items():
        subparsers.add_parser(name, parents=[module.parser()], add_help=False)
    argcomplete.autocomplete(commands, default_completer=_values)


def _values(prefix: str, action: argparse.Action, **_: Any) -> list[str]:
    """Complete a value: a figure, one of the choices that the help names, or else a file."""
    from argcomplete import FilesCompleter

    from d2l_mlp.plotting.figures import FIGURES

    if action.metavar == "NAME":
        return list(FIGURES)
    if isinstance(action.metavar, str) and "|" in action.metavar:
        return list(filter(str.islower, action.metavar.split("|")))  # not gpu:N
    return list(FilesCompleter()(prefix))


def _summary(docstring: str) -> str:
    """Return a command's first line, without its call."""
    return docstring.splitlines()[0].split(": ``python")[0].rstrip(".")


if __name__ == "__main__":
    sys.exit(main())
