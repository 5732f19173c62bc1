from itertools import combinations
from math import dist

import numpy
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Circle

from d2l_mlp.plotting.diagrams import plot_network


def parts(sizes):
    figure = plot_network(sizes)
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    circles = [p for p in axes.patches if isinstance(p, Circle)]
    arrows = [
        (numpy.array([x, y]), numpy.array([u, v]))
        for quiver in axes.collections
        for x, y, u, v in zip(quiver.X, quiver.Y, quiver.U, quiver.V)
    ]
    return figure, circles, arrows, axes.texts


@pytest.mark.parametrize(
    ("sizes", "labels"),
    [
        ([4, 5], "x₁ x₂ x₃ x₄ o₁ o₂ o₃ o₄ o₅"),
        (numpy.array([4, 5, 3]), "x₁ x₂ x₃ x₄ h₁ h₂ h₃ h₄ h₅ o₁ o₂ o₃"),
        ([1, 2, 1, 1], "x₁ h₁⁽¹⁾ h₂⁽¹⁾ h₁⁽²⁾ o₁"),
    ],
)
def test_every_unit_is_connected_with_every_unit_of_the_layer_below(sizes, labels):
    _, circles, arrows, texts = parts(sizes)
    assert [t.get_text() for t in texts if "layer" not in t.get_text()] == labels.split()
    centres = [tuple(circle.center) for circle in circles]
    heights = sorted({y for _, y in centres})
    rows = [[c for c in centres if c[1] == y] for y in heights]
    assert [len(row) for row in rows] == list(sizes)
    expected = [(a, b) for low, high in zip(rows, rows[1:]) for a in low for b in high]
    assert len(arrows) == len(expected)
    # Each arrow goes from the edge of one circle to the edge of the other, on the line between.
    for (start, way), (a, b) in zip(arrows, expected):
        part = numpy.subtract(b, a) * circles[0].radius / dist(a, b)
        numpy.testing.assert_allclose(start, a + part)
        numpy.testing.assert_allclose(start + way, b - part)


def test_layers_are_named_from_the_bottom_up():
    _, _, _, texts = parts([4, 7, 300, 3])
    names = [t for t in texts if "layer" in t.get_text()]
    assert [t.get_text() for t in sorted(names, key=lambda t: t.get_position()[1])] == [
        "Input layer",
        "Hidden layer 1",
        "Hidden layer 2\n(300 units)",
        "Output layer",
    ]


def test_a_wide_layer_is_drawn_with_a_gap():
    _, circles, arrows, texts = parts([2, 784, 3])
    labels = [t.get_text() for t in texts if t.get_text().startswith("h")]
    assert labels == ["h₁", "h₂", "h₃", "h₄", "h₅", "h₆", "h₇", "h₈", "h₇₈₄"]
    assert [t.get_text() for t in texts].count("⋯") == 1
    assert len(circles) == 2 + 9 + 3
    assert len(arrows) == 2 * 9 + 9 * 3


@pytest.mark.parametrize("sizes", [[4, 5], [4, 5, 3], [4, 256, 3], [4, 1_000_000, 12, 9, 2, 3]])
def test_nothing_overlaps_or_is_cut_off(sizes):
    figure, circles, _, texts = parts(sizes)
    for a, b in combinations(circles, 2):
        assert dist(a.center, b.center) > a.radius + b.radius
    boxes = [t.get_window_extent() for t in texts]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    shapes = boxes + [c.get_window_extent() for c in circles]
    assert all(figure.bbox.containsx(x) for b in shapes for x in (b.x0, b.x1))
    assert all(figure.bbox.containsy(y) for b in shapes for y in (b.y0, b.y1))
    discs = {tuple(c.center): c.get_window_extent() for c in circles}
    for text, box in zip(texts, boxes):
        disc = discs.get(text.get_position())
        assert disc is None or disc.width > box.width


@pytest.mark.parametrize("sizes", [[4, 0], [4, -1, 3], [4, 2.5], [4, "5"], [4, True]])
def test_other_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match=r"sizes is .*; give "):
        plot_network(sizes)
