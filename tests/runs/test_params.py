import numpy
import pytest
from mxnet import np

from d2l_mlp.mlp import build_mlp
from d2l_mlp.runs.net import parameter_shapes
from d2l_mlp.runs.params import dump_parameters, file_size, load_parameters
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
    assert file_size(shapes) == len(raw)
    loaded = load_parameters(raw, shapes)
    for name, parameter in net._collect_params_with_prefix().items():
        assert loaded[name].tobytes() == parameter.data().asnumpy().tobytes()


def test_gluon_reads_them(tmp_path):
    net, other = (build_mlp((5,), activation="prelu", num_inputs=784) for _ in range(2))
    (tmp_path / "ours").write_bytes(dump_parameters(parameters_of(net)))
    other.load_parameters(str(tmp_path / "ours"))
    x = np.ones((2, 784))
    assert (net(x) == other(x)).all()


def test_nothing_at_all():
    assert load_parameters(dump_parameters({}), {}) == {}


A = {"a": numpy.ones((2, 3), "float32"), "b": numpy.zeros(4, "float32")}
SHAPES = {"a": (2, 3), "b": (4,)}


@pytest.mark.parametrize(
    ("raw", "shapes", "says"),
    [
        (
            dump_parameters(A),
            {"a": (3, 2), "b": (4,)},
            r"not hold a of shape \(3, 2\), float32, at",
        ),
        (dump_parameters(A), {"a": (2, 3), "b": (5,)}, r"does not hold b of shape \(5,\)"),
        (dump_parameters(A), {"a": (10**9, 10**9)}, r"does not hold a of shape \(1000000000,"),
        (dump_parameters(A), {"a": (2, 3)}, "does not hold exactly the arrays a$"),
        (dump_parameters(A), {}, r"does not hold exactly the arrays \(none\)"),
        (dump_parameters(A), {"a": (2, 3), "c": (4,)}, "does not hold exactly the arrays a, c"),
        (dump_parameters(A)[:-1], SHAPES, "does not hold exactly"),
        (dump_parameters(A) + b"\0", SHAPES, "does not hold exactly"),
        (dump_parameters(A)[:70], SHAPES, "does not hold a of shape"),
        (b"", SHAPES, "does not hold a of shape"),
        (dump_parameters({**A, "b": A["b"] * numpy.nan}), SHAPES, "has a number in b that is NaN"),
        (dump_parameters({**A, "b": A["b"] - numpy.inf}), SHAPES, "has a number in b that is NaN"),
    ],
)
def test_anything_else_is_refused(raw, shapes, says):
    with pytest.raises(ValueError, match=says):
        load_parameters(raw, shapes)


def test_other_dtypes_are_refused():
    with pytest.raises(TypeError, match="a is of float64; only float32 can be saved"):
        dump_parameters({"a": numpy.ones(3)})


def test_a_float64_file_is_refused(tmp_path):
    net = build_mlp((3,), num_inputs=784, dtype="float64")
    net.save_parameters(str(tmp_path / "gluon"))
    with pytest.raises(ValueError, match=r"does not hold 0\.weight of shape \(3, 784\), float32"):
        load_parameters(
            (tmp_path / "gluon").read_bytes(), parameter_shapes(Hyperparameters(hidden=(3,)))
        )
