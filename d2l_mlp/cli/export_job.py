"""What the exporting command does: read the run, write its net, and say how it was checked."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from mxnet import np

from d2l_mlp.data.fashion_mnist import load_fashion_mnist
from d2l_mlp.data.loaders import to_features
from d2l_mlp.data.releases import DatasetError
from d2l_mlp.files import write_atomically
from d2l_mlp.inference.symbol import SYMBOL_INPUT, to_symbol
from d2l_mlp.runs.reader import SavedRun, load_run

log = logging.getLogger(__name__)


def export(args: argparse.Namespace) -> None:
    """Do what the flags say; the name's end decides the format."""
    run = load_run(args.run, best=args.best)
    print(f"run       {run.folder}, after epoch {run.epoch}")
    (_to_onnx if args.output.suffix == ".onnx" else _to_gluon)(run, args)


def _to_onnx(run: SavedRun, args: argparse.Namespace) -> None:
    try:
        from d2l_mlp.inference.onnx import check_onnx, to_onnx
    except ImportError as error:
        raise ImportError(f"{error}; install it with: pip install onnx onnxruntime") from None
    model = to_onnx(run)
    comparison = check_onnx(model, run.net, _test_features(run, args.data_dir))
    _write(args.output, model.SerializeToString())
    if comparison is None:
        print("checked   by onnx; not compared with the net, for want of onnxruntime")
        return
    version, count, difference = comparison
    print(
        f"checked   by onnx, and by onnxruntime {version} on {count:,} test images: the same "
        f"classes, and probabilities that differ by {difference:.1g} at most"
    )


def _to_gluon(run: SavedRun, args: argparse.Namespace) -> None:
    symbol, parameters = to_symbol(run.net)
    path = args.output.with_name(f"{args.output.stem}-0000.params")
    _write(path, parameters)
    _write(args.output, symbol)
    print(
        f"read by   gluon.SymbolBlock.imports({str(args.output)!r}, ['{SYMBOL_INPUT}'], {str(path)!r})"
    )


def _test_features(run: SavedRun, data_dir: str) -> np.ndarray:
    try:
        data = load_fashion_mnist(run.config["data"]["release"], data_dir)
    except DatasetError as error:
        if data_dir:
            raise
        log.warning("checked on the test images of the embedded sample: %s", error)
        data = load_fashion_mnist("sample")
    return to_features(data.test[0])


def _write(path: Path, content: bytes) -> None:
    try:
        write_atomically(path, content)
    except OSError as error:
        raise OSError(f"cannot write '{path}': {error.strerror}") from error
    print(f"wrote     {path}, {len(content):,} bytes")
