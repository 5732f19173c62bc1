import dataclasses
import itertools

import mpmath
import numpy
import pytest
from matplotlib.mathtext import MathTextParser
from mxnet import autograd, np

from d2l_mlp.activations import ACTIVATIONS, gelu, prelu, relu, sigmoid, swish, tanh
from d2l_mlp.gradients import value_and_grad

CHAPTERS = ["relu", "prelu", "sigmoid", "tanh"]
NAMES = [*CHAPTERS, "gelu", "swish"]
mpmath.mp.dps = 50

ORACLES = {
    "relu": (lambda x: max(x, 0), lambda x: int(x > 0)),
    "prelu": (
        lambda x: max(x, 0) + mpmath.mpf(0.25) * min(x, 0),
        lambda x: 1 if x > 0 else mpmath.mpf(0.25),
    ),
    "sigmoid": (
        lambda x: 1 / (1 + mpmath.exp(-x)),
        lambda x: mpmath.exp(-x) / (1 + mpmath.exp(-x)) ** 2,
    ),
    "tanh": (mpmath.tanh, lambda x: mpmath.sech(x) ** 2),
    "gelu": (
        lambda x: x * mpmath.ncdf(x),
        lambda x: mpmath.ncdf(x) + x * mpmath.npdf(x),
    ),
    "swish": (
        lambda x: x / (1 + mpmath.exp(-x)),
        lambda x: (1 + mpmath.exp(-x) * (1 + x)) / (1 + mpmath.exp(-x)) ** 2,
    ),
}


def both(name):
    return ACTIVATIONS[name].function, ACTIVATIONS[name].derivative


def ulps(got, exact, dtype):
    """Error in units in the last place of the exact value."""
    nearest = abs(numpy.dtype(dtype).type(float(exact)))
    return float(abs(mpmath.mpf(float(got)) - exact) / float(numpy.spacing(nearest)))


DTYPES = pytest.mark.parametrize(
    ("dtype", "limit"), [("float32", 30), ("float64", 30), ("float16", 4)]
)


def each_function(test):
    """Parametrize a test over every activation and its derivative."""
    test = pytest.mark.parametrize("order", [0, 1], ids=["value", "derivative"])(test)
    return pytest.mark.parametrize("name", NAMES)(test)


def errors(name, order, dtype, limit, error):
    """The points, and at each the error by a given measure."""
    rng = numpy.random.default_rng(0)
    x = numpy.concatenate(
        [
            numpy.linspace(-limit, limit, 301),
            rng.uniform(-limit, limit, 400),
            rng.choice([-1, 1], 300) * numpy.exp(rng.uniform(-9, numpy.log(limit), 300)),
        ]
    ).astype(dtype)
    got = both(name)[order](np.array(x, dtype=dtype))
    assert got.dtype == dtype
    exact = [ORACLES[name][order](mpmath.mpf(float(v))) for v in x]
    return x, numpy.array([error(g, e, dtype) for g, e in zip(got.asnumpy(), exact)])


@DTYPES
@pytest.mark.parametrize(
    ("name", "order"),
    [*itertools.product(CHAPTERS, (0, 1)), ("swish", 0)],
)
def test_within_four_ulps(name, order, dtype, limit):
    assert errors(name, order, dtype, limit, ulps)[1].max() <= 4


@DTYPES
def test_gelu_within_two_ulps_where_nothing_cancels(dtype, limit):
    x, error = errors("gelu", 0, dtype, limit, ulps)
    assert error[x >= 0].max() <= 2


@DTYPES
@pytest.mark.parametrize(
    ("name", "order", "epsilons"), [("gelu", 0, 1), ("gelu", 1, 2), ("swish", 1, 2)]
)
def test_within_few_epsilons_where_terms_cancel(name, order, epsilons, dtype, limit):
    x, error = errors(name, order, dtype, limit, lambda g, e, dtype: abs(mpmath.mpf(float(g)) - e))
    error = error / numpy.finfo(dtype).eps.astype(float)
    assert error[(x < 0) | (order == 1)].max() <= epsilons


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_derivative_where_autograd_has_lost_every_digit(name):
    function, derivative = both(name)
    x = np.array([20.0])
    x.attach_grad()
    with autograd.record():
        y = function(x)
    y.backward()
    exact = ORACLES[name][1](mpmath.mpf(20))
    assert x.grad.item() == 0  # the value has rounded to 1
    assert derivative(x).item() == pytest.approx(float(exact), rel=1e-6)


@pytest.mark.parametrize(
    ("dtype", "far"), [("float16", 6e4), ("float32", 1e30), ("float64", 1e30), ("float64", 1e300)]
)
@pytest.mark.parametrize(
    ("name", "value", "derivative"),
    [
        ("relu", lambda far: [0, 0, far, numpy.inf], [0, 0, 1, 1]),
        ("prelu", lambda far: [-numpy.inf, -far / 4, far, numpy.inf], [0.25, 0.25, 1, 1]),
        ("sigmoid", lambda far: [0, 0, 1, 1], [0, 0, 0, 0]),
        ("tanh", lambda far: [-1, -1, 1, 1], [0, 0, 0, 0]),
        # Products with an infinite factor and a factor 0: NaN, where the limit would be 0 or 1.
        ("gelu", lambda far: [numpy.nan, 0, far, numpy.inf], [numpy.nan, 0, 1, numpy.nan]),
        ("swish", lambda far: [numpy.nan, 0, far, numpy.inf], [numpy.nan, 0, 1, numpy.nan]),
    ],
)
def test_far_out_and_at_infinity(name, value, derivative, dtype, far):
    far = numpy.dtype(dtype).type(far)
    x = np.array([-numpy.inf, -far, far, numpy.inf], dtype=dtype)
    function, gradient = both(name)
    numpy.testing.assert_array_equal(function(x).asnumpy(), value(far))
    numpy.testing.assert_array_equal(gradient(x).asnumpy(), derivative)


@each_function
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nan_in_nan_out(name, order, dtype):
    # Long enough for the vectorised kernels, which may treat NaN differently.
    x = np.full((100, 10), numpy.nan, dtype=dtype)
    assert numpy.isnan(both(name)[order](x).asnumpy()).all()


@pytest.mark.parametrize(("name", "at_zero"), list(zip(NAMES, [0, 0.25, 0.25, 1, 0.5, 0.5])))
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_derivative_at_zero_is_the_one_from_the_left(name, at_zero, zero):
    function, derivative = both(name)
    x = np.array([zero])
    x.attach_grad()
    with autograd.record():
        y = function(x)
    y.backward()
    assert derivative(x).item() == at_zero
    assert x.grad.item() == at_zero


# Kinks included; there the derivative is constant to the left, and so is MXNet's.
BENDS = {
    "relu": lambda x: 0,
    "prelu": lambda x: 0,
    "sigmoid": lambda x: mpmath.exp(-x) * (mpmath.exp(-x) - 1) / (1 + mpmath.exp(-x)) ** 3,
    "tanh": lambda x: -2 * mpmath.tanh(x) * mpmath.sech(x) ** 2,
    "gelu": lambda x: mpmath.npdf(x) * (2 - x * x),
    "swish": lambda x: mpmath.diff(ORACLES["swish"][0], x, 2),
}
POINTS = [-8.0, -2.5, -1.0, -1e-3, -0.0, 0.0, 1e-3, 0.25, 1.0, 3.0, 8.0]


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 4e-6), ("float64", 1e-13)])
@pytest.mark.parametrize("name", NAMES)
def test_second_derivative_is_that_of_the_closed_form(name, dtype, rtol):
    x = np.array(POINTS, dtype=dtype)
    exact = [float(BENDS[name](mpmath.mpf(v))) for v in x.tolist()]
    _, second = value_and_grad(ACTIVATIONS[name].derivative, x)
    # MXNet's own derivative of erf, a term of gelu's, is 3e-8 too small.
    atol = max(2 * numpy.finfo(dtype).eps, 1e-7 * (name == "gelu"))
    numpy.testing.assert_allclose(second.asnumpy(), exact, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh"])
def test_second_derivative_is_autograd_of_autograd(name):
    def derivative(x):
        (first,) = autograd.grad(ACTIVATIONS[name].function(x), [x], create_graph=True)
        return first

    first, second = value_and_grad(derivative, np.array(POINTS, dtype="float64"))
    exact = [[float(f(mpmath.mpf(v))) for v in POINTS] for f in (ORACLES[name][1], BENDS[name])]
    numpy.testing.assert_allclose(
        [first.asnumpy(), second.asnumpy()], exact, atol=1e-15, rtol=1e-12
    )


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int32", "int64"])
@each_function
def test_integers_are_promoted(name, order, dtype):
    x = numpy.array([0, 1, 1] if dtype in ("bool", "uint8") else [-2, 0, 3]).astype(dtype)
    got = both(name)[order](np.array(x, dtype=dtype))
    assert got.dtype == "float32"
    exact = [float(ORACLES[name][order](mpmath.mpf(int(v)))) for v in x]
    numpy.testing.assert_allclose(got.asnumpy(), exact, rtol=1e-6, atol=2e-7)


@each_function
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (2, 3, 4)])
def test_shapes(name, order, shape):
    x = np.random.normal(size=shape) if shape else np.array(-0.5)
    got = both(name)[order](x)
    assert got.shape == shape
    exact = [float(ORACLES[name][order](mpmath.mpf(v))) for v in x.reshape(-1).tolist()]
    numpy.testing.assert_allclose(got.asnumpy().ravel(), exact, rtol=1e-5, atol=1e-6)


@each_function
def test_views(name, order):
    x = np.random.normal(size=(6, 4))
    f = both(name)[order]
    whole = f(x).asnumpy()
    numpy.testing.assert_array_equal(f(x[::2, 1:3]).asnumpy(), whole[::2, 1:3])
    numpy.testing.assert_array_equal(f(x.T).asnumpy(), whole.T)


@pytest.mark.parametrize("alpha", [0.1, 0.0, -1.5, [0.1, 0.2, 0.7], [[1], [2]]])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_prelu_is_exact_for_any_slope(alpha, dtype):
    x = numpy.array([[-3.3, 0.0, 1e-30], [-1e30, 7.7, -1e-3]]).astype(dtype)
    a = numpy.asarray(alpha, dtype=dtype)
    given = alpha if isinstance(alpha, float) else np.array(alpha, dtype="float64")
    got = prelu(np.array(x, dtype=dtype), given)
    assert got.dtype == dtype
    numpy.testing.assert_array_equal(got.asnumpy(), numpy.where(x > 0, x, a * x))
    slope = ACTIVATIONS["prelu"].derivative(np.array(x, dtype=dtype), given)
    numpy.testing.assert_array_equal(slope.asnumpy(), numpy.where(x > 0, 1, a))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_prelu_is_differentiable_in_alpha(dtype):
    x = np.array([[-1, 2, -3], [-4, 5, 0]], dtype=dtype)
    alpha = np.array([0.25, 0.5, 0.75], dtype="float32")
    alpha.attach_grad()
    with autograd.record():
        y = prelu(x, alpha)
    y.backward()
    assert alpha.grad.tolist() == [-5, 0, -3]  # each unit's sum of min(0, x)


def test_registry_is_complete_and_read_only():
    assert list(ACTIVATIONS) == NAMES
    assert [a.function for a in ACTIVATIONS.values()] == [relu, prelu, sigmoid, tanh, gelu, swish]
    with pytest.raises(TypeError):
        ACTIVATIONS["elu"] = ACTIVATIONS["relu"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        ACTIVATIONS["relu"].title = "ELU"


def test_only_the_slope_of_prelu_is_learned():
    parameters = {name: a.parameters for name, a in ACTIVATIONS.items() if a.parameters}
    assert parameters == {"prelu": {"alpha": 0.25}}


def test_names_are_known_without_importing_anything_heavy(run):
    done = run(
        "-c",
        "import sys; from d2l_mlp.activations import ACTIVATIONS; print(*ACTIVATIONS)\n"
        "assert not {'mxnet', 'numpy'} & set(sys.modules)",
    )
    assert done.stdout.split() == NAMES


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=NAMES)
def test_output_range_is_approached_and_kept(activation):
    x = [-1e300, *numpy.linspace(-3, 3, 60_001), 1e300]
    y = activation.function(np.array(x, dtype="float64")).asnumpy()
    for bound, value in zip(activation.output_range, (y.min(), y.max())):
        if numpy.isinf(bound):
            assert value * numpy.sign(bound) > 1e299
        else:
            assert value == pytest.approx(bound, abs=1e-8)
    lo, hi = activation.output_range
    assert lo - 1e-15 <= y.min() <= y.max() <= hi + 1e-15


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=NAMES)
def test_piecewise_linear_is_said_of_those_with_two_slopes(activation):
    x = numpy.linspace(-4, 4, 17)
    slopes = numpy.diff(activation.function(np.array(x)).asnumpy()) / numpy.diff(x)
    assert activation.piecewise_linear == (len(set(slopes)) == 2)


@pytest.mark.filterwarnings("ignore")  # pyparsing's about matplotlib, under python -W error
@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=NAMES)
def test_formulas_can_be_typeset(activation):
    parser = MathTextParser("path")
    for formula in (activation.formula, activation.derivative_formula):
        assert parser.parse(f"${formula}$")[0] > 0  # its width


@pytest.mark.parametrize("f", [f for name in NAMES for f in both(name)])
@pytest.mark.parametrize("x", [1.0, [1.0], numpy.ones(2), None])
def test_other_types_are_refused(f, x):
    with pytest.raises(TypeError, match=rf"not {type(x).__name__}; convert it with mxnet.np.array"):
        f(x)
