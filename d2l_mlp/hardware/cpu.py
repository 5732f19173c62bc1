"""Count the cores that this process may use, also in a container, and check its threads."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path


def control_groups(controller: str, root: Path = Path("/")) -> Iterator[tuple[Path, int]]:
    """Yield the folder and version (1 or 2) of each control group of this process, innermost first.

    Containers get their share of a resource by them. A container may see its own group as the top:
    then the folders further in do not exist.
    """
    for line in read_system_file(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        version_1 = controller in controllers.split(",")
        if version_1 or not controllers:
            top = root / "sys/fs/cgroup" / (controller if version_1 else "")
            folder = top / path.lstrip("/")
            for group in (folder, *folder.parents):
                yield group, 1 if version_1 else 2
                if group == top:
                    break


def read_system_file(path: Path) -> str:
    """Return the text of a file of the system's, or "" if it cannot be read."""
    try:
        return os.fsdecode(path.read_bytes())
    except OSError:
        return ""


# The files with the quota and its period, by the version of control groups.
_QUOTA_FILES = {1: ("cpu.cfs_quota_us", "cpu.cfs_period_us"), 2: ("cpu.max",)}


def count_cores() -> int:
    """Return the number of cores of this process, at least 1.

    A core with two hardware threads counts once: arithmetic gains nothing from the second. A
    container's share of time is rounded down: three threads that wait for each other on two and a
    half cores are slower than two.
    """
    return max(1, math.floor(min(_allowed_cores(), _cpu_share())))


def _allowed_cores() -> int:
    processors = os.sched_getaffinity(0)
    try:
        siblings = {
            Path(f"/sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list").read_text()
            for n in processors
        }
    except OSError:  # some containers hide them
        return len(processors)
    return len(siblings)


def _cpu_share() -> float:
    """Return the smallest CPU quota of all control groups around this process, in processors."""
    share = math.inf
    for group, version in control_groups("cpu"):
        files = [read_system_file(group / name) for name in _QUOTA_FILES[version]]
        quota, *period = " ".join(files).split() or ["max"]
        if quota.isdigit() and period:  # no limit: "max" or -1
            share = min(share, int(quota) / int(period[0]))
    return share


def check_threads() -> None:
    """Raise an OSError if the system lets this process start too few threads for a command.

    OpenBLAS would send it a SIGINT, and OpenMP end it without a message.
    """
    alone = os.environ.get("OMP_NUM_THREADS") == "1"
    each = 1 if alone else min(len(os.sched_getaffinity(0)), 64)
    over, started = threading.Event(), []
    try:
        for _ in range(5 + 3 * each):  # of NumPy's OpenBLAS, MXNet's, OpenMP, and some others
            thread = threading.Thread(target=over.wait)
            thread.start()
            started.append(thread)
    except RuntimeError:
        raise OSError(
            f"the system lets this process start {len(started)} threads, of the {5 + 3 * each} "
            "that it needs; raise the limit (ulimit -u), or set OMP_NUM_THREADS=1"
        ) from None
    finally:
        over.set()
        for thread in started:
            thread.join()
