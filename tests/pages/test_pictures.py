import base64
import io

import numpy
import pytest
from PIL import Image

from d2l_mlp.pages.pictures import SIDE, Sprite, curves_svg, weights_picture
from d2l_mlp.plotting.learning_curves import plot_histories
from d2l_mlp.training.state import EpochMetrics


def decoded(uri):
    head, _, body = uri.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(body)))


def tile(picture, column, row, side, margin=0):
    top, left = row * side + margin, column * side + margin
    return picture[top : top + SIDE, left : left + SIDE]


def test_an_image_is_where_the_sprite_says():
    images = numpy.random.RandomState(0).randint(0, 256, (500, SIDE, SIDE)).astype("uint8")
    sprite = Sprite(images)
    numbers = [*range(499, 399, -1), 7, 499]
    places = [sprite.place(number) for number in numbers]
    assert places[0] == places[-1] == (0, 0)
    assert len(set(places)) == 101
    picture = numpy.asarray(decoded(sprite.uri()))
    assert picture.shape == (3 * SIDE, Sprite.columns * SIDE)
    for number, place in zip(numbers, places):
        assert (tile(picture, *place, SIDE) == images[number]).all()


@pytest.mark.parametrize(("units", "shown"), [(1, 1), (10, 10), (64, 64), (100, 64)])
def test_weights_for_are_blue_and_weights_against_are_red(units, shown):
    weights = numpy.random.RandomState(0).randn(units, 784) * numpy.arange(1, units + 1)[:, None]
    picture = weights_picture(weights)
    assert (picture.shown, picture.units) == (shown, units)
    image = decoded(picture.uri)
    assert image.size == picture.size
    colours = numpy.asarray(image.convert("RGB")).astype(int)
    order = numpy.argsort(-numpy.linalg.norm(weights, axis=1)) if units > 64 else range(units)
    for place in (0, shown - 1):
        own = weights[order[place]].reshape(SIDE, SIDE)
        drawn = tile(colours, place % 16, place // 16, SIDE + 2, 1)
        blueness = drawn[..., 2] - drawn[..., 0]
        strong = abs(own) > 0.2 * abs(own).max()
        assert (numpy.sign(blueness) == numpy.sign(own))[strong].all()


def test_weights_that_are_all_zero():
    colours = numpy.asarray(decoded(weights_picture(numpy.zeros((2, 784))).uri).convert("RGB"))
    assert len(numpy.unique(colours.reshape(-1, 3), axis=0)) == 1


def test_curves_have_the_colour_of_the_text_and_a_name():
    metrics = EpochMetrics(1, 1.0, 0.5, 1.1, 0.4, 1.0, 100.0, 0.1, 1.0)
    later = metrics._replace(epoch=2, val_loss=0.9)
    svg = curves_svg(plot_histories({'a"<b>': [metrics, later], "$c$": [metrics, later]}))
    assert "#000000" not in svg
    assert "#ffffff" not in svg.replace("fill: #ffffff; opacity: 0", "")
    assert 'role="img" aria-label="Loss and accuracy by epoch of a&quot;&lt;b&gt;, $c$"' in svg


def test_each_unit_has_its_own_scale():
    weights = numpy.random.RandomState(0).randn(3, 784) * [[0.01], [1], [100]]
    colours = numpy.asarray(decoded(weights_picture(weights).uri).convert("RGB"))
    for place, own in enumerate(weights):
        drawn = tile(colours, place, 0, SIDE + 2, 1).reshape(-1, 3)
        end = [5, 48, 97] if own[abs(own).argmax()] > 0 else [103, 0, 31]
        assert drawn[abs(own).argmax()].tolist() == end
