"""Write a run's net as a graph and a parameter file, which Gluon reads without this package."""

from __future__ import annotations

import json

import mxnet
from mxnet.gluon import nn

from d2l_mlp.runs.params import dump_parameters
from d2l_mlp.training.state import parameters_of

SYMBOL_INPUT = "image"


def to_symbol(net: nn.Sequential) -> tuple[bytes, bytes]:
    """Return the JSON of a float32 net's graph, without dropout, and its parameter file.

    ``gluon.SymbolBlock.imports`` reads them; ``Sequential`` has no ``export`` of its own.
    """
    x = mxnet.sym.var(SYMBOL_INPUT).as_np_ndarray()
    for layer in net:
        if not isinstance(layer, nn.Dropout):
            x = layer(x)
    graph = json.loads(x.tojson())
    # Gluon counts the layers of a whole process; these are the names that they have in this net.
    names = {p.name: name for name, p in net._collect_params_with_prefix().items()}
    for node in graph["nodes"]:
        node["name"] = names.get(node["name"], node["name"])
    arrays = {f"arg:{name}": array for name, array in parameters_of(net).items()}
    return json.dumps(graph, indent=2).encode(), dump_parameters(arrays)
