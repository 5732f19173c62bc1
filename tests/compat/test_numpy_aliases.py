import ast
import re
from pathlib import Path

import mxnet
import numpy
import pytest
from mxnet import np
from mxnet.gluon.contrib.estimator import EarlyStoppingHandler

from d2l_mlp.compat.numpy_aliases import missing_names

X = numpy.array([[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]], dtype="float32")
SHAPE = tuple(numpy.array([3, 2]))  # of NumPy's integers


@pytest.mark.parametrize(
    ("name", "value"),
    [("PINF", numpy.inf), ("NINF", -numpy.inf), ("NAN", numpy.nan), ("NaN", numpy.nan),
     ("PZERO", 0.0), ("NZERO", -0.0)],
)  # fmt: skip
def test_constants(name, value):
    numpy.testing.assert_array_equal(getattr(np, name), value)
    assert numpy.signbit(getattr(np, name)) == numpy.signbit(value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # some NumPys have them still
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("alltrue", [X], True),
        ("msort", [X.T[:, ::-1]], [[4, 1], [5, 2], [6, 3]]),
        ("in1d", [X, X[0]], [True, True, True, False, False, False]),
        ("trapz", [X], [3.5, 10]),
        ("round_", [X + 0.25], X),
        ("row_stack", [[X, X]], [*X, *X]),
    ],
)
def test_functions(name, arguments, expected):
    def convert(value):
        return [np.array(v) for v in value] if isinstance(value, list) else np.array(value)

    result = getattr(np, name)(*map(convert, arguments))
    numpy.testing.assert_array_equal(numpy.asarray(result), expected)


@pytest.mark.parametrize("name", ["mirr", "npv", "ppmt", "pv", "rate"])
def test_financial_functions_say_where_they_are_now(name):
    if name in vars(numpy):
        pytest.skip("NumPy has it until 1.19")
    with pytest.raises(RuntimeError, match="numpy-financial"):
        getattr(np, name)(0.1, 2)


def test_names_that_are_read_later_than_at_import():
    assert np.array(True) == 1
    assert np.array([True], dtype="bool").dtype == numpy.bool_
    padded = np.pad(np.array(X), ((1, 0), (0, 0)), mode="constant")
    numpy.testing.assert_array_equal(padded.asnumpy(), numpy.pad(X, ((1, 0), (0, 0))))
    handler = EarlyStoppingHandler(mxnet.metric.Accuracy(), mode="max")
    handler.train_begin(None)
    assert handler.best == -numpy.inf


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda x: x.reshape(SHAPE), X.reshape(3, 2)),
        (lambda x: x[:, SHAPE[1] - 1], X[:, 1]),
        (lambda x: np.ones(SHAPE), numpy.ones((3, 2))),
        (lambda x: np.sum(x, axis=(SHAPE[1] - 1, 0)), X.sum()),
        (lambda x: np.split(x, [SHAPE[1]], axis=1)[1], X[:, 2:]),
        (lambda x: np.resize(x, SHAPE), X.reshape(3, 2)),
        (lambda x: np.pad(x, ((SHAPE[1], 0), (0, 0))), numpy.pad(X, ((2, 0), (0, 0)))),
    ],
    ids=["reshape", "index", "ones", "sum", "split", "resize", "pad"],
)
def test_numpys_integers_as_arguments(ours, theirs):
    numpy.testing.assert_array_equal(ours(np.array(X)).asnumpy(), theirs)


def test_numpys_integers_as_arguments_of_a_symbol():
    reshaped = mxnet.sym.var("x").as_np_ndarray().reshape(SHAPE)
    (result,) = reshaped.eval(x=np.array(X))
    numpy.testing.assert_array_equal(result.asnumpy(), X.reshape(3, 2))


def test_functions_that_numpy_2_has_changed():
    x = np.array(X)
    for name, q in (("nanpercentile", 30), ("nanquantile", 0.3)):
        ours, theirs = getattr(np, name), getattr(numpy, name)
        assert ours(x, q).item() == theirs(X, q)
        assert ours(x, q, axis=1, interpolation="lower").tolist() == [1, 4]
    header = mxnet.recordio.IRHeader(0, [1, 2], 7, 0)
    unpacked, content = mxnet.recordio.unpack(mxnet.recordio.pack(header, b"content"))
    assert (unpacked.label.tolist(), unpacked.id, content) == ([1, 2], 7, b"content")
    assert mxnet.nd.moveaxis(mxnet.nd.ones((2, 3, 4)), 0, -1).shape == (3, 4, 2)
    assert mxnet.nd.array([[1, 2], [3, 4]], dtype="uint8").asnumpy().tolist() == [[1, 2], [3, 4]]
    protocol = mxnet.numpy_dispatch_protocol.with_array_function_protocol
    assert protocol(lambda: "called")() == "called"


@pytest.mark.filterwarnings("ignore:NumPy will stop:DeprecationWarning")
@pytest.mark.parametrize("values", ["three", [[1], [2, 3]], [300]], ids=str)
def test_a_refused_array_says_what_numpy_says(values):
    try:
        numpy.array(values, dtype="uint8")
    except (OverflowError, ValueError) as error:
        with pytest.raises(TypeError, match=re.escape(str(error))):
            mxnet.nd.array(values, dtype="uint8")
    else:  # NumPy 1 takes 300 for 44, with or without a warning
        assert values == [300]


def numpy_names(nodes):
    """Yield the names that a module reads from NumPy, such as ["linalg", "svd"]."""
    aliases = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            names = {a.asname or a.name: a.name for a in node.names}
            aliases.update((n, of.split(".")[1:]) for n, of in names.items() if "numpy" in of[:6])
        elif isinstance(node, ast.ImportFrom) and not node.level:
            package, *path = node.module.split(".")
            yield from ([*path, alias.name] for alias in node.names if package == "numpy")
    for node in nodes:
        path = []
        while isinstance(node, ast.Attribute):
            path.insert(0, node.attr)
            node = node.value
        if path and isinstance(node, ast.Name) and node.id in aliases:
            yield aliases[node.id] + path


@pytest.mark.filterwarnings("ignore:.*invalid escape sequence")
def test_every_name_of_numpy_that_mxnet_reads_exists(monkeypatch):
    """Anywhere in its sources; a name that warns would be the next to go."""
    if numpy.__version__ >= "2":  # another test may have imported it
        monkeypatch.delattr(numpy, "core", raising=False)
    folder, given, count = Path(mxnet.__file__).parent, missing_names(), 0
    for path in folder.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        for first, *rest in numpy_names(nodes):
            place = given[first] if first in given else getattr(numpy, first)
            for name in rest:
                if isinstance(place, type):  # a class's methods: see below
                    break
                place = getattr(place, name)
            count += 1
        methods = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        gone = {"tostring", "itemset", "newbyteorder"}  # of arrays; see `restore_functions`
        assert path.name == "recordio.py" or not methods & gone, path
    assert count > 1000
