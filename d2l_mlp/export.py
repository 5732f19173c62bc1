"""Take a run's net elsewhere: ``python -m d2l_mlp.export RUN -o model.onnx``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from d2l_mlp.cli.command import Signals, run_command, tolerant_streams
from d2l_mlp.cli.flags import Parser
from d2l_mlp.hardware.cpu import use_all_processors

PROG = "python -m d2l_mlp.export"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    with tolerant_streams():
        args = parser().parse_args(argv)
        logging.basicConfig(format=f"{PROG}: %(message)s", level=logging.WARNING)
        return run_command(PROG, lambda received: _export(args, received))


def _export(args: argparse.Namespace, received: Signals) -> None:
    with received.deferred():
        use_all_processors()  # before anything imports MXNet
        from d2l_mlp.cli import export_job
    export_job.export(args)


def parser() -> Parser:
    """Make the command line's parser."""
    p = Parser(
        prog=PROG,
        description="Write the net of a run, which may be going on, for other programs: from "
        "image, float32 in [0, 1] of shape (N, 1, 28, 28), to logits and, in ONNX, probabilities. "
        "An ONNX model is compared with the net on the test images before it is written, if "
        "onnxruntime is installed.",
    )
    # fmt: off
    add = p.add_argument
    add("run", metavar="RUN", type=Path, help="folder of the run")
    add("--best", action="store_true",
        help="take the parameters of the best epoch, not those of the last")
    add("-o", "--output", metavar="FILE", type=_output, required=True,
        help="model.onnx, or model.json for Gluon's SymbolBlock.imports, which model-0000.params "
        "belongs to; one that is there is replaced")
    add("--data-dir", metavar="DIR",
        help="folder of the data set's four files (default: $D2L_MLP_DATA, and else a search)")
    # fmt: on
    return p


def _output(text: str) -> Path:
    if Path(text).suffix not in (".onnx", ".json"):
        raise argparse.ArgumentTypeError(f"{text!r}: give a name that ends in .onnx or .json")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())
