"""Let MXNet compute on every processor; this has to be settled before it is imported.

By default MXNet computes in a thread of its own, one operator after the other, while Python runs
ahead; and because it takes every processor for half of a hyper-threaded core, also where none is,
it computes on half of them. Giving it all of them does not help by itself: each operator then waits
until Python lets go of the processor that it needs. Training is faster where Python and the
operators take turns, as in other frameworks (``benchmarks/`` has the figures), and that is what
MXNet's "naive" engine does.
"""

import ctypes
import math
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Tuple

from d2l_mlp.runtime import cores, environment, libraries, spinning

_SETTINGS = ("MXNET_ENGINE_TYPE", "MXNET_OMP_MAX_THREADS", "OMP_NUM_THREADS")
_openmp: List[ctypes.CDLL] = []  # once its threads are ours to count


def use_all() -> None:
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
    environment.prepare()
    if "mxnet" in sys.modules or settings() or not libraries.is_for_cpus():
        return
    os.environ["MXNET_ENGINE_TYPE"] = "NaiveEngine"
    # Matrix products take all the cores. MXNet's own operators are done before a second thread has
    # woken up; but what it reads for them counts only if OMP_NUM_THREADS is not set. So OpenMP is
    # loaded first, to read that.
    os.environ["MXNET_OMP_MAX_THREADS"] = "1"
    os.environ["OMP_NUM_THREADS"] = str(cores.count())
    try:
        openmp = ctypes.CDLL("libgomp.so.1")
    except OSError as error:
        raise ImportError(libraries.explain(error)) from error
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
    spinning.adapt(openmp, cores.count())


def describe() -> str:
    """Say how many processors this process has, and what was set about their use."""
    if _openmp:
        told = [f"up to {_openmp[0].omp_get_max_threads()} threads"]
    else:
        told = [f"{name}={value}" for name, value in settings().items()]
    return ", ".join([f"{len(os.sched_getaffinity(0))} processors", *told])


def settings() -> Dict[str, str]:
    """Give the environment variables that are set and decide about the processors."""
    return {name: os.environ[name] for name in _SETTINGS if name in os.environ}


def useful_threads(examples: int, weights: Iterable[Tuple[int, ...]]) -> int:
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
def threads_for(examples: int, weights: Iterable[Tuple[int, ...]]) -> Iterator[None]:
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
