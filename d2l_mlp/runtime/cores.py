"""How many cores this process has."""

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def count() -> int:
    """Count the cores of this process.

    Processors that it is bound to, but a core with two counts once: arithmetic gains nothing from
    its second. And no more than the share of time that a container is given: three threads that
    wait for each other on two and a half cores are slower than two.

    Returns
    -------
    int
        At least 1.
    """
    return max(1, math.floor(min(_bound_to(), _share())))


def _bound_to() -> int:
    processors = os.sched_getaffinity(0)
    try:
        siblings = {
            Path(f"/sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list").read_text()
            for n in processors
        }
    except OSError:  # some containers hide them
        return len(processors)
    return len(siblings)


def _share() -> float:
    """Give the smallest share of all control groups around this process, in processors."""
    shares = [math.inf]
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        version_1 = "cpu" in controllers.split(",")
        if version_1 or not controllers:
            root = _CGROUPS / "cpu" if version_1 else _CGROUPS
            names = ["cpu.cfs_quota_us", "cpu.cfs_period_us"] if version_1 else ["cpu.max"]
            # A container may see its own group as the root, under which the path does not exist.
            folder = root / path.lstrip("/")
            for group in (folder, *folder.parents):
                shares.append(_processors(" ".join(_read(group / name) for name in names)))
                if group == root:
                    break
    return min(shares)


def _processors(text: str) -> float:
    """Divide the time by the period; there is no limit if the first is "max", -1 or missing."""
    numbers = text.split()
    if len(numbers) != 2 or not numbers[0].isdigit():
        return math.inf
    return int(numbers[0]) / int(numbers[1])


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
