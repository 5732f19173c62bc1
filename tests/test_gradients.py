import numpy
import pytest
from mxnet import autograd, np, npx
from mxnet.gluon import nn

from d2l_mlp.activations import ACTIVATIONS, tanh
from d2l_mlp.gradients import value_and_grad

FUNCTIONS = {
    "cube": (lambda x: x**3, lambda x: x**3),
    "swish": (lambda x: x * npx.sigmoid(x), lambda x: x / (1 + numpy.exp(-x))),
    "gaussian": (lambda x: np.exp(-x * x), lambda x: numpy.exp(-x * x)),
    # Backpropagates two terms that cancel.
    "bump": (
        lambda x: npx.sigmoid(x) * (1 - npx.sigmoid(x)),
        lambda x: 0.25 / numpy.cosh(x / 2) ** 2,
    ),
    "softplus": (lambda x: np.log(1 + np.exp(x)), lambda x: numpy.log1p(numpy.exp(x))),
    "own weight each": (
        lambda x: x * np.arange(x.size, dtype=x.dtype).reshape(x.shape),
        lambda x: x * numpy.arange(x.size).reshape(x.shape),
    ),
}

MIXING = {
    "softmax": npx.softmax,
    "cumsum": lambda x: np.cumsum(x),
    "reversed": lambda x: x[::-1],
    "shifted": lambda x: np.roll(x, 1),
    "columns that add up to 0": lambda x: np.roll(x, 1) - np.roll(x, -1),
    "times mean": lambda x: x * x.mean(),
    "centred": lambda x: x - x.mean(),
    "standardised": lambda x: (x - x.mean()) / np.sqrt(x.var() + 1e-5),
    "last two": lambda x: np.concatenate([x[:-2], x[-1:], x[-2:-1]]),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=list(ACTIVATIONS))
def test_agrees_with_the_closed_form(activation, dtype):
    x = np.arange(-8, 8, 0.125, dtype=dtype)
    y, grad = value_and_grad(activation.function, x)
    assert grad.dtype == dtype
    numpy.testing.assert_array_equal(y.asnumpy(), activation.function(x).asnumpy())
    # MXNet's own derivative of erf is 3e-8 too small.
    atol = 1e-8 if activation.name == "gelu" else 0
    atol += 4 * numpy.finfo(dtype).eps
    numpy.testing.assert_allclose(grad.asnumpy(), activation.derivative(x).asnumpy(), atol=atol)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shape", [(96,), (8, 12), (2, 4, 12)])
def test_agrees_with_central_differences(name, shape):
    f, same_in_numpy = FUNCTIONS[name]
    x, h = numpy.linspace(-4, 4, 96).reshape(shape), 1e-5
    y, grad = value_and_grad(f, np.array(x, dtype="float64"))
    numpy.testing.assert_allclose(y.asnumpy(), same_in_numpy(x), rtol=1e-12)
    difference = (same_in_numpy(x + h) - same_in_numpy(x - h)) / (2 * h)
    numpy.testing.assert_allclose(grad.asnumpy(), difference, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("size", [3, 8, 9, 80, 1000])
@pytest.mark.parametrize("name", MIXING)
def test_functions_that_mix_elements_are_refused(name, size):
    x = np.array(numpy.random.default_rng(size).normal(size=size))
    with pytest.raises(ValueError, match="depends on several elements"):
        value_and_grad(MIXING[name], x)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_mixing_is_seen_in_every_dtype_and_axis(dtype):
    x = np.random.normal(size=(40, 3)).astype(dtype)
    for axis in (0, 1):
        with pytest.raises(ValueError, match="depends on several elements"):
            value_and_grad(lambda x, axis=axis: x - x.mean(axis=axis, keepdims=True), x)


@pytest.mark.parametrize("shift", [1, 7, 8, 9, 64, 256, 448])
def test_mixing_is_seen_over_every_distance(shift):
    with pytest.raises(ValueError, match="depends on several elements"):
        value_and_grad(lambda x: np.roll(x, shift), np.ones((32, 16)).reshape(-1))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_mixing_is_seen_among_the_last_alone(dtype):
    with pytest.raises(ValueError, match="depends on several elements"):
        value_and_grad(
            lambda x: np.concatenate([x[:30], np.roll(x[30:], 1)]), np.ones(64, dtype=dtype)
        )


def test_the_derivative_keeps_the_dtype_of_x():
    y, grad = value_and_grad(lambda x: 2 * x.astype("float64"), np.arange(20.0))
    assert (y.dtype, grad.dtype) == ("float64", "float32")
    assert grad.tolist() == [2] * 20


@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (lambda x: np.exp(-x * x), lambda x: -2 * x * numpy.exp(-x * x)),
        (lambda x: x * 1e-20 * 1.3e-18, lambda x: 1.3e-38 + 0 * x),
        (lambda x: x * 1e25 * 1e13, lambda x: 1e38 + 0 * x),
    ],
)
def test_very_small_and_large_derivatives_do_not_look_like_mixing(f, exact):
    x = numpy.linspace(8, 11, 100).astype("float32")
    _, grad = value_and_grad(f, np.array(x))
    numpy.testing.assert_allclose(
        grad.asnumpy(), exact(x.astype("float64")), rtol=1e-4, atol=1.2e-38
    )


@pytest.mark.parametrize("f", [np.exp, lambda x: x * 1e30 * 1e9])
def test_overflow_does_not_look_like_mixing(f):
    x = np.array([89.0, 100, numpy.inf] * 20)
    _, grad = value_and_grad(f, x)
    assert numpy.isposinf(grad.asnumpy()).all()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sum(),
        lambda x: x.reshape(2, 3),
        lambda x: x[:3],
        lambda x: x > 0,
        lambda x: x.astype("int32"),
        lambda x: x.asnumpy(),
        lambda x: None,
    ],
)
def test_other_shapes_and_types_are_refused(f):
    with pytest.raises(
        ValueError, match=r"f is not elementwise: it maps .*float32 and shape \(6,\)"
    ):
        value_and_grad(f, np.ones(6))


@pytest.mark.parametrize("f", [lambda x: x.detach() * 2, lambda x: np.ones(x.shape)])
def test_functions_without_a_graph_are_refused(f):
    with pytest.raises(ValueError, match="MXNet cannot differentiate f") as caught:
        value_and_grad(f, np.ones(6))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("x", [1.0, [1.0], numpy.ones(2), np.array([1, 2], dtype="int32"), None])
def test_input_must_be_an_array_of_floats(x):
    with pytest.raises(TypeError, match="x must be an MXNet array of floats"):
        value_and_grad(tanh, x)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0)])
def test_small_shapes(shape):
    y, grad = value_and_grad(lambda x: x * x, np.ones(shape))
    assert y.shape == grad.shape == shape
    numpy.testing.assert_array_equal(grad.asnumpy(), 2 * numpy.ones(shape))


def test_input_is_untouched():
    x = np.array([1.0, 2.0])
    x.attach_grad()
    with autograd.record():
        outer = x * 5
    value_and_grad(lambda v: v * v, x)
    assert x.tolist() == [1, 2]
    assert x.grad.tolist() == [0, 0]
    outer.backward()
    assert x.grad.tolist() == [5, 5]


def test_gradients_of_a_net_within_are_untouched():
    layer = nn.Dense(1, in_units=1)
    layer.initialize()
    with autograd.record():
        y = layer(np.array([[2.0]])).sum()
    y.backward()
    _, grad = value_and_grad(lambda x: layer(x.reshape(-1, 1)).reshape(-1), np.arange(64.0))
    assert (grad == layer.weight.data().item()).all()
    assert layer.weight.grad().tolist() == [[2]]
    assert layer.bias.grad().tolist() == [1]


def test_own_gradient_of_the_input_is_not_needed():
    x = np.array([1.0, 2.0])
    value_and_grad(tanh, x)
    assert x.grad is None
