"""ONNX models as onnxruntime runs them, and a check that finds wrong ones."""

import json
import sys

import numpy
import onnx
import pytest
from mxnet import np

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.data.releases import CLASSES
from d2l_mlp.inference.onnx import check_onnx, to_onnx
from d2l_mlp.mlp import forward, softmax
from tests.nets import random_run

onnxruntime = pytest.importorskip("onnxruntime")  # Python 3.15 has none
X = numpy.random.RandomState(1).rand(50, 1, 28, 28).astype("float32")


@pytest.mark.parametrize("hidden", [(), (9,), (7, 6), (6, 5, 4, 3)], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dropout", [0, 0.5])
def test_onnxruntime_computes_what_the_net_does(activation, hidden, dropout):
    run = random_run(activation=activation, hidden=hidden, dropout=dropout)
    model = to_onnx(run)
    assert 0 <= check_onnx(model, run.net, np.array(X)) < 1e-5
    session = onnxruntime.InferenceSession(model.SerializeToString())
    logits, probabilities = session.run(None, {"image": X})
    expected = run.net(np.array(X))
    numpy.testing.assert_allclose(logits, expected.asnumpy(), rtol=1e-5, atol=1e-5)
    numpy.testing.assert_allclose(probabilities, softmax(expected).asnumpy(), atol=1e-6)
    if activation != "prelu":
        layers = [layer for layer in run.net if hasattr(layer, "weight")]
        weights, biases = (
            [getattr(layer, n).data() for layer in layers] for n in ("weight", "bias")
        )
        written_out = forward(np.array(X).reshape(50, 784), weights, biases, activation)
        numpy.testing.assert_allclose(logits, written_out.asnumpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("activation", ["prelu", "gelu"])
@pytest.mark.parametrize("opset", [11, 17])
def test_another_opset_computes_the_same(activation, opset):
    run = random_run(activation=activation, hidden=(9,))
    model = to_onnx(run, opset)
    assert model.opset_import[0].version == opset
    assert 0 <= check_onnx(model, run.net, np.array(X)) < 1e-5


@pytest.mark.parametrize("opset", [10, 99])
def test_an_unknown_opset_is_refused(opset):
    with pytest.raises(ValueError, match=rf"opset {opset}: give a number from 11 to \d\d"):
        to_onnx(random_run(hidden=(9,)), opset)


def test_no_node_reads_an_output():
    graph = to_onnx(random_run(hidden=(9,))).graph  # or its conversion to float16 fails
    outputs = {value.name for value in graph.output}
    assert not outputs & {name for node in graph.node for name in node.input}


def test_the_model_describes_itself():
    model = to_onnx(random_run(hidden=(9,), dropout=0.2))
    assert (model.opset_import[0].version, model.ir_version) == (13, 8)
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    outputs = {name: ["N", 10] for name in ("logits", "probabilities")}
    assert shapes == {"image": ["N", 1, 28, 28], **outputs}
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["classes"]) == list(CLASSES)
    assert metadata["epoch"] == "0"
    assert "Dropout" not in {node.op_type for node in model.graph.node}
    assert {tensor.name for tensor in model.graph.initializer} == {
        "0.weight", "0.bias", "2.weight", "2.bias",
    }  # fmt: skip


def _spoil_a_weight(model):
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0]).copy()
    weight[0] += 0.01
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weight, "0.weight"))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_spoil_a_weight, r"differ by \d.* in the probabilities of 50 images, and in the logits"),
        (lambda model: model.graph.node.pop(0), "the ONNX model is not valid"),
    ],
)
def test_a_wrong_model_is_refused(spoil, says):
    run = random_run(hidden=(9,))
    model = to_onnx(run)
    spoil(model)
    with pytest.raises(ValueError, match=says):
        check_onnx(model, run.net, np.array(X))


def test_without_onnxruntime_nothing_is_compared(monkeypatch):
    run = random_run(hidden=(9,))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert check_onnx(to_onnx(run), run.net, np.array(X)) is None
