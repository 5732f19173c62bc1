"""The command that takes a net elsewhere, as a user starts it."""

import hashlib
import json

import numpy
import onnxruntime
import pytest
from mxnet import gluon, np

from d2l_mlp import export
from tests.conftest import ROOT
from tests.nets import written_out
from tests.processes import SAMPLE

EXPORT = ("-m", "d2l_mlp.export")
PROG = "python -m d2l_mlp.export"


@pytest.mark.filterwarnings("ignore:Cannot decide type")  # MXNet, of every import
def test_a_net_elsewhere(run, call, tmp_path, sample):
    call(*SAMPLE, "--hidden", 16, "--epochs", 1, "--dropout", 0.1, "--out", "run")
    result = run(*EXPORT, "run", "-o", "model.onnx")
    assert result.stderr == ""
    assert "on 1,000 test images: the same classes, and " in result.stdout.splitlines()[-1]
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    told = session.get_modelmeta().custom_metadata_map
    config = (tmp_path / "run" / "config.json").read_bytes()
    assert told["config_sha256"] == hashlib.sha256(config).hexdigest()
    assert json.loads(told["hyperparameters"]) == json.loads(config)["hyperparameters"]
    assert told["epoch"] == "1"
    X = (sample.test[0] / 255).astype("float32").reshape(-1, 1, 28, 28)
    (logits,) = session.run(["logits"], {"image": X})
    expected = written_out(tmp_path / "run", sample.test[0])
    numpy.testing.assert_array_equal(logits.argmax(axis=1), expected)

    call(*EXPORT, "run", "-o", "model.json")
    paths = [str(tmp_path / name) for name in ("model.json", "model-0000.params")]
    block = gluon.SymbolBlock.imports(paths[0], ["image"], paths[1])
    numpy.testing.assert_array_equal(
        block(np.array(X, dtype="float32")).asnumpy().argmax(axis=1), expected
    )

    result = call(*EXPORT, "run", "-o", "nowhere/model.onnx", code=1)
    assert (
        result.stderr
        == f"{PROG}: error: cannot write 'nowhere/model.onnx': No such file or directory\n"
    )
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "onnx.py").write_text("raise ImportError(\"No module named 'onnx'\")")
    path = {"PYTHONPATH": f"{tmp_path / 'without'}:{ROOT}"}
    result = run(*EXPORT, "run", "-o", "model.onnx", code=1, env=path)
    assert result.stderr == (
        f"{PROG}: error: No module named 'onnx'; install it with: pip install onnx onnxruntime\n"
    )


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["run"], "the following arguments are required: -o/--output"),
        (["run", "-o", "model.pt"], "argument -o/--output: 'model.pt': give a name that ends in"),
    ],
)
def test_bad_flags(capsys, args, says):
    with pytest.raises(SystemExit) as exit_:
        export.main(args)
    assert exit_.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{PROG}: error: {says}")


def test_help_imports_nothing_heavy(run):
    run(
        "-c",
        "import sys, d2l_mlp.export\n"
        "try: d2l_mlp.export.main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'mxnet', 'numpy', 'onnx', 'onnxruntime'} & set(sys.modules)",
    )
