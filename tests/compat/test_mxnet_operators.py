"""Every operator of MXNet: its derivative against finite differences, its value against NumPy."""

import contextlib
import math
from functools import partial

import mpmath
import mxnet
import numpy
import pytest
from mxnet import autograd, gluon, np, npx

FORMS = [
    "x", "z", "s", "x y", "x b", "b x", "z x", "x z", "x 0.7", "0.7 x", "x -0.7", "-0.7 x", "x 2",
    "2 x", "x float64", "float64 x", "c x y", "c x b", "c x 0.7", "c 0.7 x", "c x 2", "x 0.3 0.7",
]  # fmt: skip
"""Arguments: arrays x and y, b that broadcasts to them, s symmetric, z without axes, c bools."""
SHAPES = {"x": (2, 3), "y": (2, 3), "b": (3,), "s": (3, 3), "z": (), "c": (2, 3)}
RANGES = [(0.2, 0.9), (-0.9, 0.9), (1.1, 3)]  # for logarithms, for kinks, for arccosh
H = 1e-5

BINARY = [
    "add", "subtract", "multiply", "true_divide", "mod", "power", "maximum", "minimum", "arctan2",
    "hypot", "copysign",
]  # fmt: skip
COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]
UNARY = [
    "arccosh", "arcsinh", "arctan", "cbrt", "cos", "cosh", "degrees", "exp", "expm1", "log",
    "log10", "log1p", "log2", "negative", "radians", "sin", "sinh", "sqrt", "tan", "tanh",
    "average", "mean", "std", "var", "floor", "abs", "square", "deg2rad", "rad2deg",
]  # fmt: skip

NOT_SEARCHED = {
    # random; uninitialized; files; aborting the process or printing a traceback on these arguments
    "bernoulli", "dropout", "normal_n", "shuffle", "uniform_n", "empty_like", "genfromtxt", "load",
    "save", "savez", "inner", "resize", "tensordot", "unravel_index", "multibox_target",
    # positions as numbers; parameters that are no arguments
    "arange_like", "full_like", "gather_nd", "smooth_l1",
    "leaky_relu",  # computed in float32, but for the kind of test_selu
    "seed", "set_np", "reset_np", "set_printoptions", "use_np",
}  # fmt: skip
OPERATORS = [
    f"{path}.{name}"
    for path, module in (("np", np), ("npx", npx), ("np.linalg", np.linalg))
    for name in sorted(vars(module))
    if name[0] != "_" and name not in NOT_SEARCHED and callable(vars(module)[name])
    if not isinstance(vars(module)[name], type)
]  # fmt: skip
"""Every function of mx.np and mx.npx; those that refuse all forms of arguments are passed over."""


def find(operator, F=mxnet):
    for name in operator.split("."):
        F = getattr(F, name)
    return F


def make_arguments(form, low, high, dtype="float64"):
    random = numpy.random.default_rng(0)
    for name in form.split():
        if name not in SHAPES:
            yield numpy.float64(0.7) if name == "float64" else eval(name)
            continue
        x = random.uniform(low, high, SHAPES[name])
        x = x + x.T + 2 * numpy.eye(3) if name == "s" else x
        yield np.array(x > (low + high) / 2) if name == "c" else np.array(x, dtype=dtype)


def slope_of(f, args, i, w):
    """Return the slope of sum(w * f) along a direction of the i-th argument, by differences."""
    direction = numpy.random.default_rng(1).normal(size=args[i].shape)
    if direction.shape == SHAPES["s"]:  # where MXNet takes a matrix for symmetric
        direction = direction + direction.T
    ends = []
    for h in (H, -H):
        moved = args[i] + np.array(h * direction, dtype="float64")
        ends.append(f(*args[:i], moved, *args[i + 1 :]).asnumpy())
    return direction, (w * (ends[0] - ends[1])).sum() / (2 * H)


def forget_errors():
    """Wait for the errors that MXNet's asynchronous engine finds after a call."""
    with contextlib.suppress(mxnet.MXNetError):
        npx.waitall()


@pytest.fixture(autouse=True)
def _no_error_is_left():
    yield
    forget_errors()


def check_derivative(f, args):
    """Compare with differences; return False if f has none here, None if it refuses the form."""
    args = list(args)
    inputs = [i for i, a in enumerate(args) if isinstance(a, np.ndarray) and a.dtype == "float64"]
    for i in inputs:
        args[i].attach_grad()
    try:
        with autograd.record():
            y = f(*args)
        if not isinstance(y, np.ndarray) or y.dtype != "float64":
            return False
        w = numpy.random.default_rng(2).uniform(1, 2, y.shape)
        if not numpy.isfinite(y.asnumpy()).all():
            return False
        y.backward(np.array(w, dtype="float64"))
        gradients = [args[i].grad.asnumpy() for i in inputs]
    except Exception:
        forget_errors()
        return None
    for i, gradient in zip(inputs, gradients):
        direction, slope = slope_of(f, args, i, w)
        assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-5, abs=1e-6), i
        alone = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
        alone[i].attach_grad()  # the others are constants
        with autograd.record():
            y = f(*alone)
        with contextlib.suppress(mxnet.MXNetError):  # such as of a position, which has none
            y.backward(np.array(w, dtype="float64"))
            numpy.testing.assert_allclose(alone[i].grad.asnumpy(), gradient, rtol=1e-9)
    return True


class Hybrid(gluon.HybridBlock):
    """A function of F in a hybridized net, which is a graph of symbols."""

    def __init__(self, operator, args):
        super().__init__()
        self.operator, self.args = operator, args
        self.hybridize()

    def hybrid_forward(self, F, *symbols):
        arrays = iter(symbols)
        args = [next(arrays) if isinstance(a, np.ndarray) else a for a in self.args]
        return find(self.operator, F)(*args)


def in_a_net(operator, args):
    """Return an operator as a net of the same arguments."""
    args = list(args)
    net = Hybrid(operator, args)
    return lambda *values: net(*(v for v in values if isinstance(v, np.ndarray)))


WRONG_IN_NETS = {"np.amin", "np.min"}  # of the symmetric matrix, in which minima are equal


@pytest.mark.parametrize("operator", OPERATORS)
def test_derivatives(operator):
    f, forms = find(operator), set()
    for form in FORMS:
        for low, high in RANGES:
            args = list(make_arguments(form, low, high))
            checked = check_derivative(f, args)
            if checked is None:
                break
            if checked and form not in forms and operator not in WRONG_IN_NETS:
                check_derivative(in_a_net(operator, args), args)
            forms |= {form} if checked else set()
    _, name = operator.rsplit(".", 1)
    assert len(forms) >= (12 if name in BINARY else 2 if name in UNARY else 0)
    assert operator != "np.where" or {"c x y", "c x b", "c x 0.7", "c 0.7 x", "c x 2"} <= forms


def arrays(*shapes):
    random = numpy.random.default_rng(5)
    return [np.array(random.normal(size=shape), dtype="float64") for shape in shapes]


ROWS = np.array([0, 2], dtype="int32")
# What needs other arguments than the forms above: by its name, of arrays of these shapes.
CASES = {
    "broadcast_to": (lambda x: np.broadcast_to(x, (4, 2, 3)), (2, 3)),
    "swapaxes": (lambda x: np.swapaxes(x, 0, 1), (2, 3)),
    "moveaxis": (lambda x: np.moveaxis(x, 0, 2), (2, 3, 4)),
    "reshape": (lambda x: np.reshape(x, (3, 2)), (2, 3)),
    "einsum": (lambda x, y: np.einsum("ij,kj->ik", x, y), (2, 3), (4, 3)),
    "einsum of a diagonal": (lambda x: np.einsum("ii->i", x), (3, 3)),
    "einsum of a square": (lambda x: np.einsum("ij,ij->i", x, x), (3, 3)),
    "solve": (np.linalg.solve, (3, 3), (3, 2)),
    "inv": (np.linalg.inv, (3, 3)),
    "det": (np.linalg.det, (3, 3)),
    "slogdet": (lambda x: np.linalg.slogdet(x)[1], (3, 3)),
    "cholesky": (lambda x: np.linalg.cholesky(np.dot(x, x.T) + np.eye(3, dtype="float64")), (3, 3)),
    "svd": (lambda x: np.linalg.svd(x)[1], (2, 3)),
    "tensorinv": (lambda x: np.linalg.tensorinv(x, ind=2), (2, 3, 6)),
    "tensorsolve": (np.linalg.tensorsolve, (2, 3, 6), (2, 3)),
    "diff": (lambda x: np.diff(x, n=2, axis=0), (4, 3)),
    "tril": (lambda x: np.tril(x, -1), (3, 3)),
    "diag": (lambda x: np.diag(x, 1), (3, 4)),
    "diagonal": (lambda x: np.diagonal(x, 1), (3, 4)),
    "trace": (lambda x: np.trace(x, 1), (3, 4)),
    "tensordot": (lambda x, y: np.tensordot(x, y, axes=([0], [1])), (2, 3), (3, 2)),
    "inner": (np.inner, (2, 3), (4, 3)),
    "outer": (np.outer, (3,), (4,)),
    "vdot": (np.vdot, (3,), (3,)),
    "dot": (np.dot, (2, 3, 4), (4, 2)),
    "take": (lambda x: np.take(x, ROWS, axis=1), (2, 3)),
    "split": (lambda x: np.split(x, 2)[1], (4, 3)),
    "hsplit": (lambda x: np.hsplit(x, [1])[1], (4, 3)),
    "array_split": (lambda x: np.array_split(x, 3)[1], (4, 3)),
    "broadcast_arrays": (lambda x, y: np.broadcast_arrays(x, y)[0] + 0, (1, 3), (2, 1)),
    "meshgrid": (lambda x, y: np.prod(np.stack(np.meshgrid(x, y)), axis=0), (3,), (2,)),
    "concatenate": (lambda x, y: np.concatenate([x, y], axis=1), (2, 3), (2, 1)),
    "stack": (lambda x, y: np.stack([x, y], axis=1), (2, 3), (2, 3)),
    "column_stack": (lambda x, y: np.column_stack([x, y]), (3,), (3,)),
    "roll": (lambda x: np.roll(x, 1, axis=1), (2, 3)),
    "repeat": (lambda x: np.repeat(x, 2, axis=1), (2, 3)),
    "tile": (lambda x: np.tile(x, (2, 1)), (2, 3)),
    "cumsum": (lambda x: np.cumsum(x, axis=1), (2, 3)),
    "squeeze": (lambda x: np.squeeze(x, 0), (1, 3)),
    "average": (lambda x, w: np.average(x, axis=1, weights=w**2), (2, 3), (3,)),
    "strides": (lambda x: x[:, ::-2], (2, 5)),
    "mask": (lambda x: x[np.array([True, False], dtype=bool)], (2, 3)),
    **{
        f"activation {kind}": (partial(npx.activation, act_type=kind), (2, 3))
        for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign")
    },
    "batch_dot": (lambda a, b: npx.batch_dot(a, b, transpose_b=True), (2, 3, 4), (2, 2, 4)),
    "pick": (lambda x: npx.pick(x, ROWS), (2, 3)),
    "layer_norm": (lambda x, g, b: npx.layer_norm(x, g, b, axis=-1), (4, 3), (3,), (3,)),
    "fully_connected": (partial(npx.fully_connected, num_hidden=4), (2, 3), (4, 3), (4,)),
    "convolution": (
        partial(npx.convolution, kernel=(2, 2), num_filter=2), (1, 1, 4, 4), (2, 1, 2, 2), (2,),
    ),
    "deconvolution": (
        partial(npx.deconvolution, kernel=(2, 2), num_filter=2, no_bias=True),
        (1, 1, 4, 4), (1, 2, 2, 2),
    ),
    **{
        f"pooling {kind}": (partial(npx.pooling, kernel=(2, 2), pool_type=kind), (1, 1, 4, 4))
        for kind in ("avg", "max")
    },
    "embedding": (lambda w: npx.embedding(ROWS, w, input_dim=4, output_dim=3), (4, 3)),
    "slice": (lambda x: npx.slice(x, begin=(0, 1), end=(2, 3)), (2, 3)),
    "softmax": (lambda x: npx.softmax(x, axis=0, temperature=2.0), (2, 3)),
    "smooth_l1": (lambda x: npx.smooth_l1(x, scalar=2.0), (2, 3)),
    "gather_nd": (lambda x: npx.gather_nd(x, np.array([[0, 1], [1, 2]], dtype="int32")), (2, 3)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_derivatives_with_other_arguments(case):
    f, *shapes = CASES[case]
    assert check_derivative(f, arrays(*shapes))


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x, out: np.clip(x, 0, 1, out=out), [0, 0.5, 1]),
        (lambda x, out: npx.leaky_relu(x, None, "selu", out=out), [-1.11133, 0.52535, 2.10140]),
    ],
)
def test_the_result_is_written_to_out(f, expected):
    out = np.zeros(3)
    f(np.array([-1, 0.5, 2]), out)
    assert out.tolist() == pytest.approx(expected, rel=1e-4)


def test_dtypes_of_results():
    x = np.array([5, 2, 7], dtype="int64")
    assert np.clip(x, None, 5).dtype == np.clip(x, 3, None).dtype == "int64"
    for f in (np.var, np.std):
        assert f(np.ones(3), dtype="float64").dtype == "float64"


@pytest.mark.parametrize("array", [np.array, mxnet.nd.array], ids=["np", "nd"])
def test_gradients_are_arrays_of_the_variable_s_kind(array):
    x = array([3.0, 1.0])
    x.attach_grad()
    with autograd.record():
        heads = [x * x, x * 3]
        (gradient,) = autograd.grad(heads, [x], create_graph=True)
    assert type(gradient) is type(x)
    assert gradient.asnumpy().tolist() == [9, 5]


def test_bins_beyond_the_largest_number_are_counted():
    counts = np.bincount(ROWS, weights=np.array([1.0, 2.0]), minlength=5)
    assert counts.tolist() == [1, 0, 2, 0, 0]


def test_blocks_that_are_not_hybridized():
    class Largest(gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            return F.np.max(x, axis=1)

    x = np.ones((2, 3))
    x.attach_grad()
    with autograd.record():
        y = Largest()(x)
    y.backward()
    assert x.grad.tolist() == [[1, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("hybridized", [False, True])
def test_selu(hybridized):
    net, x = gluon.nn.SELU(), np.array([-30, -2, -0.5, 0, 0.5, 100])
    if hybridized:
        net.hybridize()
    x.attach_grad()
    with autograd.record():
        y = net(x)
    y.backward()
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    for value, result, slope in zip(x.tolist(), y.tolist(), x.grad.tolist()):
        positive = (scale * value, scale)
        negative = (scale * alpha * math.expm1(min(value, 0)), scale * alpha * math.exp(value))
        expected = positive if value > 0 else negative
        assert (result, slope) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("operator", ["eig", "eigh", "eigvals", "eigvalsh", "pinv"])
def test_what_has_no_derivative_is_refused(operator):
    f, x = find(f"np.linalg.{operator}"), np.eye(3)
    message = f"np.linalg.{operator} has no derivative in MXNet 1.9.1; "
    with autograd.record(), pytest.raises(NotImplementedError, match=message + "call it in"):
        f(x)
    with pytest.raises(NotImplementedError, match=message + "do not hybridize"):
        in_a_net(f"np.linalg.{operator}", [x])(x)
    with autograd.record(), autograd.pause():
        f(x)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: np.quantile(x, 0.5), np.ones(3)),
        (lambda x: np.percentile(x, 50), np.ones(3)),
        (np.unique, np.ones(3)),
        (lambda w: np.bincount(ROWS, weights=w), np.ones(2)),
        (lambda x: np.linalg.norm(x, ord=2), np.ones((3, 3))),
        (lambda x: np.linalg.norm(x, ord=-2, axis=(0, 1)), np.ones((3, 3))),
    ],
)
def test_functions_without_derivative(f, x):
    f(x)
    f(x.astype("int64")) if f is np.unique else None
    with autograd.record(), pytest.raises(NotImplementedError, match="has no derivative"):
        f(x)


# By axis and the like: one random array of (2, 3, 4), against differences.
REDUCTIONS = {
    f"{name}{options}": (name, options)
    for name in ("max", "min", "mean", "prod", "std", "sum", "var")
    for options in (
        {}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": (0, 2)},
        *([{"ddof": 1}, {"axis": (0, 1), "ddof": 2}] if name in ("std", "var") else []),
    )
}  # fmt: skip


@pytest.mark.parametrize("case", REDUCTIONS)
@pytest.mark.parametrize("form", ["function", "method"])
def test_reductions(case, form):
    name, options = REDUCTIONS[case]
    x = np.array(numpy.random.default_rng(0).uniform(0.2, 0.9, (2, 3, 4)), dtype="float64")
    f = getattr(np, name) if form == "function" else getattr(np.ndarray, name)
    assert check_derivative(lambda x: f(x, **options), [x])
    numpy.testing.assert_allclose(
        f(x, **options).asnumpy(), getattr(numpy, name)(x.asnumpy(), **options), rtol=1e-12
    )


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 1, 3, 4), (3, 4, 2)), ((2, 1, 3, 4), (1, 3, 4, 2)), ((2, 1, 3, 4), (2, 3, 4, 2)),
        ((3, 4), (2, 4, 5)), ((5, 3, 4), (1, 4, 2)), ((4,), (2, 4, 5)), ((3, 4), (4,)),
    ],
    ids=str,
)  # fmt: skip
def test_products_of_stacks_of_matrices(shapes):
    random = numpy.random.default_rng(0)
    a, b = (np.array(random.normal(size=shape), dtype="float64") for shape in shapes)
    numpy.testing.assert_allclose((a @ b).asnumpy(), a.asnumpy() @ b.asnumpy(), rtol=1e-12)
    for f in (np.matmul, lambda a, b: a @ b):
        assert check_derivative(f, [a, b])


@pytest.mark.parametrize("value", [0, 3, -2.5])
def test_padding_has_its_value(value):
    x = np.array([[1.0, 0.0, 2.0]], dtype="float64")
    width = ((1, 0), (2, 1))
    f = lambda x: np.pad(x, width, mode="constant", constant_values=value)  # noqa: E731
    expected = numpy.pad(x.asnumpy(), width, mode="constant", constant_values=value)
    assert f(x).asnumpy().tolist() == expected.tolist()
    assert check_derivative(f, [x])


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_sums_of_small_integers_do_not_wrap(dtype):
    values = numpy.full((3, 4), 100, dtype)
    x = np.array(values, dtype=dtype)
    for name in ("sum", "cumsum", "prod"):
        for options in ({}, {"axis": 0}):
            expected = getattr(numpy, name)(values[:, :2], **options)
            assert getattr(np, name)(x[:, :2], **options).tolist() == expected.tolist()
            assert getattr(x[:, :2], name)(**options).tolist() == expected.tolist()
    assert numpy.sum(x).item() == 1200
    assert np.prod(x, dtype="float64").item() == pytest.approx(1e24)


def test_halves_are_rounded_to_even():
    values = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]
    assert np.rint(np.array(values)).tolist() == numpy.rint(values).tolist()


def test_the_extreme_over_no_axis_is_the_array():
    x = np.array([[1.0, 2.0]])
    with autograd.record():
        assert np.max(x, axis=()).tolist() == x.tolist()


@pytest.mark.parametrize("order", [1, -1, numpy.inf, -numpy.inf, "fro", "nuc"])
@pytest.mark.parametrize("axis", [None, (0, 1)])
def test_matrix_norms(order, axis):
    x = np.array(numpy.random.default_rng(0).normal(size=(3, 4)), dtype="float64")
    assert check_derivative(lambda x: np.linalg.norm(x, ord=order, axis=axis), [x])
    expected = numpy.linalg.norm(x.asnumpy(), ord=order)
    assert float(np.linalg.norm(x, ord=order, axis=axis)) == pytest.approx(expected)


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
@pytest.mark.parametrize(("order", "axis"), [(None, None), (1, 1), (2, 0)])
def test_norms_of_integers(dtype, order, axis):
    values = numpy.array([[3, 4], [5, 12]])
    expected = numpy.linalg.norm(values, ord=order, axis=axis)
    computed = np.linalg.norm(np.array(values, dtype=dtype), ord=order, axis=axis)
    numpy.testing.assert_allclose(computed.asnumpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("order", [1, -1, 2, -2, 3, numpy.inf])
@pytest.mark.parametrize("shape", [(3,), (2, 3)])
def test_norms_in_a_net_need_an_axis(order, shape):
    x = np.array(numpy.random.default_rng(0).uniform(0.2, 1, shape), dtype="float64")
    assert check_derivative(in_a_net("np.linalg.norm", [x, order, 0]), [x])
    with pytest.raises(NotImplementedError, match=f"norm of order {order} needs axis in a hybrid"):
        in_a_net("np.linalg.norm", [x, order])(x)


@pytest.mark.parametrize("k", range(-3, 6))
@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (2, 0)])
def test_rotations(k, axes):
    x = np.array(numpy.arange(24).reshape(2, 3, 4), dtype="float64")
    assert check_derivative(lambda x: np.rot90(x, k, axes), [x])
    expected = numpy.rot90(x.asnumpy(), k, axes)
    numpy.testing.assert_array_equal(np.rot90(x, k, axes).asnumpy(), expected)


@pytest.mark.parametrize(
    ("f", "left"),
    [
        (lambda x: np.maximum(x, 0) + 0.25 * np.minimum(x, 0), 0.25),
        (lambda x: np.maximum(0, x) + 0.25 * np.minimum(0, x), 0.25),
        (lambda x: np.maximum(x, 0 * x) + 0.25 * np.minimum(x, 0 * x), 0.25),
        (lambda x: np.maximum(x, np.zeros(1)) + 0.25 * np.minimum(x, np.zeros(1)), 0.25),
        (lambda x: np.maximum(x + 2, 2), 0),
        (lambda x: np.clip(x, 0, 1) + np.clip(x, -1, 0), 1),
        (lambda x: np.clip(x, None, 0), 1),
        (npx.relu, 0),
        (lambda x: np.where(x > 0, x, 0.25 * x), 0.25),
    ],
)
def test_a_kink_has_the_left_hand_derivative(f, left):
    x = np.zeros(1)
    x.attach_grad()
    with autograd.record():
        y = f(x)
    y.backward()
    assert x.grad.item() == left


@pytest.mark.parametrize("f", [np.max, np.min, np.amax, np.amin, np.ndarray.max, np.ndarray.min])
@pytest.mark.parametrize("axis", [None, 0, (1, 0)])
def test_the_first_of_equal_extremes_has_the_derivative(f, axis):
    x = np.ones((2, 3))
    x.attach_grad()
    with autograd.record():
        y = f(x, axis=axis)
    y.backward()
    expected = numpy.zeros((2, 3))
    expected[0, : 1 if axis != 0 else 3] = 1
    numpy.testing.assert_array_equal(x.grad.asnumpy(), expected)


def test_std_of_equal_values_has_the_derivative_0():
    x = np.ones(3)
    x.attach_grad()
    with autograd.record():
        y = np.std(x)
    y.backward()
    assert x.grad.tolist() == [0, 0, 0]


SECOND_DERIVATIVES = {
    **{name: getattr(mpmath, name) for name in (
        "cbrt", "cos", "cosh", "exp", "expm1", "log", "log10", "log1p", "sin", "sinh", "sqrt",
        "tan", "tanh",
    )},
    "arccos": mpmath.acos, "arcsin": mpmath.asin, "arctan": mpmath.atan, "arctanh": mpmath.atanh,
    "abs": mpmath.fabs, "log2": lambda x: mpmath.log(x, 2), "reciprocal": lambda x: 1 / x,
    "square": lambda x: x**2,
}  # fmt: skip
"""Every function of one array whose second derivative MXNet gives, except steps."""


def second_derivative(f, x):
    x.attach_grad()
    with autograd.record():
        (first,) = autograd.grad(f(x), [x], create_graph=True)
    first.backward()
    return x.grad.item()


@pytest.mark.parametrize("name", SECOND_DERIVATIVES)
def test_second_derivatives(name):
    own = SECOND_DERIVATIVES[name]
    exact = [float(mpmath.diff(f, 0.3, 2)) for f in (own, lambda x: mpmath.sin(own(mpmath.sin(x))))]
    for f in (getattr(np, name), in_a_net(f"np.{name}", [np.zeros(())])):
        for g, expected in zip((f, lambda x, f=f: np.sin(f(np.sin(x)))), exact):
            x = np.array(0.3, dtype="float64")
            assert second_derivative(g, x) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["arcsinh", "arccosh", "radians"])
def test_wrong_second_derivatives_are_refused(name):
    operators = (getattr(np, name), getattr(mxnet.nd, name), in_a_net(f"np.{name}", [np.ones(1)]))
    for f, make in zip(operators, (np.ones, mxnet.nd.ones, np.ones)):
        with pytest.raises(NotImplementedError, match=f"second derivative of np.{name} is wrong"):
            second_derivative(lambda x, f=f: 3 * f(x), 2 * make((1,)))


@pytest.mark.parametrize(
    ("base", "exponent"),
    [([1, 2], -1), ([1, 2], [2, -1]), (2, [1, -1]), ([True], -2), ([1, 2], numpy.int64(-1))],
)
def test_whole_numbers_to_negative_powers_are_refused(base, exponent):
    base, exponent = (np.array(v, dtype=type(v[0])) if isinstance(v, list) else v
                      for v in (base, exponent))  # fmt: skip
    for power in (np.power, lambda x, y: x**y):
        with pytest.raises(ValueError, match="Integers to negative integer powers are not allow"):
            power(base, exponent)
    assert np.power(4.0, np.array([-1])).item() == (np.array([4]) ** -1.0).item() == 0.25


INTEGERS = [numpy.array([5, 2, 7], dtype) for dtype in ("int64", "int32", "int8", "uint8")]
INTEGERS.append(numpy.array([True, False, True]))


@pytest.mark.parametrize("number", [2, 3.9, -0.7, 0.25, 2.0, True, numpy.float32(0.5)], ids=repr)
@pytest.mark.parametrize("values", INTEGERS, ids=lambda values: values.dtype.name)
def test_integers_with_numbers(values, number):
    x = np.array(values, dtype=values.dtype)
    for name in BINARY + COMPARISONS:
        ours, theirs = getattr(np, name), getattr(numpy, name)
        for left, right in (((x, number), (values, number)), ((number, x), (number, values))):
            with numpy.errstate(all="ignore"):
                try:
                    expected = numpy.asarray(theirs(*right), "float64")
                except TypeError:  # bool minus bool
                    continue
            computed = numpy.asarray(ours(*left), "float64")
            if name == "mod":  # by 0, it is 0
                computed = numpy.where(expected == expected, computed, expected)
            if values.dtype == bool and name == "add":  # of bools, it counts
                computed = numpy.minimum(computed, expected) if number is True else computed
            numpy.testing.assert_allclose(computed, expected, rtol=1e-3, err_msg=name)
    for ours, theirs in (
        (np.where(x > 2, x, number), numpy.where(values > 2, values, number)),
        (np.where(x > 2, number, x), numpy.where(values > 2, number, values)),
    ):
        numpy.testing.assert_allclose(ours.asnumpy(), theirs)


@pytest.mark.parametrize("values", INTEGERS, ids=lambda values: values.dtype.name)
def test_functions_of_integers(values):
    for name in UNARY:
        if values.dtype == bool and name in ("negative", "floor", "abs", "square"):
            continue
        with numpy.errstate(all="ignore"):
            expected = getattr(numpy, name)(values)
        computed = getattr(np, name)(np.array(values, dtype=values.dtype)).asnumpy()
        numpy.testing.assert_allclose(computed, expected, rtol=2e-3, err_msg=name)


def test_whole_numbers_leave_integers_integers():
    x = np.array([5, 2, 7], dtype="int64")
    assert {(-x).dtype, (x * 2).dtype, (2 - x).dtype, np.maximum(x, 0).dtype} == {x.dtype}
    assert (x * 2.0).dtype == "float64"
    assert (np.array([200], dtype="uint8") + 100).tolist() == [44]  # as NumPy


def test_bits_of_floats_are_refused():
    with pytest.raises(TypeError, match="not supported for the input types"):
        np.bitwise_and(np.array([5, 2], dtype="int64"), 0.5)
