import re
import signal
from itertools import combinations
from statistics import NormalDist

import matplotlib
import numpy
import pytest
from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg
from mxnet import np

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.plotting.curves import plot_activation, plot_curve
from d2l_mlp.plotting.figures import FIGURES, FigureOptions, draw
from d2l_mlp.plotting.style import save_figure
from tests import recorded

COMMAND = ("-m", "d2l_mlp.figures")
X = numpy.arange(-40, 40) / 10


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


normal = numpy.vectorize(NormalDist().cdf)
density = numpy.vectorize(NormalDist().pdf)


def curve(figure):
    (axes,) = figure.axes
    (line,) = axes.get_lines()
    return line.get_xydata()


@pytest.mark.parametrize("name", recorded.FIGURES)
def test_same_curve_as_the_book_recorded(name):
    drawn = curve(draw(name))
    for x, y in recorded.FIGURES[name]["data"]:
        nearest = drawn[abs(drawn[:, 0] - x).argmin()]
        assert nearest == pytest.approx([x, y], abs=1e-6)


@pytest.mark.parametrize("name", recorded.FIGURES)
def test_same_picture_as_the_book_recorded(tmp_path, name):
    figure = recorded.FIGURES[name]
    svg = save_figure(draw(name), tmp_path / "figure.svg").read_text("utf-8")
    assert re.findall("<!-- (.*?) -->", svg) == figure["labels"]
    path = re.search(r'<path d="([^"]*)"[^>]*stroke: #1f77b4', svg).group(1)
    points = [list(map(float, point)) for point in re.findall(r"[ML] (\S+) (\S+)", path)]
    assert len(points) == len(figure["path_pt"])
    if matplotlib.__version__.startswith("3.7."):
        numpy.testing.assert_allclose(points, figure["path_pt"], rtol=0, atol=1e-4)
        size = re.search(r'<svg [^>]*width="(\S+)pt" height="(\S+)pt"', svg).groups()
        assert [float(n) for n in size] == [figure["width_pt"], figure["height_pt"]]


@pytest.mark.parametrize(
    ("name", "label", "exact"),
    [
        ("relu", "relu(x)", numpy.maximum(X, 0)),
        ("prelu", "prelu(x)", numpy.where(X > 0, X, X / 4)),
        ("prelu-grad", "grad of prelu", numpy.where(X > 0, 1, 0.25)),
        ("sigmoid", "sigmoid(x)", sigmoid(X)),
        ("sigmoid-grad", "grad of sigmoid", sigmoid(X) * sigmoid(-X)),
        ("tanh", "tanh(x)", numpy.tanh(X)),
        ("gelu", "gelu(x)", X * normal(X)),
        ("gelu-grad", "grad of gelu", normal(X) + X * density(X)),
        ("swish", "swish(x)", X * sigmoid(X)),
        ("swish-grad", "grad of swish", sigmoid(X) + X * sigmoid(X) * sigmoid(-X)),
    ],
)
def test_the_other_curves_of_the_chapter(name, label, exact):
    figure = draw(name)
    x, y = curve(figure).T
    numpy.testing.assert_allclose(x, X, atol=1e-6)
    numpy.testing.assert_allclose(y, exact, atol=1e-6)
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", label)
    assert list(figure.get_size_inches()) == [3.5, 2.5]


def test_a_curve_may_be_finite_in_places():
    x = np.arange(-1.0, 1.0, 0.25)
    with numpy.errstate(all="ignore"):
        exact = numpy.log(x.asnumpy())
    numpy.testing.assert_allclose(curve(plot_curve(np.log, "log", x))[:, 1], exact, rtol=1e-6)


def test_an_activation_that_is_unknown_is_not_plotted():
    with pytest.raises(ValueError, match="activation is 'step'; give one of relu, "):
        plot_activation("step", np.arange(3.0))


def test_all_activations_with_their_derivatives():
    figure = draw("activations", FigureOptions(alpha=0.5))
    assert [axes.get_title() for axes in figure.axes] == [
        "ReLU",
        "pReLU, \N{GREEK SMALL LETTER ALPHA} = 0.5",
        "sigmoid",
        "tanh",
        "GELU",
        "Swish",
    ]
    s, t, p = sigmoid(X), numpy.tanh(X), normal(X)
    exact = [
        (numpy.maximum(X, 0), X > 0),
        (numpy.where(X > 0, X, X / 2), numpy.where(X > 0, 1, 0.5)),
        (s, s * (1 - s)),
        (t, 1 - t * t),
        (X * p, p + X * density(X)),
        (X * s, s + X * s * (1 - s)),
    ]
    for axes, curves in zip(figure.axes, exact):
        for line, y in zip(axes.get_lines(), curves):
            numpy.testing.assert_allclose(line.get_ydata(), y, atol=1e-6)
        assert len(axes.get_lines()) == 2
        assert [x for x in axes.get_xticks() if -4 <= x <= 4] == [-4, -2, 0, 2, 4]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["f(x)", "grad of f"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_figures_of_an_activation_follow_from_its_entry(name):
    activation = ACTIVATIONS[name]
    assert FIGURES[name][0] == f"{activation.title}: {activation.source}"
    assert FIGURES[f"{name}-grad"][0] == f"derivative of {activation.title}"


def test_options_are_heeded():
    options = FigureOptions(range=(-1e3, 2.0), step=0.5, alpha=-3.0)
    x, y = curve(draw("prelu", options)).T
    numpy.testing.assert_array_equal(x, numpy.arange(-1000, 2, 0.5))
    numpy.testing.assert_array_equal(y, numpy.where(x > 0, x, -3 * x))
    names = [t.get_text() for t in draw("mlp", FigureOptions(hidden=(2, 3))).axes[0].texts]
    assert "Hidden layer 2" in names


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_cut_off_or_overlaps(name):
    figure = draw(name)
    FigureCanvasAgg(figure).draw()
    texts = []
    for axes in figure.axes:
        box = axes.viewLim
        for x, y in (point for line in axes.get_lines() for point in line.get_xydata()):
            assert box.contains(x, y)
        texts += axes.texts
        if axes.axison:
            texts += [axes.title, axes.xaxis.label, axes.yaxis.label]
            texts += [t for t in axes.get_xticklabels() if box.containsx(t.get_position()[0])]
            texts += [t for t in axes.get_yticklabels() if box.containsy(t.get_position()[1])]
    legends = [axes.get_legend() for axes in figure.axes] + figure.legends
    for legend in filter(None, legends):
        assert not any(axes.bbox.overlaps(legend.get_window_extent()) for axes in figure.axes)
        texts += legend.get_texts()
    boxes = [t.get_window_extent() for t in texts if t.get_visible() and t.get_text()]
    assert len(boxes) > 5
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_drawing_changes_nothing_else():
    from IPython.core.interactiveshell import InteractiveShell

    settings, backend = dict(matplotlib.rcParams), matplotlib.get_backend()
    shell = InteractiveShell.initialized()
    draw("relu")
    assert dict(matplotlib.rcParams) == settings
    assert matplotlib.get_backend() == backend
    assert not pyplot.get_fignums()
    assert InteractiveShell.initialized() == shell


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"range": (4.0, -4.0)}, "range 4 -4: give two numbers"),
        ({"range": (1.0, 1.0)}, "range 1 1: give two numbers"),
        ({"range": (numpy.nan, 1.0)}, "range nan 1: give two numbers"),
        ({"range": (0.0, numpy.inf)}, "range 0 inf: give two numbers"),
        ({"step": 0.0}, "step 0: give a positive number"),
        ({"step": -0.1}, "step -0.1: give a positive number"),
        ({"step": numpy.nan}, "step nan: give a positive number"),
        ({"step": 8.0}, "step 8: give a positive number below 8"),
        ({"step": 3.0, "range": (0, 3)}, "step 3: give a positive number below 3"),
        ({"step": 1e-6}, "more than 100000 points"),
        ({"range": (1e6, 1e6 + 1)}, "too small for float32"),
    ],
)
def test_senseless_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        FigureOptions(**options)


@pytest.mark.slow
def test_command_draws_everything_the_same_way_twice(run, tmp_path):
    for seed in "12":
        drawn = run(*COMMAND, "--output", seed, env={"PYTHONHASHSEED": seed}).stdout.split()
        assert drawn == [f"{seed}/{name}.svg" for name in FIGURES]
        assert sorted(p.stem for p in (tmp_path / seed).iterdir()) == sorted(FIGURES)
    for path in (tmp_path / "1").iterdir():
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes()


def test_command_draws_an_expression_and_writes_nothing_else(run, tmp_path):
    flags = ["--name", "softplus", "--format", "pdf", "--range", "-1e1", "-.5", "--output", "a/b"]
    run("-W", "error", *COMMAND, "--expression", "np.log(1 + np.exp(x))", *flags,
        env={"HOME": str(tmp_path)})  # fmt: skip
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {f for f in files if f[0] != "."} == {"a/b/softplus.pdf", "a/b/softplus-grad.pdf"}
    assert not (tmp_path / ".ipython").exists()


@pytest.mark.parametrize(
    ("text", "value", "slope"),
    [
        ("np.log(1 + np.exp(x))", numpy.log(1 + numpy.exp(X)), sigmoid(X)),
        (" x * sigmoid(x) ", X * sigmoid(X), sigmoid(X) + X * sigmoid(X) * sigmoid(-X)),
        ("gelu(x)", X * normal(X), normal(X) + X * density(X)),
        ("prelu(x, 0.5)", numpy.where(X > 0, X, X / 2), numpy.where(X > 0, 1, 0.5)),
        ("npx.leaky_relu(x, slope=0.5)", numpy.where(X > 0, X, X / 2), numpy.where(X > 0, 1, 0.5)),
        ("x > 0.05", X > 0.05, 0 * X),
        ("5", 0 * X + 5, 0 * X),
        ("np.where(x > 0, x ** 2, -1)", numpy.where(X > 0, X**2, -1), numpy.where(X > 0, 2 * X, 0)),
        ("np.where(x > 0, 2, x ** 2)", numpy.where(X > 0, 2, X**2), numpy.where(X > 0, 0, 2 * X)),
        ("np.arctan2(2, x)", numpy.arctan2(2, X), -2 / (4 + X**2)),
        ("np.clip(x, -1.05, 2.05)", numpy.clip(X, -1.05, 2.05), (X > -1.05) & (X < 2.05)),
    ],
)
def test_an_expression_means_what_it_means_in_python(call, monkeypatch, text, value, slope):
    drawn = []
    monkeypatch.setattr("d2l_mlp.figures.save_figure", lambda figure, *_: drawn.append(figure))
    call("-m", "d2l_mlp.figures", "--expression", text)
    for figure, exact in zip(drawn, (value, slope)):
        numpy.testing.assert_allclose(curve(figure)[:, 1], exact, rtol=1e-5, atol=1e-5)
    assert len(drawn) == 2


def test_a_list_imports_nothing_heavy(run):
    listed = run("-X", "importtime", *COMMAND, "--list")
    assert "activations" in listed.stdout
    modules = {line.split("|")[-1].strip() for line in listed.stderr.splitlines()}
    assert not modules & {"mxnet", "d2l", "numpy", "matplotlib"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rellu"], "there is no figure 'rellu': did you mean 'relu'?"),
        (["relu", "no\nsuch"], r"there is no figure 'no\nsuch': choose from relu-wide"),
        (["relu", "--range", "-inf", "4"], "range -inf 4"),
        (["relu", "--step", "much"], "argument --step: invalid float value: 'much'"),
        (["relu", "--format", "jpg"], "argument --format: invalid choice: 'jpg'"),
        (["relu", "--dpi", "100"], "dpi 100: svg has no resolution"),
        (["relu", "--format", "png", "--dpi", "5"], "dpi 5: give a number from 10 to 1200"),
        (["--expression", "x +"], "'x +' is not an expression"),
        (["--expression", "x = 1"], "'x = 1' is not an expression"),
        (["--name", "softplus"], "name 'softplus': it is for an --expression"),
        (["relu", "--expression", "x * x", "--name", "relu"], "name 'relu': a figure of that name"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_two(call, tmp_path, arguments, message):
    (line,) = call(*COMMAND, *arguments, code=2).stderr.splitlines()
    assert line.startswith("python -m d2l_mlp.figures: ")
    assert message in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["relu", "--output", "file"], "cannot write 'file': it is not a folder"),
        (["relu", "--output", "loop"], "cannot write 'loop': it is not a folder"),
        (["relu", "--output", "file/folder"], "cannot write 'file/folder': Not a directory"),
        (["mlp", "--output", "."], "cannot write 'mlp.svg': Is a directory"),
        (["mlp", "--hidden", "0"], "sizes is (4, 0, 3); give a sequence of values, each"),
        (["prelu", "--alpha", "inf", "--range", "-1", "0"], "cannot plot prelu(x): it is nowhere"),
        (["--expression", "np.log(x - 9)"], "cannot plot f(x): it is nowhere finite"),
        (["--expression", "x + y"], "cannot compute 'x + y': name 'y' is not defined"),
        (
            ["--expression", "max(x, 0)"],
            "cannot compute 'max(x, 0)': The truth value of an ndarray with multiple elements is "
            "ambiguous; use functions of np and npx, such as np.maximum",
        ),
        (["--expression", "np.ones(7)"], "cannot compute 'np.ones(7)': MXNetError: Check failed"),
        (["--expression", "npx.softmax(x)"], "f is not elementwise"),
    ],
)
def test_failure_is_one_line_and_exit_code_one(call, tmp_path, arguments, message):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "mlp.svg").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    done = call(*COMMAND, *arguments, code=1)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"python -m d2l_mlp.figures: error: {message}")
    assert done.stdout == ""
    assert {p.name for p in tmp_path.rglob("*")} - {"figures"} == {"file", "loop", "mlp.svg"}


@pytest.mark.slow
def test_interrupt_is_one_line_and_exit_code_130(start, tmp_path):
    process = start("-u", *COMMAND, "--format", "png", "--dpi", "1200", "--output", ".")
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "python -m d2l_mlp.figures: stopped by Ctrl-C\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((first + rest).split())
