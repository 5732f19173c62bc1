"""Predict what images show: ``python -m d2l_mlp.predict RUN IMAGE...``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from d2l_mlp.cli.command import Signals, run_command, tolerant_streams
from d2l_mlp.cli.flags import Parser, device_name
from d2l_mlp.hardware.cpu import use_all_processors
from d2l_mlp.plotting.style import FORMATS

PROG = "python -m d2l_mlp.predict"

_MOST_SHOWN = 50
_FORMATS = tuple(f".{name}" for name in FORMATS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    with tolerant_streams():
        p = parser()
        args = p.parse_args(argv)
        if args.show and args.show.suffix not in _FORMATS:
            p.error(f"--show {args.show}: give a name that ends in {', '.join(_FORMATS)}")
        if args.show and len(args.images) > _MOST_SHOWN:
            p.error(f"--show takes up to {_MOST_SHOWN} images, not {len(args.images)}")
        if args.show and args.show.resolve() in [image.resolve() for image in args.images]:
            p.error(f"--show {args.show} would replace an image; name another file")
        logging.basicConfig(format=f"{PROG}: %(message)s", level=logging.WARNING)
        return run_command(PROG, lambda received: _predict(args, received))


def _predict(args: argparse.Namespace, received: Signals) -> None:
    with received.deferred():
        use_all_processors()  # before anything imports MXNet
        from d2l_mlp.cli import prediction_job
    prediction_job.predict(args, PROG)


def parser() -> Parser:
    """Make the command line's parser."""
    p = Parser(
        prog=PROG,
        description="Predict what images show, by the net of a run, which may be going on. Printed "
        "are the class of each, and the probability of each class that has at least 0.01.",
        epilog="An image is made to look like those of Fashion-MNIST, by the steps that the data "
        "set's publisher describes (arXiv:1708.07747, section 2): made grey; inverted if its "
        "border is light; cropped to what differs from the border by more than 5 %; subsampled so "
        "that its longest edge has 28 pixels; sharpened; put into the middle of 28 x 28 pixels. "
        "One of 28 x 28 pixels is only made grey, and inverted if its border is light. What is "
        "transparent counts as white.",
    )
    # fmt: off
    add = p.add_argument
    add("run", metavar="RUN", type=Path, help="folder of the run")
    add("--best", action="store_true",
        help="take the parameters of the best epoch, not those of the last")
    add("images", metavar="IMAGE", type=Path, nargs="+", help="file that Pillow reads")
    add("--as-is", action="store_true",
        help="do no more to an image than to make it grey and 28 x 28")
    add("--show", type=Path, metavar="FILE",
        help="draw each image, what the net sees of it, and the probabilities (.png, .svg, .pdf)")
    add("--device", type=device_name, default="auto", metavar="auto|cpu|gpu|gpu:N",
        help="where to compute")
    add("--json", action="store_true", help="print JSON, with the probability of every class")
    # fmt: on
    return p


if __name__ == "__main__":
    sys.exit(main())
