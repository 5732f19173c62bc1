import math
from functools import partial

import mpmath
import mxnet
import numpy
import pytest
from mxnet import np
from mxnet.gluon import nn

from d2l_mlp.activations import ACTIVATIONS, prelu
from d2l_mlp.mlp import INITIALIZERS, build_mlp, forward, softmax

NUMPY = {
    None: lambda x: x,
    "relu": lambda x: numpy.maximum(x, 0),
    "prelu": lambda x: numpy.maximum(x, 0) + 0.25 * numpy.minimum(x, 0),
    "sigmoid": lambda x: 1 / (1 + numpy.exp(-x)),
    "tanh": numpy.tanh,
    "gelu": lambda x: x * numpy.vectorize(math.erfc)(-x / 2**0.5) / 2,
    "swish": lambda x: x / (1 + numpy.exp(-x)),
}


def plain_numpy(X, weights, biases, activation):
    """The logits, by a forward pass of NumPy's own."""
    H = X
    for layer, (W, b) in enumerate(zip(weights, biases)):
        H = H @ W.T + b
        if layer < len(weights) - 1:
            H = NUMPY[activation](H)
    return H


def test_every_activation_has_its_oracle():
    assert list(NUMPY) == [None, *ACTIVATIONS]


def test_default_is_the_chapters_net():
    net = build_mlp(num_inputs=784)
    assert type(net) is nn.Sequential
    assert [type(layer) for layer in net] == [nn.Dense] * 3
    shapes = {name: p.shape for name, p in net._collect_params_with_prefix().items()}
    assert shapes == {
        "0.weight": (256, 784), "0.bias": (256,),
        "1.weight": (256, 256), "1.bias": (256,),
        "2.weight": (10, 256), "2.bias": (10,),
    }  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", NUMPY)
@pytest.mark.parametrize("hidden", [(), (5,), (7, 3), (4, 4, 4)])
def test_logits_are_those_of_plain_numpy(hidden, activation, dtype):
    net = build_mlp(hidden, 3, activation, num_inputs=6, dtype=dtype)
    X = numpy.random.RandomState(0).randn(8, 2, 3).astype(dtype)
    parameters = {n: p.data().asnumpy() for n, p in net._collect_params_with_prefix().items()}
    weights, biases = (
        [parameters[f"{i}.{kind}"] for i in range(len(hidden) + 1)] for kind in ("weight", "bias")
    )
    H = plain_numpy(X.reshape(8, 6), weights, biases, activation)
    logits = net(np.array(X, dtype=dtype))
    assert logits.dtype == dtype
    tolerance = {"float32": 1e-6, "float64": 1e-14}[dtype]
    numpy.testing.assert_allclose(logits.asnumpy(), H, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("activation", NUMPY)
def test_nan_is_not_hidden(activation):
    net = build_mlp((16,), 3, activation, num_inputs=4)
    X = numpy.ones((32, 4), "float32")
    X[5, 2] = numpy.nan
    broken = numpy.isnan(net(np.array(X)).asnumpy()).all(axis=1)
    assert broken.tolist() == [row == 5 for row in range(32)]


def test_each_prelu_layer_learns_a_slope_of_its_own():
    net = build_mlp((4, 4), 2, "prelu", num_inputs=3)
    X = np.array(numpy.random.RandomState(0).randn(16, 3), dtype="float32")
    slopes = [net[0].act.alpha, net[1].act.alpha]
    assert [float(alpha.data()) for alpha in slopes] == [0.25, 0.25]
    with mxnet.autograd.record():
        loss = net(X).sum()
    loss.backward()
    # d(loss)/d(alpha of the last hidden layer), by hand: sum of w2 * min(z, 0).
    p = {name: p.data().asnumpy() for name, p in net._collect_params_with_prefix().items()}
    h = NUMPY["prelu"](X.asnumpy() @ p["0.weight"].T + p["0.bias"])
    z = h @ p["1.weight"].T + p["1.bias"]
    expected = (numpy.minimum(z, 0) * p["2.weight"].sum(axis=0)).sum()
    assert float(slopes[1].grad()) == pytest.approx(expected, rel=1e-5)
    assert float(slopes[0].grad()) != 0


def test_parameters_load_into_the_net_as_the_chapter_writes_it(tmp_path):
    net = build_mlp((256,), num_inputs=784)
    net.save_parameters(str(tmp_path / "model.params"))
    book = nn.Sequential()
    book.add(nn.Dense(256, activation="relu"), nn.Dense(10))
    book.load_parameters(str(tmp_path / "model.params"))
    X = np.array(numpy.random.RandomState(0).rand(4, 1, 28, 28).astype("float32"))
    assert (book(X) == net(X)).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_can_be_hybridized(activation):
    net = build_mlp((8,), 3, activation, num_inputs=5)
    hybrid = nn.HybridSequential()
    hybrid.add(*net)
    X = np.ones((2, 5))
    before = hybrid(X)
    hybrid.hybridize()
    assert (hybrid(X) == before).all()


@pytest.mark.parametrize(
    ("initializer", "scale"),
    [("xavier", (2 / (784 + 256)) ** 0.5), ("he", (2 / 784) ** 0.5), ("normal", 0.01)],
)
def test_initializers_have_their_papers_deviation(initializer, scale):
    mxnet.random.seed(0)
    net = build_mlp((256,), num_inputs=784, initializer=initializer)
    assert net[0].weight.data().asnumpy().std() == pytest.approx(scale, rel=0.01)
    assert not net[0].bias.data().asnumpy().any()
    assert initializer in INITIALIZERS


def test_seed_makes_the_net():
    def weights(seed):
        mxnet.random.seed(seed)
        return build_mlp((4,), num_inputs=4)[0].weight.data().asnumpy().tobytes()

    assert weights(1) == weights(1) != weights(2)


def test_inputs_may_be_left_to_the_first_minibatch():
    net = build_mlp((4,), 3)
    assert net(np.ones((2, 9))).shape == (2, 3)
    assert net[0].weight.shape == (4, 9)


def test_prints_readably():
    assert repr(build_mlp((5,), 3, "tanh", num_inputs=4)) == (
        "Sequential(\n  (0): Dense(4 -> 5, tanh)\n  (1): Dense(5 -> 3, linear)\n)"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"hidden": (0,)}, r"hidden is \(0,\); give a sequence of values, each an integer of at"),
        ({"hidden": (16, -1)}, r"hidden is \(16, -1\); give"),
        ({"hidden": (1.5,)}, r"hidden is \(1.5,\)"),
        ({"hidden": (True,)}, r"hidden is \(True,\)"),
        ({"dropout": 1}, "dropout is 1; give a number of at least 0 and less than 1"),
        ({"dropout": 1e-300}, "dropout is 1e-300, which is 0 in MXNet; round it"),
        ({"dropout": 1 - 1e-12}, "dropout is 0.999999999999, which is 1 in MXNet; round it"),
        ({"num_outputs": 0}, "num_outputs is 0; give an integer of at least 1"),
        ({"dtype": "float64"}, "num_inputs is 0; give it, because dtype is float64"),
        ({"dtype": "int8", "num_inputs": 2}, "dtype is 'int8'; give one of float32, float64"),
        ({"num_inputs": -1}, "num_inputs is -1; give an integer of at least 0"),
        (
            {"activation": "elu"},
            "activation is 'elu'; give one of relu, prelu, sigmoid, tanh, gelu",
        ),
        ({"initializer": "zeros"}, "initializer is 'zeros'; give one of xavier, he, normal"),
    ],
)
def test_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        build_mlp(**arguments)


def test_dropout_is_that_of_the_book_s_next_sections(tmp_path):
    net = build_mlp((400, 300), num_inputs=20, dropout=0.25)
    book = nn.Sequential()
    book.add(
        nn.Dense(400, activation="relu"), nn.Dropout(0.25),
        nn.Dense(300, activation="relu"), nn.Dropout(0.25), nn.Dense(10),
    )  # fmt: skip
    net.save_parameters(str(tmp_path / "model.params"))
    book.load_parameters(str(tmp_path / "model.params"))
    X = np.random.normal(size=(16, 20))
    assert (net(X) == book(X)).all()  # off where nothing is trained
    hidden = net[0](X)
    with mxnet.autograd.record():
        dropped = net[1](hidden)
    left_out = ((dropped == 0) & (hidden != 0)).sum() / (hidden != 0).sum()
    assert left_out.item() == pytest.approx(0.25, abs=0.05)
    kept = dropped != 0
    numpy.testing.assert_allclose(dropped[kept].asnumpy(), hidden[kept].asnumpy() / 0.75, rtol=1e-6)


def random_layers(sizes, dtype="float64"):
    """Weights and biases between layers of these sizes, and a minibatch of 8 examples."""
    random = numpy.random.RandomState(0)
    weights = [random.randn(n, m).astype(dtype) for m, n in zip(sizes, sizes[1:])]
    return weights, [random.randn(n).astype(dtype) for n in sizes[1:]], random.randn(8, sizes[0])


def mx(arrays, dtype="float64"):
    return [np.array(array, dtype=dtype) for array in arrays]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])
@pytest.mark.parametrize("activation", NUMPY)
@pytest.mark.parametrize("sizes", [(6, 3), (6, 5, 3), (6, 7, 3, 3), (6, 4, 4, 4, 3)])
def test_forward_pass_written_out_is_that_of_plain_numpy(sizes, activation, dtype, tolerance):
    weights, biases, X = random_layers(sizes)
    exact = plain_numpy(X, weights, biases, activation)
    logits = forward(np.array(X, dtype=dtype), mx(weights, dtype), mx(biases, dtype), activation)
    assert (logits.shape, logits.dtype) == ((8, 3), dtype)
    close = {"rtol": tolerance, "atol": tolerance * abs(exact).max()}
    numpy.testing.assert_allclose(logits.asnumpy(), exact, **close)
    for x, row in zip(X, exact):
        one = forward(np.array(x, dtype=dtype), mx(weights, dtype), mx(biases, dtype), activation)
        assert one.shape == (3,)
        numpy.testing.assert_allclose(one.asnumpy(), row, **close)


def test_forward_pass_takes_any_function_and_autograd_goes_through_it():
    (W1, W2), (b1, b2), X = random_layers((6, 5, 3))
    weights, biases = mx([W1, W2]), mx([b1, b2])
    for array in weights + biases:
        array.attach_grad()
    with mxnet.autograd.record():
        loss = (forward(np.array(X), weights, biases, partial(prelu, alpha=-0.5)) ** 2).sum()
    loss.backward()
    # The chain rule by hand.
    Z = X @ W1.T + b1
    H = numpy.where(Z > 0, Z, -0.5 * Z)
    dO = 2 * (H @ W2.T + b2)
    dZ = dO @ W2 * numpy.where(Z > 0, 1, -0.5)
    for array, exact in zip(weights + biases, (dZ.T @ X, dO.T @ H, dZ.sum(axis=0), dO.sum(axis=0))):
        numpy.testing.assert_allclose(array.grad.asnumpy(), exact, rtol=1e-12)


@pytest.mark.parametrize(
    ("shapes", "activation", "message"),
    [
        ([(8, 6), (5, 4), (5,)], "relu", r"layer 0 has inputs of shape \(8, 6\), weights \(5, 4\)"),
        ([(8, 6), (6, 5), (5,)], "relu", r"give \(n, inputs\) or \(inputs,\), \(units, inputs\)"),
        ([(8, 6), (5, 6), (6,)], "relu", r"layer 0 .* biases \(6,\)"),
        ([(2, 8, 6), (5, 6), (5,)], "relu", r"layer 0 has inputs of shape \(2, 8, 6\)"),
        ([(8, 6), (5, 6), (5,), (3, 4), (3,)], "relu", r"layer 1 has inputs of shape \(8, 5\)"),
        ([(8, 6)], "relu", "0 weights and 0 biases; give each layer both"),
        ([(8, 6), (5, 6), (5,), (3, 5)], "relu", "2 weights and 1 biases"),
        ([(8, 6), (5, 6), (5,)], "elu", "activation is 'elu'; give one of relu,"),
    ],
)
def test_forward_pass_refuses(shapes, activation, message):
    X, *parameters = map(np.zeros, shapes)
    with pytest.raises(ValueError, match=message):
        forward(X, parameters[::2], parameters[1::2], activation)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-14)])
def test_softmax(dtype, tolerance):
    logits = [
        [1.0, 2.0, 3.0],
        [1e4, -1e4, 0.0],
        [1e4, 1e4, 1e4],
        [-1e4, -1e4, -1e4 + 1],
        [1e4, 1e4 - 1, -1e4],
        [0.0, -50.0, -80.0],
    ]
    got = softmax(np.array(logits, dtype=dtype))
    assert got.dtype == dtype
    for row, probabilities in zip(logits, got.asnumpy()):
        E = [mpmath.exp(mpmath.mpf(o)) for o in row]
        exact = [float(e / sum(E)) for e in E]
        numpy.testing.assert_allclose(probabilities, exact, rtol=10 * tolerance, atol=1e-300)
        assert probabilities.sum() == pytest.approx(1, abs=tolerance)
        one = softmax(np.array(row, dtype=dtype)).asnumpy()
        numpy.testing.assert_array_equal(one, probabilities)


@pytest.mark.parametrize(("dtype", "row"), [("uint8", [1, 2, 3]), ("int8", [-100, 100, 90])])
def test_softmax_of_integers_does_not_wrap(dtype, row):
    E = numpy.exp(numpy.array(row) - max(row))
    got = softmax(np.array(row, dtype=dtype)).asnumpy()
    numpy.testing.assert_allclose(got, E / E.sum(), rtol=1e-5, atol=1e-30)


def test_softmax_is_differentiable():
    o = np.array([[1.0, -2.0, 0.5]], dtype="float64")
    o.attach_grad()
    with mxnet.autograd.record():
        first = softmax(o)[0, 0]
    first.backward()
    p = softmax(o)[0].asnumpy()
    numpy.testing.assert_allclose(o.grad[0].asnumpy(), p[0] * (numpy.eye(3)[0] - p), rtol=1e-12)
