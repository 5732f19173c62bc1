"""The command that writes a net for other programs, as a user starts it."""

import hashlib
import json

import numpy
import pytest
from mxnet import gluon, np

from tests.conftest import ROOT
from tests.nets import written_out
from tests.processes import SAMPLE

onnxruntime = pytest.importorskip("onnxruntime")  # Python 3.15 has none
EXPORT = ("-m", "d2l_mlp.export")
PROG = "python -m d2l_mlp.export"


@pytest.mark.filterwarnings("ignore:Cannot decide type")  # MXNet, of every import
def test_other_programs_compute_the_same(run, call, tmp_path, sample):
    call(*SAMPLE, "--hidden", 16, "--epochs", 1, "--dropout", 0.1, "--out", "run")
    result = run(*EXPORT, "run", "-o", "model.onnx")
    assert result.stderr == ""
    assert "on 1,000 test images: the probabilities differ by " in result.stdout.splitlines()[-1]
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    metadata = session.get_modelmeta().custom_metadata_map
    config = (tmp_path / "run" / "config.json").read_bytes()
    assert metadata["config_sha256"] == hashlib.sha256(config).hexdigest()
    assert json.loads(metadata["hyperparameters"]) == json.loads(config)["hyperparameters"]
    assert metadata["epoch"] == "1"
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

    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "onnx.py").write_text("raise ImportError(\"No module named 'onnx'\")")
    path = {"PYTHONPATH": f"{tmp_path / 'without'}:{ROOT}"}
    result = run(*EXPORT, "run", "-o", "model.onnx", code=1, env=path)
    assert result.stderr == (
        f"{PROG}: error: No module named 'onnx'; install it with: pip install onnx onnxruntime\n"
    )
