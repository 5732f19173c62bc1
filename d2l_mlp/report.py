"""Write a web page about runs: ``python -m d2l_mlp.report RUN...``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from d2l_mlp.cli.command import Signals, run_command, say
from d2l_mlp.cli.flags import (
    Parser,
    add_data_flag,
    add_device_flag,
    add_epoch_flags,
    output_type,
    path_type,
)

PROG = "python -m d2l_mlp.report"


def parser() -> Parser:
    """Return the parser of the command line."""
    p = Parser(
        prog=PROG,
        description="Write a web page about one or more runs, which may still be training: "
        "learning curves, the confusion matrix with the images behind it, classes, mistakes, "
        "weights. It is one file that opens from the disk.",
    )
    # fmt: off
    add = p.add_argument
    add("runs", metavar="RUN", type=path_type, nargs="+", help="folder of a run")
    add("-o", "--output", metavar="FILE", type=output_type(), default=Path("report.html"),
        help="file to write")
    add("--force", action="store_true", help="replace the file if it exists")
    add_epoch_flags(p)
    add_data_flag(p)
    add_device_flag(p)
    # fmt: on
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_command(PROG, lambda signals: _report(parser().parse_args(argv), signals))


def _report(args: argparse.Namespace, signals: Signals) -> None:
    with signals.deferred():
        from d2l_mlp.data.fashion_mnist import load_fashion_mnist
        from d2l_mlp.hardware.devices import choose_device
        from d2l_mlp.pages.report import write_report
        from d2l_mlp.runs.reader import load_run
    if os.path.lexists(args.output) and not args.force:
        raise FileExistsError(
            f"{args.output} exists; name another file with -o, or replace it with --force"
        )
    device = choose_device(args.device)
    runs = [load_run(folder, device, best=args.best) for folder in args.runs]
    releases = {run.config["data"]["release"] for run in runs}
    data = {
        # With runs of both releases, --data-dir is the folder of the full one.
        release: load_fashion_mnist(
            release, None if release == "sample" and len(releases) > 1 else args.data_dir
        )
        for release in sorted(releases)
    }
    write_report(args.output, runs, data)
    say(str(args.output))


if __name__ == "__main__":
    sys.exit(main())
