"""Write files that are whole or not there, and read those that anybody may have put there."""

import errno
import os
import secrets
import shutil
import stat
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Write a new file, and wait until the disk has all of it.

    Parameters
    ----------
    path : Path
        Where nothing may be yet.
    content : bytes
        What it is to hold.

    Raises
    ------
    OSError
        If that fails, or if anything of this name exists, be it a link to nowhere.
    """
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
        if os.fstat(stream.fileno()).st_size != len(content):
            raise OSError(errno.EIO, "the file system has cut it off", str(path))


def replace(path: Path, content: bytes, alone: bool = True) -> None:
    """Write a file, or put a new one in its place, in one step; a link is replaced, not followed.

    Parameters
    ----------
    path : Path
        The file, in a folder that exists.
    content : bytes
        All of it.
    alone : bool, default True
        Whether nobody else writes this file at the same time. Otherwise each writer has a part of
        its own, and one that is killed leaves it behind.

    Raises
    ------
    OSError
        If that fails; a file that was there is then as it was.
    """
    part = path.with_name(f".{path.name}{'' if alone else '.' + secrets.token_hex(4)}.part")
    remove(part)  # of a process that was killed
    try:
        write(part, content)
        part.replace(path)
    finally:
        remove(part)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


def read(path: Path, most: int, follow: bool = False) -> bytes:
    """Read a regular file that is not larger than it may be.

    Parameters
    ----------
    path : Path
        Of the file.
    most : int
        Bytes that it may have; of a larger one nothing is read.
    follow : bool, default False
        Read what a symbolic link at the path's end points to, instead of refusing it.

    Returns
    -------
    bytes
        Its content.

    Raises
    ------
    ValueError
        If it is missing, larger, unreadable or anything but a file; the message, "is missing" for
        instance, goes on after its name.
    """
    # A pipe would keep us waiting if it were not for O_NONBLOCK.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValueError("is not a regular file")
            # Its size comes first: a sparse file is as large as it likes.
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
