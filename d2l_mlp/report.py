"""Write a web page about runs: ``python -m d2l_mlp.report RUN...``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from d2l_mlp.cli.command import Signals, run_command, tolerant_streams
from d2l_mlp.cli.flags import Parser, device_name
from d2l_mlp.hardware.cpu import use_all_processors

PROG = "python -m d2l_mlp.report"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    with tolerant_streams():
        args = parser().parse_args(argv)
        logging.basicConfig(format=f"{PROG}: %(message)s", level=logging.WARNING)
        return run_command(PROG, lambda received: _report(args, received))


def _report(args: argparse.Namespace, received: Signals) -> None:
    with received.deferred():
        use_all_processors()  # before anything imports MXNet
        from d2l_mlp.cli import report_job
    report_job.report(args)


def parser() -> Parser:
    """Make the command line's parser."""
    p = Parser(
        prog=PROG,
        description="Write a web page about one or more runs, which may be going on: learning "
        "curves, the confusion matrix with the images behind it, classes, mistakes, weights. It is "
        "one file, and opens from the disk.",
    )
    # fmt: off
    add = p.add_argument
    add("runs", metavar="RUN", type=Path, nargs="+", help="folder of a run")
    add("-o", "--output", metavar="FILE", type=Path, default=Path("report.html"),
        help="file to write")
    add("--force", action="store_true", help="replace the file, if it is there")
    add("--best", action="store_true", help="take the parameters of the best epoch, not the last")
    add("--data-dir", metavar="DIR",
        help="folder of the data set's four files (default: $D2L_MLP_DATA, and else a search)")
    add("--device", type=device_name, default="auto", metavar="auto|cpu|gpu|gpu:N",
        help="where to compute")
    # fmt: on
    return p


if __name__ == "__main__":
    sys.exit(main())
