"""Image files, good and bad; the publisher's preparation, against drawn pictures."""

import os
import re
import struct
import zlib
from pathlib import Path
from random import Random

import numpy
import pytest
from PIL import Image

from d2l_mlp.data.releases import CLASSES
from d2l_mlp.inference.prediction import (
    Prediction,
    predict_image,
    prepare_image,
    read_image,
    resize_image,
)
from d2l_mlp.runs.reader import load_run
from tests import commands
from tests.damage import damage
from tests.processes import SAMPLE

GREY = numpy.random.RandomState(0).randint(256, size=(20, 30), dtype="uint8")
RGB = numpy.stack([GREY, GREY.T.reshape(20, 30), 255 - GREY], axis=2)


def png(width, height, data=b""):
    """Return a PNG file, grey with 8 bits."""

    def chunk(kind, content):
        raw = kind + content
        return struct.pack(">I", len(content)) + raw + struct.pack(">I", zlib.crc32(raw))

    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_rgb_and_grey_are_the_values_in_the_file(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    Image.fromarray(GREY).save(tmp_path / "b.bmp")
    (tmp_path / "link").symlink_to("b.bmp")
    numpy.testing.assert_array_equal(numpy.asarray(read_image(tmp_path / "a.png")), RGB)
    for name in ("b.bmp", "link"):
        grey = numpy.asarray(read_image(tmp_path / name))
        numpy.testing.assert_array_equal(grey, numpy.stack([GREY] * 3, axis=2))


def test_a_palette_and_one_bit_are_colours(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 210, 220])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "p.gif")
    Image.fromarray(numpy.array([[0, 255]], "uint8")).convert("1").save(tmp_path / "1.png")
    assert numpy.asarray(read_image(tmp_path / "p.gif")).tolist() == [
        [[10, 20, 30], [200, 210, 220]]
    ]
    assert numpy.asarray(read_image(tmp_path / "1.png")).tolist() == [[[0] * 3, [255] * 3]]


@pytest.mark.parametrize(
    ("mode", "pixel", "expected"),
    [
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),  # a fifth of black on white
        ("LA", (40, 255), (40, 40, 40)),
        ("LA", (40, 0), (255, 255, 255)),
    ],
)
def test_a_whole_picture_is_on_white_where_it_is_transparent(tmp_path, mode, pixel, expected):
    Image.new(mode, (3, 3), pixel).save(tmp_path / "a.png")
    expected = Image.new("RGB", (1, 1), expected).convert("L").getpixel((0, 0))
    assert resize_image(read_image(tmp_path / "a.png"))[14, 14] == expected


@pytest.mark.parametrize(("alpha", "mode"), [(254, "RGBA"), (255, "RGB")])
def test_one_transparent_pixel_is_transparency(tmp_path, alpha, mode):
    image = Image.new("RGBA", (9, 9), (1, 2, 3, 255))
    image.putpixel((4, 4), (1, 2, 3, alpha))
    image.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").mode == mode


def test_the_camera_s_orientation_is_applied(tmp_path):
    image = Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112] = 6  # turn by a quarter, clockwise
    image.save(tmp_path / "a.png", exif=exif)
    turned = numpy.asarray(read_image(tmp_path / "a.png"))
    numpy.testing.assert_array_equal(turned, numpy.rot90(RGB, -1))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "is missing"),
        (lambda path: path.mkdir(), "is not a regular file"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.write_bytes(b""), "is no image that Pillow reads"),
        *(
            (lambda path, brand=brand: path.write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(12)),
             "is HEIC; to read it: pip install pillow-heif|cannot be read as an image")
            for brand in (b"heic", b"heix", b"mif1")
        ),
        (lambda path: path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
         "is no image that Pillow reads"),
        (lambda path: path.write_bytes(png(20, 30, GREY.tobytes())[:-99]),
         r"cannot be read as an image \("),
        (lambda path: path.write_bytes(png(10_000, 9_000)), ".*exceeds limit of 89478485 pixels"),
        (lambda path: Image.new("CMYK", (9, 9)).save(path, "JPEG"), "has the mode CMYK; save it"),
        (lambda path: Image.fromarray(GREY.astype("uint16")).save(path, "PNG"),
         "has the mode I(;16)?; save it as RGB or grey with 8 bits"),
        (lambda path: Image.fromarray(GREY.astype("float32")).save(path, "TIFF"),
         "has the mode F; save it"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_one_line(tmp_path, make, says):
    path = tmp_path / "it"
    make(path)
    with pytest.raises(ValueError, match=f"^{says}") as caught:
        read_image(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("form", ["png", "jpeg", "gif", "bmp", "webp", "tiff"])
def test_a_damaged_file_is_an_image_or_one_line(tmp_path, form, fuzz_size):
    random = Random(form)
    Image.fromarray(RGB).save(tmp_path / "good", form)
    content = (tmp_path / "good").read_bytes()
    for _ in range(fuzz_size):
        (tmp_path / "bad").write_bytes(damage(random, content, [png(9, 9, bytes(90))]))
        try:
            outcome = read_image(tmp_path / "bad").mode
        except ValueError as error:
            outcome = "\n" in str(error) or "refused"
        assert outcome in ("RGB", "RGBA", "refused")


def test_heic(tmp_path):
    pytest.importorskip("pillow_heif").register_heif_opener()
    Image.fromarray(RGB).save(tmp_path / "a.heic", quality=-1, chroma=444)
    seen = numpy.asarray(read_image(tmp_path / "a.heic"), int)
    assert abs(seen - RGB).max() <= 3  # lossless, but for the change of colour space


def picture(shape, box, background, article):
    """Draw a rectangle on a plain background."""
    pixels = numpy.full(shape, background, "uint8")
    top, bottom, left, right = box
    pixels[top:bottom, left:right] = article
    return Image.fromarray(pixels).convert("RGB")


@pytest.mark.parametrize(
    ("background", "article", "value"), [(255, 40, 215), (250, 60, 194), (3, 90, 88)]
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
def test_an_article_is_cropped_resized_and_centred(
    background, article, value, shape, box, expected
):
    seen = prepare_image(picture(shape, box, background, article))
    assert (seen.shape, seen.dtype) == ((28, 28), "uint8")
    numpy.testing.assert_array_equal(
        seen, numpy.asarray(picture((28, 28), expected, 0, value).convert("L"))
    )


ARTICLE = (50, 150, 60, 140)


def greys(box=ARTICLE, background=250, article=40):
    return numpy.array(picture((200, 200), box, background, article).convert("L"))


def rgba(grey, alpha):
    return Image.merge("RGBA", [Image.fromarray(band) for band in (grey, grey, grey, alpha)])


def assert_cropped_to_columns(seen, first, last):
    assert (seen[:, first:last] > 0).all()
    assert not seen[:, :first].any()
    assert not seen[:, last:].any()


def test_the_picture_itself_stays_as_it_is():
    image = picture((800, 800), (200, 600, 200, 500), 250, 40)
    before = image.tobytes()
    prepare_image(image)
    assert (image.size, image.tobytes()) == ((800, 800), before)


def test_a_picture_that_shines_through_everywhere_is_no_cut_out():
    veiled = rgba(greys(), numpy.full((200, 200), 200, "uint8"))
    on_white = Image.alpha_composite(Image.new("RGBA", veiled.size, "white"), veiled)
    seen = prepare_image(veiled)
    numpy.testing.assert_array_equal(seen, prepare_image(on_white.convert("RGB")))


@pytest.mark.parametrize("alpha", [0, 100, 127])
def test_what_is_hardly_to_be_seen_is_no_article(alpha):
    opaque = greys(background=alpha, article=255)
    assert_cropped_to_columns(prepare_image(rgba(greys(ARTICLE, 30, 200), opaque)), 3, 25)


def test_pixels_are_subsampled():
    article = numpy.random.RandomState(0).randint(100, 200, (280, 280), dtype="uint8")
    large, small = (Image.fromarray(numpy.pad(a, 20)) for a in (article, article[5::10, 5::10]))
    numpy.testing.assert_array_equal(prepare_image(large), prepare_image(small))


def test_background_within_the_article_is_0():
    pixels = greys()
    pixels[50:100, 60:100] = 245
    assert not prepare_image(Image.fromarray(pixels))[:13, 3:13].any()


def test_an_article_may_touch_almost_half_of_the_border():
    seen = prepare_image(Image.fromarray(greys((0, 200, 0, 80), 200, 0)))
    assert seen[14, 8] > 150
    assert not seen[:, 22:].any()


def test_a_strap_is_no_speck():
    pixels = greys((50, 150, 100, 140))
    pixels[80:100, 20:30] = 40  # 5 % of the article
    assert prepare_image(Image.fromarray(pixels))[:, [0, -1]].any(axis=0).all()


def test_light_may_fall_as_a_saddle():
    y, x = numpy.mgrid[-1:1:200j, -1:1:200j]
    pixels = numpy.where(greys() == 40, 40, 200 + 50 * x * y).round().astype("uint8")
    assert_cropped_to_columns(prepare_image(Image.fromarray(pixels)), 3, 25)


@pytest.mark.parametrize("background", [0, 255])
def test_an_image_of_the_data_set_stays_as_it_is(sample, background):
    for image in sample.test[0][:200]:
        seen = prepare_image(Image.fromarray(image if background == 0 else 255 - image))
        if numpy.median([*image[0], *image[-1], *image[:, 0], *image[:, -1]]) <= 127:
            numpy.testing.assert_array_equal(seen, image)


def test_colours_are_weighted_as_in_television():
    image = Image.new("RGB", (28, 28))
    image.paste((200, 100, 50), (5, 5, 20, 20))
    assert prepare_image(image)[10, 10] == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)


def test_sharpening_subtracts_a_gaussian():
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


CLUTTER = numpy.random.RandomState(0).randint(256, size=(100, 100, 3), dtype="uint8")


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (Image.new("RGB", (100, 100), (250, 250, 250)), "shows nothing that differs from its bor"),
        (Image.new("RGBA", (100, 100)), "shows nothing that differs from its border"),
        (Image.fromarray(CLUTTER), "is not clear enough; photograph the article on a plain"),
    ],
)
def test_a_picture_of_nothing_or_of_everything_is_refused(image, says):
    with pytest.raises(ValueError, match=says):
        prepare_image(image)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (3, 3), (400, 2), (29, 28)])
@pytest.mark.parametrize("seed", range(5))
def test_a_picture_of_any_size_is_prepared_or_refused(shape, seed):
    pixels = numpy.random.RandomState(seed).randint(120, 130, size=shape, dtype="uint8")
    pixels[shape[0] // 2 :: 3, shape[1] // 2] = 255
    try:
        outcome = prepare_image(Image.fromarray(pixels)).shape
    except ValueError as error:
        outcome = re.match("shows nothing that differs|is not clear enough", str(error))[0]
    assert outcome in ((28, 28), "shows nothing that differs", "is not clear enough")


def on_paper(image, rng, **conditions):
    """Return a photograph of an image of the data set, dark on paper of the grey value 245."""
    article = numpy.pad(numpy.kron(image, numpy.ones((11, 11))), ((50, 80), (90, 60)))
    grey = 245 * (1 - article / 255) - conditions.get("falloff", 0) * numpy.linspace(0, 1, 458)
    for _ in range(conditions.get("specks", 0)):
        top, left = rng.randint(5, 40), rng.randint(5, 450)  # above the article
        size = conditions["size"]
        grey[top : top + size, left : left + size] = 60
    grey += rng.normal(0, conditions.get("noise", 1e-9), grey.shape)
    return Image.fromarray(grey.round().clip(0, 255).astype("uint8")).convert("RGB")


def cut_out(image, rng, light):
    """Return an image of the data set on transparent ground."""
    image = numpy.pad(numpy.kron(image, numpy.ones((5, 5), "uint8")), 40)
    grey = Image.fromarray(image if light else 255 - image)
    return Image.merge("RGBA", [grey] * 3 + [Image.fromarray((image > 0) * numpy.uint8(255))])


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    place = tmp_path_factory.mktemp("net")
    commands.call(*SAMPLE, "--epochs", 5, "--quiet", "--out", "run", cwd=place)
    return load_run(place / "run").net


@pytest.mark.parametrize(
    ("photograph", "conditions"),
    [
        (on_paper, {"noise": 8}),
        (on_paper, {"specks": 1, "size": 2}),
        (on_paper, {"specks": 3, "size": 8}),
        (on_paper, {"falloff": 60}),
        (on_paper, {"falloff": 30, "noise": 3, "specks": 1, "size": 2}),
        (cut_out, {"light": True}),
        (cut_out, {"light": False}),
    ],
)
def test_a_photograph_is_predicted_as_its_image(net, sample, photograph, conditions):
    rng = numpy.random.RandomState(0)
    images = sample.test[0][:20]
    seen = [prepare_image(photograph(image, rng, **conditions)) for image in images]
    same = [
        predict_image(net, a).label == predict_image(net, b).label for a, b in zip(images, seen)
    ]
    assert sum(same) >= 18


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_prepared_and_predicted(net, sample, tmp_path, kind):
    path = tmp_path / "a.png"
    photograph = on_paper(sample.test[0][0], numpy.random.RandomState(0))
    photograph.save(path)
    expected = predict_image(net, prepare_image(photograph))
    assert predict_image(net, kind(path)).probabilities.tolist() == expected.probabilities.tolist()
    with pytest.raises(ValueError, match=r"b\.png is missing"):
        predict_image(net, kind(tmp_path / "b.png"))


@pytest.mark.parametrize(("label", "other"), [(1, 3), (3, 1)])
def test_the_predicted_class_comes_first(label, other):
    probabilities = numpy.array([0, 0.5, 0, 0.5, 0, 0, 0, 0, 0, 0], "float32")
    words = f"{CLASSES[label]} 0.500, {CLASSES[other]} 0.500"
    assert str(Prediction(label, probabilities)) == words


@pytest.mark.parametrize("grey", [0, 255])
def test_a_silhouette_is_made_light(grey):
    image = Image.new("RGBA", (100, 100), (128, 128, 128, 0))
    image.paste((grey, grey, grey, 255), (40, 20, 60, 80))
    assert numpy.unique(prepare_image(image)).tolist() == [0, 255]


def test_resizing_takes_means(sample):
    image = sample.test[0][0]
    large = numpy.kron(image, numpy.ones((4, 3), "uint8"))
    numpy.testing.assert_array_equal(resize_image(Image.fromarray(large)), image)
