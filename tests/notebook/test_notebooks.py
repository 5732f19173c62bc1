import json
import re
from collections import Counter
from contextlib import nullcontext

import nbformat
import numpy
import pytest

from notebooks.execute import HERE, NOTEBOOKS, execute
from tests import recorded, svg
from tests.texts import assert_same

# Cells that show a trained net are tagged "trained". Another processor rounds differently, and
# training magnifies that: in their pictures an image may change sides, a line may move by this
# share of its axes, and a number (a tick, a count of images) may be another. Between Zen 5 and
# Zen 3 a line moved by 0.13 of axes that spanned an accuracy of 0.06.
TOLERANCE = {"trained": 0.2, "computed": 1e-3}
FLIPPED_WORDS = 6

SVG = "image/svg+xml"


def kinds(cell):
    return [
        (output.output_type, output.get("name"), sorted(output.get("data", {})))
        for output in cell.get("outputs", ())
    ]


def text_of(data):
    return data.get("text/markdown", data["text/plain"])


def words_of(picture):
    return Counter(text for text in svg.texts(picture) if not re.fullmatch(svg.NUMBER, text))


def assert_same_picture(given, expected, kind):
    if kind == "trained":
        words, others = words_of(given), words_of(expected)
        assert sum(((words - others) + (others - words)).values()) <= FLIPPED_WORDS
    else:
        assert svg.texts(given) == svg.texts(expected)
    given, expected = svg.curves(given), svg.curves(expected)
    assert [len(points) for points in given] == [len(points) for points in expected]
    for points, others in zip(given, expected):
        numpy.testing.assert_allclose(points, others, rtol=0, atol=TOLERANCE[kind])


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem[0] != "4"))
        for path in NOTEBOOKS
    ],
)
def test_committed_outputs_are_what_the_code_gives(path, full):
    committed, given = nbformat.read(path, as_version=4), execute(path)
    for cell, now in zip(committed.cells, given.cells):
        kind = "trained" if "trained" in cell.metadata.get("tags", ()) else "computed"
        assert kinds(now) == kinds(cell)
        for output, expected in zip(now.get("outputs", ()), cell.get("outputs", ())):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text
            texts = [o.get("text") or text_of(o.data) for o in (output, expected)]
            assert_same(*texts, trained=kind == "trained")
            if SVG in output.get("data", {}):
                assert_same_picture(output.data[SVG], expected.data[SVG], kind)


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ("epoch 3/3  test loss 0.540 accuracy 0.829", True),
        ("epoch 3/3  test loss 0.540 accuracy 0.789", True),
        ("epoch 3/3  test loss 0.540 accuracy 0.830", False),
        ("epoch 3/3  test loss 0.540 accuracy 0.719", False),  # 0.09 less
        ("epoch 3/3  test loss 0.560 accuracy 0.809", True),
        ("epoch 3/3  test loss 0.600 accuracy 0.809", False),
        ("epoch 4/3  test loss 0.540 accuracy 0.809", False),
        ("epoch 3/3  train loss 0.540 accuracy 0.809", False),
    ],
)
def test_how_far_what_was_trained_may_move(given, same):
    with nullcontext() if same else pytest.raises(AssertionError):
        assert_same(given, "epoch 3/3  test loss 0.540 accuracy 0.809", trained=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_short_and_bare(path):
    notebook = json.loads(path.read_text("utf-8"))
    assert len(notebook["cells"]) <= 45
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    # Without it nbconvert writes a script as .txt.
    assert notebook["metadata"]["language_info"]["file_extension"] == ".py"
    for number, cell in enumerate(cell for cell in notebook["cells"] if "outputs" in cell):
        assert len(cell["source"]) <= 20
        assert max(len(line.rstrip("\n")) for line in cell["source"]) <= 80
        assert cell["metadata"].keys() <= {"tags", "jupyter"}
        assert cell["execution_count"] == number + 1  # run once, from top to bottom
        assert not re.search(r"from d2l_mlp\.?\S* import _|\._", "".join(cell["source"]))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_notebook_checks_holds(path):
    outputs = [o for c in nbformat.read(path, as_version=4).cells for o in c.get("outputs", ())]
    lines = "".join(output.get("text", "") for output in outputs).splitlines()
    assert lines
    assert not [line for line in lines if line.endswith("False")]


def test_every_solution_is_folded_away():
    (path,) = HERE.glob("4-*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    exercises = [i for i, cell in enumerate(cells) if re.match(r"## \d\. ", cell.source)]
    assert len(exercises) == 5
    for i in exercises:
        question, solution = cells[i].source.split("<details>\n<summary>Solution</summary>\n\n")
        assert question.strip()
        assert solution.endswith("\n\n</details>")
        metadata = cells[i + 1].metadata
        assert metadata == {
            "jupyter": {"outputs_hidden": True, "source_hidden": True},  # JupyterLab's
            "tags": ["hide-cell"],  # MyST-NB's
        }


def test_the_activation_notebook_draws_what_the_book_recorded():
    (path,) = HERE.glob("2-*.ipynb")
    drawn = [
        output.data[SVG]
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", ())
        if SVG in output.get("data", {})
    ]
    by_texts = {tuple(svg.texts(picture)): picture for picture in drawn}
    for figure in recorded.FIGURES.values():
        picture = by_texts[tuple(text.replace("\N{MINUS SIGN}", "-") for text in figure["labels"])]
        (curve,) = re.findall(r'<path d="([^"]*)"[^>]*stroke: #1f77b4', picture)
        points = numpy.array(re.findall(svg.NUMBER, curve), dtype=float).reshape(-1, 2)
        # Jupyter's margins have changed since; the curve within its box has not.
        numpy.testing.assert_allclose(in_box(points), in_box(figure["path_pt"]), rtol=0, atol=1e-6)


def in_box(points):
    """Return points as shares of the box around them."""
    return (points - numpy.min(points, axis=0)) / numpy.ptp(points, axis=0)


# The calls that the chapter's cells make, one string a cell.
CHAPTER = [
    """%matplotlib inline
import d2l
from mxnet import autograd, np, npx
npx.set_np()""",
    """x = np.arange(-8.0, 8.0, 0.1)
x.attach_grad()
with autograd.record():
    y = npx.relu(x)
d2l.set_figsize((4, 2.5))
d2l.plot(x, y, 'x', 'relu(x)')""",
    """x = np.arange(-4.0, 4.0, 0.1)
x.attach_grad()
with autograd.record():
    y = npx.relu(x)
d2l.set_figsize((4, 2.5))
d2l.plot(x,y,'x','relu(x)')""",
    """y.backward()
d2l.plot(x, x.grad, 'x', 'grad of relu')""",
    """with autograd.record():
    y = npx.sigmoid(x)
d2l.plot(x, y, 'x', 'sigmoid(x)')""",
    """y.backward()
d2l.plot(x, x.grad, 'x', 'grad of sigmoid')""",
    """with autograd.record():
    y = np.tanh(x)
d2l.plot(x, y, 'x', 'tanh(x)')""",
    """y.backward()
d2l.plot(x, x.grad, 'x', 'grad of tanh')""",
]


def test_the_chapters_own_cells_stand_in_a_notebook_word_for_word():
    (path,) = HERE.glob("2-*.ipynb")
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    places, sources = [-1], [cell.source for cell in cells]
    for cell in CHAPTER:
        places.append(sources.index(cell, places[-1] + 1))
    pictures = [cells[place].outputs[0].data[SVG] for place in places[2:]]
    names = [re.search("'([^']*)'.$", cell).group(1) for cell in CHAPTER[1:]]
    near, wide = numpy.arange(-40, 40) / 10, numpy.arange(-80, 80) / 10
    s, t = 1 / (1 + numpy.exp(-near)), numpy.tanh(near)
    relu = [
        (wide, numpy.maximum(wide, 0)),
        (near, numpy.maximum(near, 0)),
        (near, 1.0 * (near > 0)),
    ]
    others = [(near, y) for y in (s, s * (1 - s), t, 1 - t * t)]
    for name, picture, (x, y) in zip(names, pictures, relu + others):
        assert svg.texts(picture)[-1] == name
        (points,) = svg.curves(picture, "stroke: #1f77b4")
        # matplotlib leaves a margin of 5 % around the data, and SVG counts from the top.
        x, y = ((values - values.min()) / numpy.ptp(1.1 * values) + 0.05 / 1.1 for values in (x, y))
        exact = numpy.interp(points[:, 0], x, y)
        numpy.testing.assert_allclose(1 - points[:, 1], exact, atol=1e-4)
