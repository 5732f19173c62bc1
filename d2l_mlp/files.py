"""Files that anybody may have put there and named, and files written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import secrets
import stat
import time
from collections.abc import Callable
from pathlib import Path


def printable(text: str) -> str:
    """Escape what has no place in a line: control characters, bytes of a name that is no UTF-8."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def expanded(path: str | Path) -> Path:
    """Replace a leading ``~`` by the home; a ValueError if there is none."""
    full = Path(os.path.expanduser(path))  # noqa: PTH111 (a file may be called ~name)
    if full.parts[:1] == ("~",):
        raise ValueError(f"{path} is nowhere: there is no such home (HOME is not set)")
    return full


def file_status(path: Path) -> os.stat_result | None:
    """Return what ``lstat`` does, or None if nothing is there; a ValueError if it is hidden."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from None


def read_regular_file(path: Path, most: int, follow: bool = False) -> bytes:
    """Return the content of a file of at most `most` bytes.

    Raise a ValueError if it is missing, larger, unreadable, no regular file, or a symbolic link
    (unless `follow`). The message, such as "is missing", continues a sentence after the file's
    name.
    """
    # O_NONBLOCK, because opening a pipe would wait for its writer
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValueError("is not a regular file")
            # A sparse file may have any size, so nothing is read of a larger one.
            content = b"" if status.st_size > most else stream.read(status.st_size + 1)
    except FileNotFoundError:
        raise ValueError("is missing") from None
    except IsADirectoryError:
        raise ValueError("is not a regular file") from None
    except OSError as error:
        reason = "is a symbolic link" if error.errno == errno.ELOOP else "cannot be read"
        raise ValueError(f"{reason} ({error.strerror})") from None
    if max(status.st_size, len(content)) > most:
        raise ValueError(f"has more than {most:,} bytes")
    return content


def new_part(path: Path) -> Path:
    """Return a name beside a path, for what takes the path's name when it is whole."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def parts(folder: Path, name: str = "*") -> list[Path]:
    """List a folder's parts, of files whose names match a pattern."""
    return list(folder.glob(f".{name}.{'[0-9a-f]' * 8}.part"))


def write_atomically(
    path: Path, content: bytes, confirm: Callable[[], None] = lambda: None
) -> None:
    """Write a file; if that fails or the process is killed, the old one stays as it was.

    `confirm` is called before the new one takes the name; an exception of it is a failure.

    Several processes may write it at once. A killed one leaves a part, which is removed an hour
    later, when the file is written again. A symbolic link is replaced, not followed.
    """
    for left in parts(path.parent, glob.escape(path.name)):
        with contextlib.suppress(FileNotFoundError):  # another process removed it
            if time.time() - left.lstat().st_mtime > 3600:
                left.unlink()
    part = new_part(path)
    try:
        with part.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        confirm()
        part.replace(path)
    except OSError as error:
        if error.errno is None:  # of `confirm`
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # not the part's name
    finally:
        with contextlib.suppress(OSError):  # its name may be too long, as the error above says
            part.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # or the name might be lost with the power
    finally:
        os.close(folder)
