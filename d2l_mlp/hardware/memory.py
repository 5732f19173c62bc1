"""What memory there is, and refusing what would take more, before anything is allocated."""

from __future__ import annotations

import math
import re
import resource
from collections.abc import Iterator
from pathlib import Path

from d2l_mlp.hardware.cpu import control_groups, read_system_file

MOST_ELEMENTS = 2**31 - 2
"""Of an array of MXNet, which counts them in 32 bits."""

# By the version of control groups: the files with the limit and with what is used, and how many
# bytes of that are copies of files that nobody has read for a while.
_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    2: ("memory.max", "memory.current"),
}
_COPIES = {1: r"^total_inactive_file (\d+)$", 2: r"^inactive_file (\d+)$"}


def available_memory(root: Path = Path("/")) -> float:
    """Tell how many bytes this process can still get.

    Parameters
    ----------
    root : Path, default /
        Where ``proc`` and ``sys`` are.

    Returns
    -------
    float
        The least of what the system has free, what the control groups leave (as containers limit
        it), and the limit of the address space (``ulimit -v``); infinity if nothing tells.
    """
    return min(_limits(root), default=math.inf)


def _limits(root: Path) -> Iterator[float]:
    for line in read_system_file(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024
    for group, version in control_groups("memory", root):
        limit, used = (read_system_file(group / name).strip() for name in _FILES[version])
        if limit.isdigit() and used.isdigit():
            # What is used includes copies of files, which give way to what a process needs.
            files = re.search(
                _COPIES[version], read_system_file(group / "memory.stat"), re.MULTILINE
            )
            yield max(int(limit) - int(used) + int(files[1] if files else 0), 0)
    space = resource.getrlimit(resource.RLIMIT_AS)[0]
    pages = read_system_file(root / "proc/self/statm").split()
    if space != resource.RLIM_INFINITY and pages:
        yield max(space - int(pages[0]) * resource.getpagesize(), 0)


def check_array_memory(shapes: dict[str, tuple[int, ...]], copies: int, there_is: float) -> None:
    """Refuse float32 arrays that cannot be had.

    Parameters
    ----------
    shapes : dict of tuple
        By what the arrays are called.
    copies : int
        How many arrays of each shape there are to be.
    there_is : float
        Bytes of memory, see `available`.

    Raises
    ------
    ValueError
        If one has more elements than MXNet can count, or all take more memory than there is.
    """
    needed = 4 * copies * sum(map(math.prod, shapes.values()))
    memory = (
        f"it takes at least {needed // 2**20:,} MiB of memory, of which "
        f"{there_is / 2**20:,.0f} MiB are available; make it smaller"
    )
    for name, shape in shapes.items():
        if math.prod(shape) > MOST_ELEMENTS:
            raise ValueError(
                f"the net is too large: {name} of shape {shape} has {math.prod(shape):,} elements, "
                f"and an array of MXNet has {MOST_ELEMENTS:,} at most; {memory}"
            )
    if needed > there_is:
        raise ValueError(f"the net is too large: {memory}")
