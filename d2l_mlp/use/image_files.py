"""Read image files that anybody may have made, or say in half a line why not."""

import io
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from d2l_mlp.runtime import files

MOST_PIXELS = 50_000_000
"""Of an image; a small file may hold many more, and would fill the memory."""

_MOST_BYTES = 4 * MOST_PIXELS

# With 8 bits a channel. Of 16 bits nobody says which the image uses, and inks are no light.
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")


def read(path: Path) -> Image.Image:
    """Read an image.

    Parameters
    ----------
    path : Path
        Of a file in any format that Pillow reads, but for Encapsulated PostScript, which is a
        program; links are followed.

    Returns
    -------
    PIL.Image.Image
        RGB, upright by what its camera noted, on white where it is transparent.

    Raises
    ------
    ValueError
        If it is missing, broken, animated, too large, no image, or not of 8 bits a channel in grey
        or RGB; the message, "is animated" for instance, goes on after the file's name.
    """
    raw = files.read(path, _MOST_BYTES, follow=True)
    Image.init()
    formats = [name for name in Image.ID if name != "EPS"]
    too_large = f"has more than {MOST_PIXELS:,} pixels; make it smaller"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as of metadata that are broken
        try:
            with Image.open(io.BytesIO(raw), formats=formats) as image:
                problem = _problem(image)
                if image.width * image.height > MOST_PIXELS:
                    problem = too_large
                if not problem:
                    rgba = ImageOps.exif_transpose(image).convert("RGBA")
        except UnidentifiedImageError:
            problem = "is no image that Pillow reads"
        except Image.DecompressionBombError:
            problem = too_large
        except Exception as error:  # a damaged file makes each format's reader fail in its own way
            problem = f"is a broken image ({error})"
    if problem:
        raise ValueError(problem)
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def _problem(image: Image.Image) -> str:
    """Say what an image is that cannot be used, or nothing."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # a camera's, whose other pictures are previews
        return f"is animated, or has pages ({frames}); save one of them as a file of its own"
    if image.mode not in _MODES:
        return f"has the mode {image.mode}; save it as RGB or grey with 8 bits a channel"
    return ""
