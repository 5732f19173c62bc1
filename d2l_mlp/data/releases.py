"""The files of Fashion-MNIST, and how each is verified. This needs no NumPy.

Only the canonical release of 31 August 2017 is accepted. The release before it has duplicates and a
train/test overlap (zalandoresearch/fashion-mnist#44), and Gluon still carries its checksums. Each
file is verified by the SHA-256 of its decompressed content, because distributions recompress the
files. See Xiao, Rasul & Vollgraf, arXiv:1708.07747.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import zlib
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple, cast

from d2l_mlp.files import file_status, read_regular_file

CLASSES = (
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
"""The ten classes, in the order of their labels 0 to 9."""

IMAGE_SHAPE = (28, 28)
"""Rows and columns of an image, in pixels."""


class File(NamedTuple):
    """One IDX file of a release (format: yann.lecun.com/exdb/mnist)."""

    name: str
    num_items: int  # of images or labels
    sha256: str  # of the decompressed content

    @property
    def header(self) -> bytes:
        """Return the IDX header: the magic number and a 32-bit size per dimension, big-endian."""
        if "images" in self.name:
            return struct.pack(">4I", 0x803, self.num_items, 28, 28)
        return struct.pack(">2I", 0x801, self.num_items)

    @property
    def size(self) -> int:
        """Return the number of bytes, decompressed."""
        return len(self.header) + self.num_items * (784 if "images" in self.name else 1)


def _files(training: int, test: int, *sha256: str) -> tuple[File, ...]:
    """Return the four files of a release with so many training and test examples."""
    names = (
        "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
    )  # fmt: skip
    return tuple(map(File, names, (training, training, test, test), sha256))


CANONICAL = _files(
    60_000, 10_000,
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)  # fmt: skip
SAMPLE = _files(
    5_000, 1_000,
    "557438edc1b01d8c75dae2fac9a4b05547de959e3f83a00ec8b4c2d56ff79232",
    "c9dee4c183ce5a43803ad597d899a04e4b362a8e266c094d51e24bc0f5e2c91d",
    "bf9237460e8126c3cd4f9799fd962b8960f6e4b5ec8a1c505f2dc64a40b64f80",
    "7c78e363babafaa607c129b5b07f6b87f5645d6f7bb02d39bdf3d2e241ac8e3b",
)  # fmt: skip
SAMPLE_DIR = cast(Path, files("d2l_mlp.data.sample"))  # or a zipfile.Path, which reads alike

RELEASES = {"fashion-mnist": CANONICAL, "sample": SAMPLE}
"""The four files of each release: training images and labels, test images and labels."""

KNOWN_FOREIGN = {
    **dict.fromkeys(
        (
            "0cf37b0d40ed5169c6b3aba31069a9770ac9043d",
            "236021d52f1e40852b06a4c3008d8de8aef1e40b",
            "626ed6a7c06dd17c0eec72fa3be1740f146a2863",
            "17f9ab60e7257a1620f4ad76bbbaf857c3920701",
        ),
        "of the superseded release of August 2017 (duplicates, train/test overlap), "
        "the one that Gluon used to download",
    ),
    **dict.fromkeys(
        (
            "6c95f4b05d2bf285e1bfb0e7960c31bd3b3f8a7d",
            "2a80914081dc54586dbdf242f9805a6b8d2a15fc",
            "c3a25af1f52dad7f726cce8cacb138654b760d48",
            "763e7fa3757d93b0cdec073cef058b2004252c17",
        ),
        "of MNIST, the handwritten digits, not of Fashion-MNIST",
    ),
}
"""Other files that go by the same names, by their SHA-1 as Gluon lists it."""


class DatasetError(ValueError):
    """The data are missing, damaged or not those asked for; the message says which and why."""


def has_files(folder: Path, release: str) -> bool:
    """Return whether a folder has any file of a release, right or wrong."""
    return any(file_status(path) for file in RELEASES[release] for path in _paths(folder, file))


def read_verified_file(folder: Path, file: File) -> bytes:
    """Return a file's verified content, decompressed; if it exists twice, that of the right one."""
    problems = []
    for path in _paths(folder, file):
        try:
            if folder is SAMPLE_DIR:
                return _verify(path.read_bytes(), file)
            return _verify(read_regular_file(path, file.size + 2**16, follow=True), file)
        except (OSError, ValueError) as error:
            problems.append(f"{path} {error}")
    found = [problem for problem in problems if not problem.endswith("is missing")]
    raise DatasetError(
        f"{(found or problems)[0]}; expected {file.name} with {file.num_items:,} items"
    )


def _paths(folder: Path, file: File) -> list[Path]:
    return [folder / f"{file.name}.gz", folder / file.name]


def _verify(raw: bytes, file: File) -> bytes:
    """Return the content of a file, gzipped or not; raise a ValueError if it is another."""
    content = _gunzip(raw, file.size) if raw[:2] == b"\x1f\x8b" else raw
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise ValueError(_difference(file, raw, content))
    return content


def _gunzip(raw: bytes, most: int) -> bytes:
    """Decompress all members of a gzip file, to at most one byte more than `most`."""
    try:
        with gzip.open(io.BytesIO(raw)) as stream:
            return stream.read(most + 1)
    except EOFError:
        raise ValueError("is a truncated gzip file") from None
    except (OSError, zlib.error) as error:
        raise ValueError(f"is a corrupt gzip file ({error})") from None


def _difference(file: File, raw: bytes, content: bytes) -> str:
    """Return what is wrong with a file whose hash is not the expected one."""
    known = KNOWN_FOREIGN.get(hashlib.sha1(raw).hexdigest())
    if known:
        return f"is {known}"
    if content[: len(file.header)] != file.header:
        return f"starts with {content[:4].hex() or 'nothing'}, which is not {file.name}'s header"
    if len(content) != file.size:
        return f"has {'more' if len(content) > file.size else 'less'} than {file.size:,} bytes"
    return f"has another SHA-256 than {file.sha256[:12]}..., that of the release"
