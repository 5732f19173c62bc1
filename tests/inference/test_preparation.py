"""The publisher's steps, against what they have to give for a drawn picture."""

import numpy
import pytest
from PIL import Image

from d2l_mlp.inference.prediction import prepare_image, squeeze


def picture(shape, box, ground, article):
    """A rectangle on a plain ground."""
    pixels = numpy.full(shape, ground, "uint8")
    top, bottom, left, right = box
    pixels[top:bottom, left:right] = article
    return Image.fromarray(pixels).convert("RGB")


@pytest.mark.parametrize(
    ("ground", "article", "value"), [(255, 40, 215), (250, 60, 195), (3, 90, 90)]
)
@pytest.mark.parametrize(
    ("shape", "box", "expected"),
    [
        ((200, 300), (10, 150, 200, 270), (0, 28, 7, 21)),  # 140 x 70: twice as high as wide
        ((200, 300), (50, 85, 5, 285), (12, 16, 0, 28)),  # 35 x 280: 3.5 rows are 4
        ((56, 56), (0, 56, 20, 21), (0, 28, 13, 14)),  # half a column is one
        ((300, 300), (100, 107, 200, 214), (7, 21, 0, 28)),  # smaller than 28
        ((28, 29), (5, 26, 1, 22), (0, 28, 0, 28)),
    ],
)  # fmt: skip
def test_an_article_is_cropped_resized_and_centred(ground, article, value, shape, box, expected):
    seen = prepare_image(picture(shape, box, ground, article))
    assert (seen.shape, seen.dtype) == ((28, 28), "uint8")
    numpy.testing.assert_array_equal(
        seen, numpy.asarray(picture((28, 28), expected, 0, value).convert("L"))
    )


@pytest.mark.parametrize("ground", [0, 255])
def test_an_image_of_the_data_set_stays_as_it_is(sample, ground):
    for image in sample.test[0][:200]:
        seen = prepare_image(Image.fromarray(image if ground == 0 else 255 - image))
        if numpy.median([*image[0], *image[-1], *image[:, 0], *image[:, -1]]) <= 127:
            numpy.testing.assert_array_equal(seen, image)


def test_colours_are_weighted_as_in_television():
    image = Image.new("RGB", (28, 28))
    image.paste((200, 100, 50), (5, 5, 20, 20))
    assert prepare_image(image)[10, 10] == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)


def test_sharpening_is_a_gaussian_taken_away():
    pixels = numpy.random.RandomState(0).randint(100, 140, size=(28, 20), dtype="uint8")
    pixels[[0, -1]] = pixels[:, [0, -1]] = 120
    canvas = numpy.zeros((40, 40), "uint8")
    canvas[6:34, 10:30] = pixels
    seen = prepare_image(Image.fromarray(canvas))[1:-1, 5:23].astype(int)
    # Of radius 1 and standard deviation 1, as ImageMagick's -sharpen 1x1: -exp(-(u^2 + v^2) / 2),
    # but for the middle, which is twice the sum of all; then all divided by their sum.
    u, v = numpy.mgrid[-1:2, -1:2]
    weights = -numpy.exp(-(u**2 + v**2) / 2)
    weights[1, 1] = -2 * weights.sum()
    weights /= weights.sum()
    windows = [pixels[1 + a : 27 + a, 1 + b : 19 + b] * weights[1 + a, 1 + b]
               for a in (-1, 0, 1) for b in (-1, 0, 1)]  # fmt: skip
    assert abs(seen - sum(windows)).max() <= 0.51


def test_nothing_to_see():
    with pytest.raises(ValueError, match="shows nothing that differs from its border"):
        prepare_image(Image.new("RGB", (100, 100), (250, 250, 250)))


def test_squeezing_is_a_mean(sample):
    image = sample.test[0][0]
    large = numpy.kron(image, numpy.ones((4, 3), "uint8"))
    numpy.testing.assert_array_equal(squeeze(Image.fromarray(large)), image)
