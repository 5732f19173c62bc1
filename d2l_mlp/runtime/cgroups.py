"""The control groups around this process, by which a container is given its share."""

from pathlib import Path
from typing import Iterator, Tuple


def around(controller: str, root: Path = Path("/")) -> Iterator[Tuple[Path, int]]:
    """Give the control groups that this process is in, from its own up to the top.

    Parameters
    ----------
    controller : str
        What they share out, such as ``"memory"``.
    root : Path, default /
        Where ``proc`` and ``sys`` are.

    Yields
    ------
    folder : Path
        Of the group. A container may see its own as the top, and then the first are not there.
    version : {1, 2}
        Which decides how its files are called.
    """
    for line in read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        version_1 = controller in controllers.split(",")
        if version_1 or not controllers:
            top = root / "sys/fs/cgroup" / (controller if version_1 else "")
            folder = top / path.lstrip("/")
            for group in (folder, *folder.parents):
                yield group, 1 if version_1 else 2
                if group == top:
                    break


def read(path: Path) -> str:
    """Give what the system tells in a file, or nothing if it does not."""
    try:
        return path.read_text("ascii")
    except OSError:
        return ""
