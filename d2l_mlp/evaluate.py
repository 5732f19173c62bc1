"""Measure a run on the test set: ``python -m d2l_mlp.evaluate RUN``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from d2l_mlp.cli.command import Signals, run_command, tolerant_streams
from d2l_mlp.cli.flags import Parser, device_name
from d2l_mlp.hardware.cpu import use_all_processors

PROG = "python -m d2l_mlp.evaluate"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    with tolerant_streams():
        args = parser().parse_args(argv)
        logging.basicConfig(format=f"{PROG}: %(message)s", level=logging.WARNING)
        return run_command(PROG, lambda received: _evaluate(args, received))


def _evaluate(args: argparse.Namespace, received: Signals) -> None:
    with received.deferred():
        use_all_processors()  # before anything imports MXNet
        from d2l_mlp.cli import evaluation_job
    evaluation_job.evaluate(args)


def parser() -> Parser:
    """Make the command line's parser."""
    p = Parser(
        prog=PROG,
        description="Measure a run, which may be going on, on the test set of the data that it was "
        "trained on: loss, accuracy, and the precision, recall and F1 of each class.",
    )
    # fmt: off
    add = p.add_argument
    add("run", metavar="RUN", type=Path, help="folder of the run")
    add("--best", action="store_true",
        help="take the parameters of the best epoch, not those of the last")
    add("--data-dir", metavar="DIR",
        help="folder of the data set's four files (default: $D2L_MLP_DATA, and else a search)")
    add("--device", type=device_name, default="auto", metavar="auto|cpu|gpu|gpu:N",
        help="where to compute")
    add("--json", action="store_true", help="print JSON")
    # fmt: on
    return p


if __name__ == "__main__":
    sys.exit(main())
