"""Write a run's net for other programs: ``python -m d2l_mlp.export RUN -o model.onnx``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from d2l_mlp.cli.command import Signals, run_command, say
from d2l_mlp.cli.flags import (
    Parser,
    add_data_flag,
    add_epoch_flags,
    argument_type,
    output_type,
    path_type,
)
from d2l_mlp.files import write_atomically
from d2l_mlp.rules import DEFAULT_OPSET, OLDEST_OPSET, Number

if TYPE_CHECKING:
    from d2l_mlp.runs.reader import SavedRun

PROG = "python -m d2l_mlp.export"

log = logging.getLogger(__name__)


def parser() -> Parser:
    """Return the parser of the command line."""
    p = Parser(
        prog=PROG,
        description="Write the net of a run, which may still be training, for other "
        "programs: from image, float32 in [0, 1] of shape (N, 1, 28, 28), to logits and, in ONNX, "
        "probabilities. An ONNX model is compared with the net on the test images before it is "
        "written, if onnxruntime is installed.",
    )
    # fmt: off
    add = p.add_argument
    add("run", metavar="RUN", type=path_type, help="folder of the run")
    add_epoch_flags(p)
    add("-o", "--output", metavar="FILE", type=output_type(".onnx", ".json"), required=True,
        help="model.onnx; or model.json, beside which model-0000.params is written, for Gluon's "
        "SymbolBlock.imports; existing files are replaced")
    add("--opset", metavar="N", type=argument_type(Number(int, least=1)), default=DEFAULT_OPSET,
        help=f"version of ONNX's operators, from {OLDEST_OPSET} to the newest that onnx knows")
    add_data_flag(p)
    # fmt: on
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_command(PROG, lambda signals: _export(parser().parse_args(argv), signals))


def _export(args: argparse.Namespace, signals: Signals) -> None:
    with signals.deferred():
        from d2l_mlp.runs.reader import load_run
    run = load_run(args.run, best=args.best)
    say(f"run       {run.describe()}")
    if args.output.suffix == ".onnx":
        _write_onnx(run, args)
    else:
        _write_symbol(run, args.output)


def _write_onnx(run: SavedRun, args: argparse.Namespace) -> None:
    try:
        from d2l_mlp.inference.onnx import check_onnx, to_onnx
    except ImportError as error:
        raise ImportError(f"{error}; install it with: pip install onnx onnxruntime") from None
    from d2l_mlp.data.fashion_mnist import load_fashion_mnist
    from d2l_mlp.data.loaders import to_features
    from d2l_mlp.data.releases import DatasetError

    try:
        data = load_fashion_mnist(run.config["data"]["release"], args.data_dir)
    except DatasetError as error:
        if args.data_dir:
            raise
        log.warning("checked on the test images of the embedded sample: %s", error)
        data = load_fashion_mnist("sample")
    model = to_onnx(run, args.opset)
    X = to_features(data.test[0])
    difference = check_onnx(model, run.net, X)
    _write(args.output, model.SerializeToString())
    if difference is None:
        print("checked   by onnx; not compared with the net, as onnxruntime is not installed")
    else:
        print(
            f"checked   by onnx, and by onnxruntime on {len(X):,} test images: the probabilities "
            f"differ by {difference:.1g} at most"
        )


def _write_symbol(run: SavedRun, path: Path) -> None:
    from d2l_mlp.inference.symbol import SYMBOL_INPUT, to_symbol

    symbol, parameters = to_symbol(run.net)
    parameters_path = path.with_name(f"{path.stem}-0000.params")
    _write(parameters_path, parameters)
    _write(path, symbol)
    arguments = f"{str(path)!r}, [{SYMBOL_INPUT!r}], {str(parameters_path)!r}"
    say(f"read by   gluon.SymbolBlock.imports({arguments})")


def _write(path: Path, content: bytes) -> None:
    write_atomically(path, content)
    say(f"wrote     {path}, {len(content):,} bytes")


if __name__ == "__main__":
    sys.exit(main())
