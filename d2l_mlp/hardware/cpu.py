"""Let MXNet compute on every processor; this has to be settled before it is imported.

By default MXNet computes in a thread of its own, one operator after the other, while Python runs
ahead; and because it takes every processor for half of a hyper-threaded core, also where none is,
it computes on half of them. Giving it all of them does not help by itself: each operator then waits
until Python lets go of the processor that it needs. Training is faster where Python and the
operators take turns, as in other frameworks (``benchmarks/`` has the figures), and that is what
MXNet's "naive" engine does.
"""

# DOC(runtime.cgroups): The control groups around this process, by which a container is given its share.

# DOC(runtime.cores): How many cores this process has.

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from d2l_mlp.compat.environment import prepare_environment
from d2l_mlp.compat.native_libs import explain_load_error, is_for_cpus
from d2l_mlp.hardware.openmp import adapt_wait_policy


def control_groups(controller: str, root: Path = Path("/")) -> Iterator[tuple[Path, int]]:
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
    """Give what the system tells in a file, or nothing if it does not."""
    try:
        return path.read_text("ascii")
    except OSError:
        return ""


# By the version of control groups: where the time and its period are.
_FILES = {1: ("cpu.cfs_quota_us", "cpu.cfs_period_us"), 2: ("cpu.max",)}


def count_cores() -> int:
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
            _processors(" ".join(read_system_file(group / name) for name in _FILES[version]))
            for group, version in control_groups("cpu")
        ),
        default=math.inf,
    )


def _processors(text: str) -> float:
    """Divide the time by the period; there is no limit if the first is "max", -1 or missing."""
    numbers = text.split()
    if len(numbers) != 2 or not numbers[0].isdigit():
        return math.inf
    return int(numbers[0]) / int(numbers[1])


_SETTINGS = ("MXNET_ENGINE_TYPE", "MXNET_OMP_MAX_THREADS", "OMP_NUM_THREADS")
_openmp: list[ctypes.CDLL] = []  # once its threads are ours to count


def use_all_processors() -> None:
    """Import MXNet so that every operator uses all of this process's cores, one after the other.

    Does nothing if MXNet has been imported already, if one of the environment variables that
    decide this is set (``MXNET_ENGINE_TYPE``, ``MXNET_OMP_MAX_THREADS``, ``OMP_NUM_THREADS``), or
    if the MXNet installed here is one for GPUs, which its own engine keeps busy.

    Processes must not be forked afterwards: neither that engine nor OpenMP outlives it. Hence not
    for ``gluon.data.DataLoader`` with worker processes.

    Raises
    ------
    EnvironmentVariableError
        If an environment variable is none that MXNet can read.
    ImportError
        If MXNet, or a system library that it needs, is missing.
    """
    prepare_environment()
    if "mxnet" in sys.modules or engine_settings() or not is_for_cpus():
        return
    os.environ["MXNET_ENGINE_TYPE"] = "NaiveEngine"
    # Matrix products take all the cores. MXNet's own operators are done before a second thread has
    # woken up; but what it reads for them counts only if OMP_NUM_THREADS is not set. So OpenMP is
    # loaded first, to read that.
    os.environ["MXNET_OMP_MAX_THREADS"] = "1"
    os.environ["OMP_NUM_THREADS"] = str(count_cores())
    try:
        openmp = ctypes.CDLL("libgomp.so.1")
    except OSError as error:
        raise ImportError(explain_load_error(error)) from error
    del os.environ["OMP_NUM_THREADS"]
    from mxnet import npx

    # The engine starts at its first use, and says so, past Python, on the file descriptor.
    stderr = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        npx.waitall()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
    _openmp.append(openmp)
    adapt_wait_policy(openmp, count_cores())


def describe_processors() -> str:
    """Say how many processors this process has, and what was set about their use."""
    if _openmp:
        told = [f"up to {_openmp[0].omp_get_max_threads()} threads"]
    else:
        told = [f"{name}={value}" for name, value in engine_settings().items()]
    return ", ".join([f"{len(os.sched_getaffinity(0))} processors", *told])


def engine_settings() -> dict[str, str]:
    """Give the environment variables that are set and decide about the processors."""
    return {name: os.environ[name] for name in _SETTINGS if name in os.environ}


def useful_threads(examples: int, weights: Iterable[tuple[int, ...]]) -> int:
    """Give the threads that are worth waking for the matrix products of a minibatch.

    A second thread earns its waking by 12 million operations of the largest product: measured on
    two cores, for 16 to 4,096 examples and 16 to 4,096 units. Each one more earns it by 12 million
    more, if the minibatch has 64 examples for each and the layer 32 units; with fewer, the weights
    would go from one core's cache to the other's for little work. Each 200 million operations earn
    a thread in any case.

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
    """Let this thread compute, within the ``with`` block, in as many threads as the work is worth.

    Does nothing unless `use_all` has settled the processors.

    Parameters
    ----------
    examples : int
        Of a minibatch; 0, if that is not known, leaves the threads as they are.
    weights : iterable of tuple of int
        Shapes of a net's weights.
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
