"""Read the files of Fashion-MNIST without trusting them; this takes no NumPy."""

import gzip
import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import List

from d2l_mlp.data.canonical import KNOWN_FOREIGN, RELEASES, File
from d2l_mlp.runtime import files


class DatasetError(ValueError):
    """The data are missing, damaged or not those asked for; the message says which and why."""


def has_files(folder: Path, release: str) -> bool:
    """Tell if a folder has a file of a release, right or wrong; a DatasetError if it hides them."""
    paths = (path for file in RELEASES[release] for path in _paths(folder, file))
    try:
        return any(files.status(path) for path in paths)
    except ValueError as error:
        raise DatasetError(*error.args) from None


def read_file(folder: Path, file: File) -> bytes:
    """Read and verify one file, be it compressed or not.

    Parameters
    ----------
    folder : Path
        Where it is as ``NAME.gz`` or as ``NAME``; of both, the first that is right is taken.
    file : File
        What it has to be.

    Returns
    -------
    bytes
        Its decompressed content.

    Raises
    ------
    DatasetError
        If it is missing, unreadable or of any other content; the message names it.
    """
    problems = []
    for path in _paths(folder, file):
        try:
            return verify(files.read(path, largest(file), follow=True), file)
        except ValueError as error:
            problems.append(f"{path} {error}")
    found = [problem for problem in problems if not problem.endswith("is missing")]
    raise DatasetError(
        f"{(found or problems)[0]}; expected {file.name} with {file.num_items:,} items"
    )


def _paths(folder: Path, file: File) -> List[Path]:
    return [folder / f"{file.name}.gz", folder / file.name]


def largest(file: File) -> int:
    """Give the bytes that a file may have, however compressed: deflate never makes much more."""
    return file.size + 2**16


def verify(raw: bytes, file: File) -> bytes:
    """Verify what was read of a file, compressed or not.

    Parameters
    ----------
    raw : bytes
        As on the disk.
    file : File
        What it has to be.

    Returns
    -------
    bytes
        Its decompressed content.

    Raises
    ------
    ValueError
        If it is of any other content; the message, "is a truncated gzip file" for instance, goes
        on after the file's name.
    """
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
    """Say what is wrong with a file whose hash is not the expected one."""
    known = KNOWN_FOREIGN.get(hashlib.sha1(raw).hexdigest())
    if known:
        return f"is {known}"
    if content[:4] != file.header[:4]:
        found = f"the magic number {content[:4].hex()}" if content else "nothing"
        return f"starts with {found}, not with {file.header[:4].hex()}"
    if len(content) > len(file.header) and content[: len(file.header)] != file.header:
        sizes = struct.unpack(f">{len(file.header) // 4 - 1}I", content[4 : len(file.header)])
        return f"announces {' x '.join(map(str, sizes))} values in its header"
    if len(content) != file.size:
        more = "more than " if len(content) > file.size else ""
        return f"holds {more}{min(len(content), file.size):,} bytes, not {file.size:,}"
    return f"has another SHA-256 than {file.sha256[:12]}..., that of the release"
