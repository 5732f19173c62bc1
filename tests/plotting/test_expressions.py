from statistics import NormalDist

import numpy
import pytest
from mxnet import np

from d2l_mlp.gradients import value_and_grad
from d2l_mlp.plotting.expressions import FUNCTIONS, MAX_LENGTH, parse_expression

X = numpy.linspace(0.25, 0.75, 9)
normal = numpy.vectorize(NormalDist().cdf)
density = numpy.vectorize(NormalDist().pdf)


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("x", X),
        (" x * npx.sigmoid(x) ", X / (1 + numpy.exp(-X))),
        ("-x + +2 * (x - 1)", X - 2),
        ("2 ** x / 3 - x ** -2", 2**X / 3 - X**-2.0),
        ("x ** (1 / 2)", numpy.sqrt(X)),
        ("-x ** 2", -(X**2)),
        ("x - 1 - 1", X - 2),
        ("x ** x ** 2", X ** (X**2)),
        ("1e-3 * np.exp(-x * x) + .5", 1e-3 * numpy.exp(-X * X) + 0.5),
        ("np.maximum(x, 0.5) + np.minimum(0.5, x)", X + 0.5),
        ("npx.relu(x - 0.5)", numpy.maximum(X - 0.5, 0)),
        ("(np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))", numpy.tanh(X)),
        ("np.pi * x + np.e", numpy.pi * X + numpy.e),
        ("np.where(x > 0.5, x ** 2, -1)", numpy.where(X > 0.5, X**2, -1)),
        ("np.where(x, 1, x)", 1 + 0 * X),
        ("x > 0.5", X > 0.5),
        ("0.5 <= x", X >= 0.5),
        ("(x >= 0.5) + (x < 0.5) + 2 * (x == 0.5) + (x != 0.5)", 2 + (X == 0.5)),
        ("(0.3 < x) * (x <= 0.6) * x", numpy.where((X > 0.3) & (X <= 0.6), X, 0)),
        ("np.clip(x, 0.3, 0.6)", numpy.clip(X, 0.3, 0.6)),
        ("np.sqrt(2 / np.pi) * x", numpy.sqrt(2 / numpy.pi) * X),
        ("npx.gelu(x)", X * normal(X)),
        ("x * 0.5 * (1 + npx.erf(x / np.sqrt(2)))", X * normal(X)),
        ("npx.leaky_relu(x - 0.5, slope=1 / 4)", numpy.where(X > 0.5, X - 0.5, (X - 0.5) / 4)),
        ("npx.leaky_relu(x - 0.5)", numpy.where(X > 0.5, X - 0.5, (X - 0.5) / 4)),
        (
            "npx.leaky_relu(-x, act_type='elu', slope=2)",
            2 * numpy.expm1(-X),
        ),
        ("npx.activation(x, act_type='softrelu')", numpy.log1p(numpy.exp(X))),
        ("npx.activation(x, act_type='softsign')", X / (1 + X)),
        ("npx.gamma(x + 3) / npx.gamma(x + 2)", X + 2),
        ("npx.gammaln(x + 3) - npx.gammaln(x + 2)", numpy.log(X + 2)),
        ("npx.smooth_l1(x)", X**2 / 2),
    ],
)
def test_means_what_it_means_in_python(text, exact):
    got = parse_expression(text)(np.array(X, dtype="float64"))
    assert got.dtype == "float64"
    numpy.testing.assert_allclose(got.asnumpy(), exact, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("x > 0.5", 0 * X),
        ("np.where(x > 0.6, x ** 2, x)", numpy.where(X > 0.6, 2 * X, 1)),
        ("x * (x > 0.6)", X > 0.6),
        ("npx.gelu(x)", normal(X) + X * density(X)),
        ("npx.erfinv(npx.erf(x))", 1 + 0 * X),
        ("np.clip(x, 0.3, 0.6)", (X > 0.3) & (X < 0.6)),
        ("npx.leaky_relu(-x, act_type='elu', slope=2)", -2 * numpy.exp(-X)),
        ("npx.activation(x, act_type='softsign')", (1 + X) ** -2),
        ("np.sqrt(2) * x", numpy.sqrt(2) + 0 * X),
    ],
)
def test_has_its_derivative(text, exact):
    _, grad = value_and_grad(parse_expression(text), np.array(X, dtype="float64"))
    numpy.testing.assert_allclose(grad.asnumpy(), exact, rtol=1e-7, atol=1e-7)


NAMES = [(name, count) for count, names in FUNCTIONS["np"].items() for name in names]


@pytest.mark.parametrize(("name", "count"), NAMES)
def test_every_function_of_np(name, count):
    argument = "1 + x" if name == "arccosh" else "x"
    f = parse_expression(f"np.{name}({', '.join([argument, '0.5', '0.7'][:count])})")
    points = X + (name == "arccosh")
    y, grad = value_and_grad(f, np.array(X, dtype="float64"))

    def exact(points):
        function = getattr(numpy, "trunc" if name == "fix" else name)  # NumPy 2.5 deprecates fix
        return function(points, *[0.5, 0.7][: count - 1])

    numpy.testing.assert_allclose(y.asnumpy(), exact(points), rtol=1e-6)
    h = 1e-6
    smooth = abs(X - 0.5) > 0.01  # the kinks and steps are there
    difference = (exact(points + h) - exact(points - h)) / (2 * h)
    numpy.testing.assert_allclose(grad.asnumpy()[smooth], difference[smooth], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x +",
        "x; x",
        "x\n+ 1\n",
        "\0",
        "5",
        "1 + 2",
        "y",
        "np",
        "np.pi",
        "np.e(x)",
        "np.inf * x",
        "np.exp(2)",
        "1 > 0",
        "0 < x < 1",
        "x in x",
        "x is x",
        "np.where(x > 0)",
        "np.where(x > 0, x)",
        "npx.activation(x, act_type='exec')",
        "npx.activation(x, act_type=x)",
        "npx.leaky_relu(x, slope=x)",
        "npx.leaky_relu(x, slope='1')",
        "npx.leaky_relu(x, gamma=2)",
        "npx.leaky_relu(x, **x)",
        "npx.relu(x, act_type='relu')",
        "npx.swish(x)",
        "npx.softmax(x)",
        "npx.dropout(x)",
        "x.T",
        "x[0]",
        "x(1)",
        "x @ x",
        "x // 2",
        "x % 2",
        "x if x else x",
        "not x",
        "~x",
        "x and 1",
        "(x, x)",
        "[x]",
        "{x}",
        "f'{x}'",
        "'x' * 3",
        "True * x",
        "None",
        "1j * x",
        "x := 1",
        "lambda x: x",
        "[x for x in x]",
        "np.exp(x, out=x)",
        "np.exp(*x)",
        "np.exp(x, x)",
        "np.maximum(x)",
        "np.load(x)",
        "np.random.normal(x)",
        "np.linalg.norm(x)",
        "npx.waitall()",
        "npx.tanh(x)",
        "os.system(x)",
        "exp(x)",
        "x.__class__",
        "np.__dict__",
        "(lambda: x)()",
        "__import__('os').system('true')",
        "9 ** 9 ** 9 * x",
        "x ** 1e9",
        "x ** -101",
        "1e999 * x",
        "1 / 0 * x",
        "(-8) ** 0.5 * x",
        "x" + " + x" * 50,
        "(" * 100 + "x" + ")" * 99,
        "-" * 5000 + "x",
    ],
)
def test_everything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"\S") as error:
        parse_expression(text)
    assert "\n" not in str(error.value)


def test_a_deeply_nested_expression_of_the_greatest_length_is_parsed():
    text = "-" * (MAX_LENGTH - 1) + "x"
    assert parse_expression(text)(np.array([3.0])).item() == -3
