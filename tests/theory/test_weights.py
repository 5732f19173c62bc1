import mxnet
import numpy
import pytest
from mxnet import gluon, np
from mxnet.gluon import nn

from d2l_mlp.mlp import build_mlp
from d2l_mlp.theory.weights import read_layers, relu_net

X = numpy.random.RandomState(0).randn(7, 4)


def initialized(net):
    net.initialize(force_reinit=True)
    net(np.array(X, dtype="float32"))
    return net


def stack(*layers, kind=nn.Sequential):
    net = kind()
    net.add(*layers)
    return initialized(net)


def with_act(dense, act):
    dense.act = act
    return stack(dense)


def by_hand(layers):
    H = X
    functions = {
        None: lambda z, alpha: z,
        "relu": lambda z, alpha: numpy.maximum(z, 0),
        "prelu": lambda z, alpha: numpy.where(z > 0, z, alpha * z),
        "sigmoid": lambda z, alpha: 1 / (1 + numpy.exp(-z)),
        "tanh": lambda z, alpha: numpy.tanh(z),
        "swish": lambda z, alpha: z / (1 + numpy.exp(-z)),
    }
    for layer in layers:
        H = functions[layer.activation](H @ layer.weight.T + layer.bias, layer.alpha)
    return H


PER_UNIT = nn.PReLU(in_channels=5)
NETS = {
    "our own": (build_mlp((5, 6), 3, "tanh", num_inputs=4), ["tanh", "tanh", None]),
    "our Swish": (build_mlp((5,), 3, "swish", num_inputs=4), ["swish", None]),
    "our pReLU": (build_mlp((5,), 3, "prelu", num_inputs=4), ["prelu", None]),
    "linear": (build_mlp((5,), 3, None, num_inputs=4), [None, None]),
    "softmax regression": (build_mlp((), 3, num_inputs=4), [None]),
    "the book's": (stack(nn.Dense(5, activation="relu"), nn.Dense(3)), ["relu", None]),
    "apart": (stack(nn.Dense(5), nn.Activation("sigmoid"), nn.Dense(3)), ["sigmoid", None]),
    "one slope": (stack(nn.Dense(5), nn.PReLU(), nn.Dense(3)), ["prelu", None]),
    "slopes": (stack(nn.Dense(5), PER_UNIT, nn.Dense(3)), ["prelu", None]),
    "no bias": (stack(nn.Dense(5, use_bias=False), nn.Dense(3)), [None, None]),
    "hybrid": (
        stack(nn.Dense(5, activation="tanh"), nn.Dense(3), kind=nn.HybridSequential),
        ["tanh", None],
    ),
    "nested": (stack(stack(nn.Dense(4), nn.Activation("relu")), nn.Dense(3)), ["relu", None]),
    "a single layer": (initialized(nn.Dense(3)), [None]),
}
PER_UNIT.alpha.set_data(np.array([0.5, -0.25, 1.0, 0.0, 2.0]))


@pytest.mark.parametrize("name", NETS)
def test_layers_compute_what_the_net_does(name):
    net, activations = NETS[name]
    layers = read_layers(net)
    assert [layer.activation for layer in layers] == activations
    for layer in layers:
        assert layer.weight.dtype == layer.bias.dtype == layer.alpha.dtype == "float64"
        assert layer.bias.shape == layer.alpha.shape == layer.weight.shape[:1]
    logits = net(np.array(X, dtype="float32")).asnumpy()
    numpy.testing.assert_allclose(by_hand(layers), logits, rtol=1e-5, atol=1e-6)


def test_layers_are_copies():
    net = build_mlp((2,), 2, num_inputs=4)
    read_layers(net)[0].weight[:] = 0
    assert net[0].weight.data().asnumpy().all()


def test_float64_is_kept_to_the_last_digit():
    net = build_mlp((5,), 3, "prelu", num_inputs=4, dtype="float64")
    logits = net(np.array(X, dtype="float64")).asnumpy()
    numpy.testing.assert_allclose(by_hand(read_layers(net)), logits, rtol=1e-14, atol=1e-15)


def test_dropout_is_no_layer_of_the_formulas():
    net = build_mlp((5,), 3, num_inputs=4, dropout=0.5)
    weights = [layer.weight for layer in read_layers(net)]
    for weight, dense in zip(weights, (net[0], net[2])):
        numpy.testing.assert_array_equal(weight, dense.weight.data().asnumpy())


class Custom(gluon.Block):
    def forward(self, X):
        return X


class Residual(nn.Sequential):
    def forward(self, X):
        return X + super().forward(X)


class Negative(nn.Dense):
    def forward(self, X):
        return -super().forward(X)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (stack(nn.Dense(4), kind=Residual), "layer 0, Residual.* is neither Dense"),
        (stack(nn.Dense(4), Negative(4)), "layer 1, Negative.* is neither Dense"),
        (stack(nn.Dense(5), nn.BatchNorm()), r"layer 1, BatchNorm.* is neither Dense nor"),
        (stack(nn.Dense(5), stack(nn.Flatten())), r"layer 1\.0, Flatten, is neither"),
        (Custom(), "layer 0, Custom.* is neither Dense"),
        (
            stack(nn.Dense(5, activation="softrelu")),
            "layer 0, Dense.* 'softrelu', which is not known; use relu",
        ),
        (
            with_act(nn.Dense(5), nn.LeakyReLU(0.1)),
            "layer 0, Dense.* 'leakyrelu', which is not known; use relu",
        ),
        (stack(nn.Activation("relu"), nn.Dense(2)), "layer 0, .*relu.* does not follow a Dense"),
        (
            stack(nn.Dense(5, activation="relu"), nn.Activation("relu")),
            "layer 1, .*does not follow a Dense layer directly",
        ),
        (build_mlp((5,), 2), "layer 0, Dense.* is not initialized; give the number of inputs"),
        (nn.Dense(2, in_units=3), "layer 0, Dense.* is not initialized"),
        (nn.Sequential(), "has no Dense layer; add one"),
    ],
)
def test_other_nets_are_refused(net, message):
    with pytest.raises(ValueError, match=message):
        read_layers(net)


@pytest.mark.parametrize("value", [numpy.nan, numpy.inf, -numpy.inf])
@pytest.mark.parametrize("which", ["1.weight", "1.bias", "0.act.alpha"])
def test_parameters_that_are_not_finite_are_refused(value, which):
    net = build_mlp((5,), 3, "prelu", num_inputs=4)
    parameter = net._collect_params_with_prefix()[which]
    parameter.set_data(np.full(parameter.shape, value))
    with pytest.raises(ValueError, match=f"layer {which[0]}, Dense.* that is NaN or infinite"):
        read_layers(net)


def test_relu_net_has_the_given_weights():
    random = numpy.random.RandomState(1)
    given = [(random.randn(5, 4), random.randn(5)), (random.randn(2, 5), random.randn(2))]
    net = relu_net(given)
    assert repr(net) == repr(build_mlp((5,), 2, num_inputs=4))
    layers = read_layers(net)
    assert [layer.activation for layer in layers] == ["relu", None]
    for layer, (weight, bias) in zip(layers, given):
        numpy.testing.assert_array_equal(layer.weight, weight)
        numpy.testing.assert_array_equal(layer.bias, bias)


def test_relu_net_draws_nothing_at_random():
    mxnet.random.seed(0)
    expected = np.random.normal(size=3).tolist()
    mxnet.random.seed(0)
    relu_net([(numpy.eye(3), numpy.zeros(3))])
    assert np.random.normal(size=3).tolist() == expected
