"""How many cores this process has."""

import math
import os
from pathlib import Path

from d2l_mlp.runtime import cgroups

# By the version of control groups: where the time and its period are.
_FILES = {1: ("cpu.cfs_quota_us", "cpu.cfs_period_us"), 2: ("cpu.max",)}


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
    return min(
        (
            _processors(" ".join(cgroups.read(group / name) for name in _FILES[version]))
            for group, version in cgroups.around("cpu")
        ),
        default=math.inf,
    )


def _processors(text: str) -> float:
    """Divide the time by the period; there is no limit if the first is "max", -1 or missing."""
    numbers = text.split()
    if len(numbers) != 2 or not numbers[0].isdigit():
        return math.inf
    return int(numbers[0]) / int(numbers[1])
