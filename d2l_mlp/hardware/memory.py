"""Refuse a net that takes more memory than there is, before anything is allocated."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from d2l_mlp.hardware.cpu import control_groups, read_system_file

MOST_ELEMENTS = 2**31 - 2
"""Of an MXNet array, which counts them in 32 bits."""

# By the version of control groups: the files with the limit and the usage, and how many bytes of
# the usage are cached files, which give way to what a process needs.
_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    2: ("memory.max", "memory.current"),
}
_CACHED = {1: r"^total_inactive_file (\d+)$", 2: r"^inactive_file (\d+)$"}


def available_memory(root: Path = Path("/")) -> float:
    """Return how many bytes the system and the control groups leave, or infinity if unknown."""
    return min(_limits(root), default=math.inf)


def _limits(root: Path) -> Iterator[float]:
    for line in read_system_file(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024
    for group, version in control_groups("memory", root):
        limit, used = (read_system_file(group / name).strip() for name in _FILES[version])
        if limit.isdigit() and used.isdigit():
            stat = read_system_file(group / "memory.stat")
            cached = re.search(_CACHED[version], stat, re.MULTILINE)
            yield max(int(limit) - int(used) + int(cached[1] if cached else 0), 0)


def check_array_memory(shapes: dict[str, tuple[int, ...]], copies: int, available: float) -> None:
    """Raise a ValueError if float32 arrays of these shapes, each several times, do not fit."""
    needed = 4 * copies * sum(map(math.prod, shapes.values()))
    memory = (
        f"it takes at least {needed // 2**20:,} MiB of memory, of which "
        f"{available / 2**20:,.0f} MiB are available; make it smaller"
    )
    for name, shape in shapes.items():
        if math.prod(shape) > MOST_ELEMENTS:
            raise ValueError(
                f"the net is too large: {name} of shape {shape} has {math.prod(shape):,} elements, "
                f"and an array of MXNet has {MOST_ELEMENTS:,} at most; {memory}"
            )
    if needed > available:
        raise ValueError(f"the net is too large: {memory}")
