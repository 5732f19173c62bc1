"""Let MXNet compute on every core; this has to be settled before MXNet is imported.

By default MXNet runs its operators in a thread of its own while Python runs ahead. It takes every
processor for half of a hyper-threaded core, also where none is, and so computes on half of them.
With all of them it is no faster, because each operator then waits until Python leaves the processor
that it needs. MXNet's "naive" engine, in which Python and the operators take turns as in other
frameworks, is faster (``benchmarks/`` has the figures).
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from d2l_mlp.compat.importer import use_first_thread_count
from d2l_mlp.compat.native_libs import explain_load_error, is_for_cpus
from d2l_mlp.hardware.openmp import adapt_wait_policy


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
        return path.read_text("ascii")
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


_ENGINE_VARIABLES = ("MXNET_ENGINE_TYPE", "MXNET_OMP_MAX_THREADS", "OMP_NUM_THREADS")
_openmp: list[ctypes.CDLL] = []  # holds the library once `use_all_processors` has settled it


def use_all_processors() -> None:
    """Import MXNet on its synchronous engine, with matrix products on all cores of this process.

    Does nothing if MXNet has been imported already, if the environment decides
    (``MXNET_ENGINE_TYPE``, ``MXNET_OMP_MAX_THREADS``, ``OMP_NUM_THREADS``), or if the installed
    MXNet is one for GPUs, which its own engine keeps busy.

    Do not fork afterwards, as ``gluon.data.DataLoader`` does for its processes: neither that engine
    nor OpenMP survives a fork.

    Raises
    ------
    ImportError
        If MXNet, or a system library that it needs, is missing.
    """
    use_first_thread_count()
    if "mxnet" in sys.modules or engine_settings() or not is_for_cpus():
        return
    # MXNet reads these variables once. Processes that this one starts decide for themselves.
    os.environ["MXNET_ENGINE_TYPE"] = "NaiveEngine"
    # Matrix products take all the cores. MXNet's own operators are done before a second thread has
    # woken up, so they get one; but MXNet ignores this variable if OMP_NUM_THREADS is set. That is
    # set only while OpenMP loads and reads it.
    os.environ["MXNET_OMP_MAX_THREADS"] = "1"
    os.environ["OMP_NUM_THREADS"] = str(count_cores())
    try:
        try:
            openmp = ctypes.CDLL("libgomp.so.1")
        except OSError as error:
            raise ImportError(explain_load_error(error)) from error
        finally:
            del os.environ["OMP_NUM_THREADS"]
        _start_engine()
    finally:
        for name in engine_settings():
            del os.environ[name]
    _openmp.append(openmp)
    adapt_wait_policy(openmp, count_cores())


def _start_engine() -> None:
    from mxnet import npx

    # The engine starts at its first use and announces itself on file descriptor 2.
    stderr = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        npx.waitall()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def describe_processors() -> str:
    """Format the number of this process's processors and what decides about their threads."""
    if _openmp:
        details = [f"up to {_openmp[0].omp_get_max_threads()} threads"]
    else:
        details = [f"{name}={value}" for name, value in engine_settings().items()]
    return ", ".join([f"{len(os.sched_getaffinity(0))} processors", *details])


def engine_settings() -> dict[str, str]:
    """Return the environment variables that are set and decide about engine and threads."""
    return {name: os.environ[name] for name in _ENGINE_VARIABLES if name in os.environ}


def useful_threads(examples: int, weights: Iterable[tuple[int, ...]]) -> int:
    """Return how many threads are worth waking for the matrix products of a minibatch.

    A second thread earns its waking by 12 million operations of the largest product: measured on
    two cores, for 16 to 4,096 examples and 16 to 4,096 units. Each further thread earns it by 12
    million more, if the minibatch has 64 examples and the layer 32 units for each thread; with
    fewer, the weights would move from one core's cache to the other's for little work. Each 200
    million operations earn a thread in any case.

    Parameters
    ----------
    examples : int
        Of a minibatch.
    weights : iterable of tuple of int
        Shapes of a net's weights; (units, inputs) of a fully connected layer.

    Returns
    -------
    int
        At least 1; there may be fewer cores.
    """
    threads = 1
    for units, *inputs in weights:
        operations = 2 * examples * units * math.prod(inputs)
        earned = min(1 + operations // 12_000_000, max(2, examples // 64), max(2, units // 32))
        threads = max(threads, earned, operations // 200_000_000)
    return threads


@contextmanager
def threads_for(examples: int, weights: Iterable[tuple[int, ...]]) -> Iterator[None]:
    """Compute, within the ``with`` block, with the `useful_threads` alone.

    Does nothing if `examples` is 0, for unknown, or `use_all_processors` has not settled OpenMP.
    """
    if not (_openmp and examples):
        yield
        return
    (openmp,) = _openmp
    before = openmp.omp_get_max_threads()
    openmp.omp_set_num_threads(min(before, useful_threads(examples, weights)))
    try:
        yield
    finally:
        openmp.omp_set_num_threads(before)
