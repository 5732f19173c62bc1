"""Write a run's net as an ONNX model, which other frameworks and programs read, and check it.

MXNet's own exporter needs an onnx of 2023. An MLP takes a dozen operators, which are the same in
every opset since 11, of 2019.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from math import sqrt
from typing import Any, Callable

import mxnet
import numpy
import onnx
from mxnet import gluon, np
from mxnet.gluon import nn
from onnx import TensorProto, helper, numpy_helper

from d2l_mlp import __version__
from d2l_mlp.data.releases import CLASSES, IMAGE_SHAPE
from d2l_mlp.mlp import softmax
from d2l_mlp.rules import DEFAULT_OPSET, OLDEST_OPSET
from d2l_mlp.runs.reader import SavedRun
from d2l_mlp.training.state import parameters_of

_IR_VERSION = 8
_TOLERANCE = 1e-5  # of a probability, and of a logit as a share of the largest
_OUTPUTS = ("logits", "probabilities")


class _Graph:
    """Nodes and constants of a graph, each under a unique name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, output: str | None = None, **options: Any) -> str:
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **options))
        return name

    def constant(self, value: Any, name: str | None = None) -> str:
        name = name or f"constant_{len(self.constants)}"
        array = numpy.asarray(value, dtype="float32")
        self.constants.append(numpy_helper.from_array(array, name))
        return name


def _gelu(g: _Graph, x: str) -> str:
    erf = g.add("Erf", g.add("Mul", x, g.constant(sqrt(0.5))))
    return g.add("Mul", g.add("Mul", x, g.constant(0.5)), g.add("Add", erf, g.constant(1)))


# Each adds an activation to a graph, and returns the name of its output.
_ACTIVATIONS: Mapping[str, Callable[..., str]] = {
    "relu": lambda g, x: g.add("Relu", x),
    "prelu": lambda g, x, alpha: g.add("PRelu", x, alpha),
    "sigmoid": lambda g, x: g.add("Sigmoid", x),
    "tanh": lambda g, x: g.add("Tanh", x),
    "gelu": _gelu,
    "swish": lambda g, x: g.add("Mul", x, g.add("Sigmoid", x)),
}


def to_onnx(run: SavedRun, opset: int = DEFAULT_OPSET) -> onnx.ModelProto:
    """Return a run's net as an ONNX model, without dropout; its metadata name the run.

    It maps ``image``, float32 in [0, 1] of shape (N, 1, 28, 28), to ``logits`` and
    ``probabilities``, both of shape (N, 10).
    """
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= opset <= newest:
        raise ValueError(f"opset {opset}: give a number from {OLDEST_OPSET} to {newest}")
    g = _Graph()
    x = g.add("Flatten", "image")
    parameters = parameters_of(run.net)
    for i, layer in enumerate(run.net):
        if isinstance(layer, nn.Dropout):
            continue
        weight, bias = (g.constant(parameters[n], n) for n in (f"{i}.weight", f"{i}.bias"))
        x = g.add("Gemm", x, weight, bias, transB=1)
        if layer.act:
            activation = layer.act.activation
            if activation.name not in _ACTIVATIONS:
                raise ValueError(
                    f"the activation {activation.name} has no ONNX form here; "
                    "export to a .json of Gluon's instead"
                )
            names = [f"{i}.act.{name}" for name in activation.parameters]
            learnt = [g.constant(parameters[name], name) for name in names]
            x = _ACTIVATIONS[activation.name](g, x, *learnt)
    # Not of the logits: converters to float16 fail at a node that reads an output of the graph.
    g.add("Softmax", x, output="probabilities", axis=-1)
    g.add("Identity", x, output="logits")
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        g.nodes, "mlp", [tensor("image", TensorProto.FLOAT, ["N", 1, *IMAGE_SHAPE])],
        [tensor(name, TensorProto.FLOAT, ["N", len(CLASSES)]) for name in _OUTPUTS], g.constants,
        doc_string="image holds grey values divided by 255, the article light on 0.",
    )  # fmt: skip
    model = helper.make_model(
        graph, producer_name="d2l_mlp", producer_version=__version__, ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", opset)],
    )  # fmt: skip
    helper.set_model_props(model, _metadata(run))
    return model


def _metadata(run: SavedRun) -> dict[str, str]:
    """Name the classes, and the run by the hash of its ``config.json`` at the epoch exported."""
    text = json.dumps(run.config, indent=2) + "\n"
    return {
        "classes": json.dumps(CLASSES),
        "hyperparameters": json.dumps(run.config["hyperparameters"]),
        "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "epoch": str(run.epoch),
    }


def check_onnx(model: onnx.ModelProto, net: gluon.Block, X: np.ndarray) -> float | None:
    """Return the largest difference of a model's probabilities for X from its net's.

    A ValueError is raised if the model is invalid or its outputs differ by more than the tolerance.
    Without onnxruntime, the outputs are not compared and None is returned.
    """
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ValueError(f"the ONNX model is not valid ({error})") from None
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    logits, probabilities = session.run(_OUTPUTS, {"image": X.asnumpy()})
    outputs = net(X)
    expected, own = softmax(outputs).asnumpy(), outputs.asnumpy()
    difference = float(numpy.abs(probabilities - expected).max())
    shift = numpy.abs(logits - own).max() / max(numpy.abs(own).max(), 1)
    if not (difference < _TOLERANCE and shift < _TOLERANCE):  # also for NaN
        raise ValueError(
            f"onnxruntime {onnxruntime.__version__} and MXNet {mxnet.__version__} differ by "
            f"{difference:.1g} in the probabilities of {len(X):,} images, and in the logits by "
            f"{shift:.1g} times the largest; the model is not written"
        )
    return difference
