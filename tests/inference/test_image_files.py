"""Files of every kind, good and bad."""

import os
import struct
import zlib
from random import Random

import numpy
import pytest
from PIL import Image

from d2l_mlp.inference.prediction import read_image
from tests.damage import damage

GREY = numpy.random.RandomState(0).randint(256, size=(20, 30), dtype="uint8")
RGB = numpy.stack([GREY, GREY.T.reshape(20, 30), 255 - GREY], axis=2)


def png(width, height, data=b""):
    """Write out a PNG file: 8 bits, grey."""

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
def test_what_is_transparent_is_on_white(tmp_path, mode, pixel, expected):
    Image.new(mode, (3, 3), pixel).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").getpixel((1, 1)) == expected


def test_a_camera_s_orientation_is_heeded(tmp_path):
    image = Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    image.save(tmp_path / "a.png", exif=exif)
    turned = numpy.asarray(read_image(tmp_path / "a.png"))
    numpy.testing.assert_array_equal(turned, numpy.rot90(RGB, -1))


def _animated(path):
    frames = [Image.new("L", (9, 9), value) for value in (0, 100, 200)]
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "is missing"),
        (lambda path: path.mkdir(), "is not a regular file"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.write_bytes(b""), "is no image that Pillow reads"),
        (lambda path: path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
         "is no image that Pillow reads"),
        (lambda path: path.write_bytes(png(20, 30, GREY.tobytes())[:-99]), r"is a broken image \("),
        (lambda path: path.write_bytes(png(20_000, 3_000)), "has more than 50,000,000 pixels"),
        (lambda path: path.write_bytes(png(2**30, 2**30)), "has more than 50,000,000 pixels"),
        (_animated, r"is animated, or has pages \(3\); save one"),
        (lambda path: Image.new("CMYK", (9, 9)).save(path, "JPEG"), "has the mode CMYK; save it"),
        (lambda path: Image.fromarray(GREY.astype("uint16")).save(path, "PNG"),
         "has the mode I(;16)?; save it as RGB or grey with 8 bits"),
        (lambda path: Image.fromarray(GREY.astype("float32")).save(path, "TIFF"),
         "has the mode F; save it"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said(tmp_path, make, says):
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
        assert outcome in ("RGB", "refused")
