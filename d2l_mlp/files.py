"""Write files that are whole or not there, into a folder that is held open."""

# DOC(runtime.files): Read files that anybody may have put there.

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import time
from pathlib import Path
from typing import Any


def file_status(path: Path, follow: bool = False) -> os.stat_result | None:
    """Look at what there is at a path.

    Parameters
    ----------
    path : Path
        To look at.
    follow : bool, default False
        Look at what a symbolic link at the path's end points to, instead of at the link.

    Returns
    -------
    os.stat_result or None
        None if there is nothing.

    Raises
    ------
    ValueError
        If that cannot be found out, as where a folder around it may not be searched.
    """
    try:
        return path.stat() if follow else path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from None


def is_directory(path: Path, follow: bool = False) -> bool:
    """Tell whether there is a folder; parameters and errors are those of `status`.

    Returns
    -------
    bool
        False also for a symbolic link, unless it is followed.
    """
    found = file_status(path, follow)
    return found is not None and stat.S_ISDIR(found.st_mode)


def read_regular_file(path: Path, most: int, follow: bool = False) -> bytes:
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


_HOUR = 3600  # seconds; no file takes that long to be written


class Folder:
    """A folder as it was when it was opened: what is written goes there, wherever it has moved to.

    All names are of what is directly in it, and no link is followed. Within a ``with`` block, or
    until `close`. Every method raises an OSError if it fails.

    Parameters
    ----------
    path : str or Path
        Where it is.
    parent : Folder, optional
        The folder that `path` is a name in. It is opened there, and may then be no link.

    Attributes
    ----------
    path : Path
        Where it was.
    """

    path: Path
    _fd: int

    def __init__(self, path: str | Path, parent: Folder | None = None):
        self._parent = parent
        self._name = os.fspath(path)
        self.path = parent.path / path if parent else Path(path)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (os.O_NOFOLLOW if parent else 0)
        self._fd = os.open(path, flags, dir_fd=parent._fd if parent else None)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Give back the descriptor."""
        os.close(self._fd)

    def is_in_place(self) -> bool:
        """Tell whether its path still leads to it; not if it was moved, deleted or replaced."""
        if self._parent:
            return self._parent.holds(self._name, self._fd)
        try:
            return os.path.samestat(Path(self._name).stat(), os.fstat(self._fd))
        except OSError:
            return False

    def holds(self, name: str, descriptor: int) -> bool:
        """Tell whether a name in it is that of an open file."""
        try:
            return os.path.samestat(self._stat(name), os.fstat(descriptor))
        except OSError:
            return False

    def names(self) -> list[str]:
        """List what is in it."""
        with os.scandir(self._fd) as entries:
            return [entry.name for entry in entries]

    def make(self, name: str) -> Folder:
        """Make a folder, which must not exist, and open it."""
        os.mkdir(name, dir_fd=self._fd)
        return Folder(name, self)

    def open(self, name: str, flags: int) -> int:
        """Open a file, and give its descriptor, which no program that is started inherits."""
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, 0o666, dir_fd=self._fd)

    def write(self, name: str, content: bytes) -> None:
        """Write a new file, and wait until the disk has all of it.

        Parameters
        ----------
        name : str
            Of which there is nothing yet.
        content : bytes
            What it is to hold.

        Raises
        ------
        OSError
            If that fails, or if anything of this name exists, be it a link to nowhere.
        """
        with os.fdopen(self.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            if os.fstat(stream.fileno()).st_size != len(content):
                raise OSError(errno.EIO, "the file system has cut it off", str(self.path / name))

    def replace(self, name: str, content: bytes, alone: bool = True) -> None:
        """Write a file, or put a new one in its place, in one step.

        If that fails, a file that was there is as it was.

        Parameters
        ----------
        name : str
            Of the file; a link is replaced, not followed.
        content : bytes
            All of it.
        alone : bool, default True
            Whether nobody else writes this file at the same time. Otherwise each writer has a part
            of its own.
        """
        token = "" if alone else "." + secrets.token_hex(4)
        part = f".{name}{token}.part"
        self._remove_parts(name, alone)
        try:
            self.write(part, content)
            self.rename(part, name)
        finally:
            self.remove(part)
        self.sync()

    def _remove_parts(self, name: str, alone: bool) -> None:
        """Remove what writers of a file have left that were killed, as they are by now."""
        part = re.compile(rf"\.{re.escape(name)}(\.[0-9a-f]{{8}})?\.part")
        for found in filter(part.fullmatch, self.names()):
            with contextlib.suppress(FileNotFoundError):  # its writer was faster
                if alone or time.time() - self._stat(found).st_mtime > _HOUR:
                    self.remove(found)

    def _stat(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self._fd, follow_symlinks=False)

    def rename(self, old: str, new: str) -> None:
        """Give a file or a folder another name; a file of that name is replaced."""
        os.rename(old, new, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def remove(self, name: str) -> None:
        """Remove a file, a link or a folder, if it is there; a folder that is not empty stays."""
        try:
            is_folder = stat.S_ISDIR(self._stat(name).st_mode)
            (os.rmdir if is_folder else os.unlink)(name, dir_fd=self._fd)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
                raise

    def sync(self) -> None:
        """Wait until the disk has the names in it."""
        os.fsync(self._fd)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file in one step, as `Folder.replace` does; others may write it at the same time."""
    with Folder(path.parent) as folder:
        folder.replace(path.name, content, alone=False)
