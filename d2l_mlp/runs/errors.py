"""Why the folder of a run cannot be used. Nothing here imports MXNet."""

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator


class RunError(OSError):
    """The folder cannot be used or written; the message names it and says why."""


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what a folder cannot be written for into a `RunError`."""
    try:
        yield
    except RunError:
        raise
    except OSError as error:
        raise RunError(
            f"{folder} cannot be written ({error.strerror or error}); "
            "mend that, or name another folder with --out"
        ) from error
