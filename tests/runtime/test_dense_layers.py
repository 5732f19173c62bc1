import mxnet
import numpy
import pytest
from mxnet import autograd, np
from mxnet.base import MXNetError
from mxnet.gluon import nn

from d2l_mlp.data.features import to_features
from d2l_mlp.mlp import build_mlp
from d2l_mlp.runs.reader import load
from tests.processes import SAMPLE


def by_hand(num_inputs, dtype):
    net = nn.HybridSequential() if num_inputs else nn.Sequential()
    net.add(nn.Dense(8, activation="relu", in_units=num_inputs), nn.Dense(10))
    net.initialize()
    net.cast(dtype)
    return net


def ours(num_inputs, dtype):
    return build_mlp((8,), num_inputs=num_inputs, dtype=dtype)


def hybridized(num_inputs, dtype):
    net = nn.HybridSequential()
    net.add(nn.Flatten(), nn.Dense(8, in_units=num_inputs), nn.Dense(10))
    net.initialize()
    net.cast(dtype)
    net.hybridize()
    return net


@pytest.mark.parametrize("build", [by_hand, ours, hybridized])
@pytest.mark.parametrize("num_inputs", [0, 784])
@pytest.mark.parametrize("recording", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "bool", "float64"])
def test_a_net_says_which_features_it_takes(sample, build, num_inputs, recording, dtype):
    net, images = build(num_inputs, "float32"), sample.test[0][:3]
    X = np.array(images.astype(dtype), dtype=dtype)
    with autograd.record(train_mode=recording), pytest.raises(
        ValueError, match=f"^features are {dtype}"
    ) as refused:
        net(X)
    assert "\n" not in str(refused.value)
    assert refused.value.__context__ is None
    assert ("to_features(images)" in str(refused.value)) == (dtype != "float64")
    assert net(to_features(images)).shape == (3, 10)  # it has taken no harm


def test_a_net_in_double_precision(sample):
    X = to_features(sample.test[0][:3])
    net = ours(784, "float64")
    with pytest.raises(ValueError, match=r"are float32, but the net is float64; give X.astype\('f"):
        net(X)
    assert net(X.astype("float64")).dtype == numpy.float64


def test_other_errors_of_a_graph_are_mxnets_own():
    net = nn.Dense(8, in_units=784)
    net.initialize()
    net.hybridize()
    with pytest.raises(MXNetError, match="Shape inconsistent"):
        net(np.ones((3, 5)))

    class Other(nn.HybridBlock):
        def hybrid_forward(self, F, x):
            ones = F.np.ones((3, 5), dtype="int32")
            return x + F.npx.fully_connected(ones, F.np.ones((5, 5)), no_bias=True, num_hidden=5)

    other = Other()
    other.hybridize()
    with pytest.raises(MXNetError, match="expected int32, got float32"):  # not of the features
        other(np.ones((3, 5)))


def test_a_symbol_goes_through():
    (logits,) = by_hand(784, "float32")(mxnet.sym.var("X").as_np_ndarray()).list_outputs()
    assert logits.endswith("_output")


def test_a_run_that_was_read_back(call, tmp_path, sample):
    call(*SAMPLE, "--hidden", "4", "--epochs", "1", "--out", "run")
    net = load(tmp_path / "run").net
    with pytest.raises(ValueError, match=r"features are uint8; .* to_features\(images\)"):
        net(np.array(sample.test[0][:3], dtype="uint8"))
