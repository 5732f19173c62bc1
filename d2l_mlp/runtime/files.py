"""Read files that anybody may have put there."""

import errno
import os
import stat
from pathlib import Path
from typing import Optional


def status(path: Path, follow: bool = False) -> Optional[os.stat_result]:
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


def is_folder(path: Path, follow: bool = False) -> bool:
    """Tell whether there is a folder; parameters and errors are those of `status`.

    Returns
    -------
    bool
        False also for a symbolic link, unless it is followed.
    """
    found = status(path, follow)
    return found is not None and stat.S_ISDIR(found.st_mode)


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
