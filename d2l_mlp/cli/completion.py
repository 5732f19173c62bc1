"""Completion of commands and flags in a shell, by argcomplete."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from typing import Callable


def complete(parsers: Mapping[str, Callable[[], argparse.ArgumentParser]]) -> None:
    """Answer a completing shell, given each command's `parser`, and exit; otherwise return."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete

    from d2l_mlp.plotting.figures import FIGURES

    commands = argparse.ArgumentParser()
    subparsers = commands.add_subparsers(parser_class=argparse.ArgumentParser)
    for name, make in parsers.items():
        command = subparsers.add_parser(name, parents=[make()], add_help=False)
        for action in command._actions:
            if action.metavar == "NAME":
                _offer(action, FIGURES)
            elif isinstance(action.metavar, str) and "|" in action.metavar:
                _offer(action, filter(str.islower, action.metavar.split("|")))  # not gpu:N
    argcomplete.autocomplete(commands)


def _offer(action: argparse.Action, values: Iterable[str]) -> None:
    from argcomplete.completers import ChoicesCompleter

    action.completer = ChoicesCompleter(list(values))  # type: ignore[attr-defined]
