import numpy
import pytest
from mxnet import np
from mxnet.gluon import nn

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.mlp import build_mlp
from d2l_mlp.theory.linearity import best_bottleneck, collapse, rank


def linear_net(*sizes, seed=0, dtype="float64"):
    net = build_mlp(sizes[1:-1], sizes[-1], None, num_inputs=sizes[0], dtype=dtype)
    random = numpy.random.RandomState(seed)
    for parameter in net.collect_params().values():
        parameter.set_data(np.array(random.randn(*parameter.shape), dtype=dtype))
    return net


@pytest.mark.parametrize("sizes", [(3, 2), (6, 5, 4), (4, 9, 1, 3), (20,) * 12])
def test_a_net_without_activation_is_one_layer(sizes):
    net = linear_net(*sizes)
    X = numpy.random.RandomState(1).randn(50, sizes[0])
    W, b = collapse(net)
    assert (W.shape, b.shape) == ((sizes[-1], sizes[0]), (sizes[-1],))
    logits = net(np.array(X, dtype="float64")).asnumpy()
    # Relative to the terms that add up, which may cancel in single logits.
    numpy.testing.assert_allclose(X @ W.T + b, logits, rtol=0, atol=1e-12 * abs(logits).max())


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_nonlinearity_does_not_collapse(activation, at):
    net = build_mlp((5, 5), 2, None, num_inputs=3)
    net[at].act = build_mlp((5,), 2, activation, num_inputs=3)[0].act
    for function in (collapse, rank):
        with pytest.raises(
            ValueError, match=rf"layer {at}, Dense\(\d -> \d, {activation}\) is not linear"
        ):
            function(net)


def test_an_activation_that_is_a_layer_is_named():
    net = nn.Sequential()
    net.add(nn.Dense(5, in_units=4), nn.Activation("relu"), nn.Dense(3, in_units=5))
    net.initialize()
    with pytest.raises(ValueError, match=r"^layer 1, Activation\(relu\) is not linear"):
        collapse(net)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("d", [2, 10, 64])
def test_a_bottleneck_halves_the_rank(d, dtype):
    assert rank(linear_net(d, d, dtype=dtype)) == d
    assert rank(linear_net(d, d // 2, d, dtype=dtype)) == d // 2
    assert rank(linear_net(d, d, d // 2, d, d, dtype=dtype)) == d // 2


def test_rank_knows_rounding_errors_from_directions():
    # W2 W1 is 0, but for rounding: W1 maps onto what W2 takes to 0.
    U, _, Vt = numpy.linalg.svd(numpy.random.RandomState(0).randn(8, 8))
    net = linear_net(8, 8, 8)
    for layer, W in zip(net, [U[:, :4] @ Vt[:4], Vt[4:].T @ U[:, 4:].T]):
        layer.weight.set_data(np.array(W, dtype="float64"))
    assert numpy.linalg.matrix_rank(collapse(net)[0]) > 0
    assert rank(net) == 0


def test_rounding_errors_of_many_terms_are_no_directions():
    for seed in range(3):
        random = numpy.random.RandomState(seed)
        net = linear_net(200, 200, 1, 200, 200)
        for layer in net:
            weight = random.rand(*layer.weight.shape) + 1
            layer.weight.set_data(np.array(weight, dtype="float64"))
        assert rank(net) == 1


@pytest.mark.parametrize(("shape", "k"), [((6, 6), 3), ((5, 8), 2), ((8, 5), 4), ((4, 4), 4)])
def test_best_bottleneck_reaches_its_error(shape, k):
    W = numpy.random.RandomState(0).randn(*shape)
    W1, W2, error = best_bottleneck(W, k)
    assert (W1.shape, W2.shape) == ((k, shape[1]), (shape[0], k))
    assert numpy.linalg.norm(W - W2 @ W1) == pytest.approx(error, abs=1e-13)
    eigenvalues = numpy.sort(numpy.linalg.eigvalsh(W @ W.T))[::-1]
    assert error**2 == pytest.approx(eigenvalues[k:].sum(), abs=1e-12)


def test_no_bottleneck_does_better():
    random = numpy.random.RandomState(0)
    W, k = random.randn(6, 6), 3
    W1, W2, error = best_bottleneck(W, k)
    for scale in 10.0 ** numpy.arange(-6, 1):
        for _ in range(50):
            A, B = W1 + scale * random.randn(k, 6), W2 + scale * random.randn(6, k)
            assert numpy.linalg.norm(W - B @ A) >= error
    for _ in range(20):  # alternating least squares from anywhere converges to the same
        A = random.randn(k, 6)
        for _ in range(300):
            B = numpy.linalg.lstsq(A.T, W.T, rcond=None)[0].T
            A = numpy.linalg.lstsq(B, W, rcond=None)[0]
        assert numpy.linalg.norm(W - B @ A) >= error * (1 - 1e-12)


@pytest.mark.parametrize("d", [2, 8, 50])
def test_the_identity_needs_all_d_units(d):
    W1, W2, error = best_bottleneck(numpy.eye(d), d // 2)
    assert error == pytest.approx((d / 2) ** 0.5)
    net = build_mlp((d // 2,), d, None, num_inputs=d, dtype="float64")
    for layer, W in zip(net, (W1, W2)):
        layer.weight.set_data(np.array(W, dtype="float64"))
    # Of the d unit vectors, the single layer with W = I returns each; the best net loses half.
    missed = net(np.array(numpy.eye(d), dtype="float64")).asnumpy() - numpy.eye(d)
    assert (missed**2).sum() == pytest.approx(d / 2)
    assert best_bottleneck(numpy.eye(d), d).error == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], 1), r"W has the shape \(2,\); give a matrix"),
        (([[1.0, numpy.nan]], 1), "give a matrix of finite numbers"),
        (([[1.0]], 0), "num_hidden is 0; give an integer of at least 1"),
        (([[1.0]], 1.0), "num_hidden is 1.0; give an integer"),
        (([[1.0]], True), "num_hidden is True; give an integer"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        best_bottleneck(*arguments)
