import numpy
import pytest
from mxnet import np

from d2l_mlp.gradients import value_and_grad
from d2l_mlp.plotting import expressions

X = numpy.linspace(0.25, 0.75, 9)


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
    ],
)
def test_means_what_it_means_in_python(text, exact):
    got = expressions.parse(text)(np.array(X, dtype="float64"))
    numpy.testing.assert_allclose(got.asnumpy(), exact, rtol=1e-14)


@pytest.mark.parametrize("name", expressions.FUNCTIONS["np"])
def test_every_function_of_np(name):
    two = name in ("maximum", "minimum")
    argument = "1 + x" if name == "arccosh" else "x"
    f = expressions.parse(f"np.{name}({argument}{', 0.5' * two})")
    points = X + (name == "arccosh")
    exact = getattr(numpy, name)(points, *[0.5] * two)
    y, _ = value_and_grad(f, np.array(X, dtype="float64"))
    numpy.testing.assert_allclose(y.asnumpy(), exact, rtol=1e-6)


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
        "np.pi * x",
        "x.T",
        "x[0]",
        "x(1)",
        "x @ x",
        "x // 2",
        "x % 2",
        "x > 0",
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
        "np.exp(2) * x",
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
        expressions.parse(text)
    assert "\n" not in str(error.value)


def test_a_deeply_nested_expression_of_the_greatest_length_is_parsed():
    text = "-" * (expressions.MAX_LENGTH - 1) + "x"
    assert expressions.parse(text)(np.array([3.0])).item() == -3
