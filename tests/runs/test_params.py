import numpy
import pytest

from d2l_mlp.mlp import build_mlp
from d2l_mlp.runs.net import parameter_shapes
from d2l_mlp.runs.params import dump_parameters
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.state import parameters_of

NETS = [((), "relu"), ((5,), "tanh"), ((4, 3), "prelu"), ((2,) * 11, "prelu")]


@pytest.mark.parametrize(("hidden", "activation"), NETS)
def test_files_are_gluons_byte_for_byte(tmp_path, hidden, activation):
    net = build_mlp(hidden, activation=activation, num_inputs=784)
    net.save_parameters(str(tmp_path / "gluon"))
    raw = (tmp_path / "gluon").read_bytes()
    assert dump_parameters(parameters_of(net)) == raw
    shapes = {name: p.shape for name, p in net._collect_params_with_prefix().items()}
    settings = Hyperparameters(hidden=hidden, activation=activation)
    assert list(parameter_shapes(settings).items()) == list(shapes.items())


def test_other_dtypes_are_refused():
    with pytest.raises(TypeError, match="a is of float64; only float32 can be saved"):
        dump_parameters({"a": numpy.ones(3)})
