"""What the exporting command does: read the run, write its net, and say how it was checked."""

import argparse
import logging
from pathlib import Path

from mxnet import np

from d2l_mlp.data import fashion_mnist
from d2l_mlp.data.features import to_features
from d2l_mlp.data.verified_files import DatasetError
from d2l_mlp.runs.reader import SavedRun, load
from d2l_mlp.runtime.folders import replace
from d2l_mlp.use.symbol import INPUT, to_symbol

log = logging.getLogger(__name__)


def export(args: argparse.Namespace) -> None:
    """Do what the flags say; the name's end decides the format."""
    run = load(args.run, best=args.best)
    print(f"run       {run.folder}, after epoch {run.epoch}")
    (_to_onnx if args.output.suffix == ".onnx" else _to_gluon)(run, args)


def _to_onnx(run: SavedRun, args: argparse.Namespace) -> None:
    try:
        from d2l_mlp.use.onnx_check import check
        from d2l_mlp.use.onnx_model import to_onnx
    except ImportError as error:
        raise ImportError(f"{error}; install it with: pip install onnx onnxruntime") from None
    model = to_onnx(run)
    comparison = check(model, run.net, _test_features(run, args.data_dir))
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
    print(f"read by   gluon.SymbolBlock.imports({str(args.output)!r}, ['{INPUT}'], {str(path)!r})")


def _test_features(run: SavedRun, data_dir: str) -> np.ndarray:
    try:
        data = fashion_mnist.load(run.config["data"]["release"], data_dir)
    except DatasetError as error:
        if data_dir:
            raise
        log.warning("checked on the test images of the embedded sample: %s", error)
        data = fashion_mnist.load("sample")
    return to_features(data.test[0])


def _write(path: Path, content: bytes) -> None:
    try:
        replace(path, content)
    except OSError as error:
        raise OSError(f"cannot write '{path}': {error.strerror}") from error
    print(f"wrote     {path}, {len(content):,} bytes")
