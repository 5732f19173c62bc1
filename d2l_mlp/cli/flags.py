"""Flags: read by rules, shown with their defaults, refused in one line."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any, Callable, NoReturn

from d2l_mlp.files import expanded, printable
from d2l_mlp.rules import DEVICES, Number, Rule, Several, is_device

USAGE = 2
"""Exit code of wrong flags."""


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` that shows every default, and refuses a flag in one line."""

    def __init__(self, **options: Any):
        super().__init__(formatter_class=_HelpWithDefaults, **options)
        # argparse would take -1e3 for the name of an option.
        self._negative_number_matcher = re.compile(r"-(\d|\.\d|inf|nan)")

    def error(self, message: str) -> NoReturn:
        """Exit with the code 2."""
        self.exit(USAGE, f"{self.prog}: error: {printable(message)} (see --help)\n")


class _HelpWithDefaults(argparse.HelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, [], argparse.SUPPRESS) or action.default is False:
            return action.help
        values = action.default if isinstance(action.default, list) else [action.default]
        return f"{action.help} (default: {' '.join(map(str, values))})"


def argument_type(rule: Rule) -> Callable[[str], Any]:
    """Return an argparse type that follows a rule; a `Several` applies its own to each value."""
    several = ""
    if isinstance(rule, Several):
        rule, several = rule.rule, ", several with spaces between"

    def read(text: str) -> Any:
        try:
            return rule.parse(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not allowed; give {rule}{several}"
            ) from None

    return read


def path_type(text: str) -> Path:
    """Return a path with ``~`` replaced by the home, as an argparse type."""
    try:
        return expanded(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def output_type(*suffixes: str) -> Callable[[str], Path]:
    """Return an argparse type of a file to write; that it cannot be is found before the work."""

    def read(text: str) -> Path:
        path = path_type(text)
        if suffixes and path.suffix not in suffixes:
            *others, last = suffixes
            problem = f"must end in {', '.join(others)} or {last}"
        elif not os.path.isdir(path.parent):  # noqa: PTH112 (never raises)
            problem = f"cannot be written: {path.parent} is not a folder; make it"
        elif os.path.isdir(path):  # noqa: PTH112
            problem = "is a folder; name a file"
        else:
            return path
        raise argparse.ArgumentTypeError(f"{text!r} {problem}")

    return read


def metavar(rule: Rule) -> str:
    """Return the name of a flag's value in the help."""
    if isinstance(rule, Several):
        return "UNITS"
    if isinstance(rule, Number):
        return "N" if rule.kind is int else "X"
    return "|".join(rule.names)


def add_epoch_flags(parser: Any, when: str = "") -> None:
    """Add --best and --last, which make ``best`` True and False, to a parser or a group of it."""
    group = parser.add_mutually_exclusive_group()
    for name, const, runs in (("best", True, "with"), ("last", False, "without")):
        group.add_argument(
            f"--{name}", action="store_const", const=const, dest="best",
            help=f"{when}take the parameters of the {name} epoch (default for a run that was "
            f"trained {runs} --validation)",
        )  # fmt: skip


def add_data_flag(parser: Any) -> None:
    """Add --data-dir to a parser or a group of it."""
    parser.add_argument(
        "--data-dir", metavar="DIR",
        help="folder of the data set's four files (default: $D2L_MLP_DATA, else a search)",
    )  # fmt: skip


def add_device_flag(parser: argparse.ArgumentParser) -> None:
    """Add --device, for one device, to a parser."""
    parser.add_argument(
        "--device", type=device_name, default="auto", metavar="auto|cpu|gpu|gpu:N",
        help="where to compute",
    )  # fmt: skip


def device_name(text: str) -> str:
    """Check the name of a device, as an argparse type."""
    if not is_device(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not known; choose one of {DEVICES}")
    return text


def device_names(text: str) -> str:
    """Check the names of one or more devices, with commas between, as an argparse type."""
    return ",".join(map(device_name, text.split(",")))
