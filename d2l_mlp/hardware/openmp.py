"""Let OpenMP's threads compute MXNet's matrix products: how many, and how they wait.

A minibatch has some ten matrix products, and between them OpenMP's threads wait for a fraction of a
millisecond. By default they wait actively, for up to 3 ms: the fastest way on a quiet machine.
Beside another process, though, the system gives each its turn of some milliseconds, and an active
thread has spent its turn on waiting when the work comes. An epoch then takes four times as long;
about twice, if the threads sleep at once (a passive wait policy).

GNU's OpenMP waits passively as soon as it has more threads than there are processors. So here it
gets additional threads, which do nothing, for as long as other processes want to run.
"""

from __future__ import annotations

import ctypes
import math
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_openmp: list[ctypes.CDLL] = []  # holds the library once `load_openmp` has loaded it


def load_openmp(threads: int) -> None:
    """Load GNU's OpenMP for this thread to compute with `threads`; adapt its wait policy.

    Python's other threads and forked children compute with one. MXNet's OpenBLAS hangs if two
    threads compute with more at the same time, and no thread of OpenMP's survives a fork.
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # of each thread; OpenMP reads it once, when it is loaded
    try:
        openmp = ctypes.CDLL("libgomp.so.1")
    finally:
        del os.environ["OMP_NUM_THREADS"]
    openmp.omp_set_num_threads(threads)
    _openmp.append(openmp)
    os.register_at_fork(after_in_child=lambda: openmp.omp_set_num_threads(1))
    if threads > 1 and not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        threading.Thread(target=_watch, args=(openmp, threads), daemon=True).start()


def max_threads() -> int | None:
    """Return how many threads compute for this one; None if `load_openmp` has not settled it."""
    return _openmp[0].omp_get_max_threads() if _openmp else None


def useful_threads(examples: int, weights: Iterable[tuple[int, ...]]) -> int:
    """Return how many threads are worth waking for the matrix products of a minibatch.

    `weights` are the shapes of a net's weights: (units, inputs) of a fully connected layer.

    A second thread earns its waking by 12 million operations of the largest product: measured on
    two cores, for 16 to 4,096 examples and 16 to 4,096 units. Each further thread earns it by 12
    million more, if the minibatch has 64 examples and the layer 32 units for each thread; with
    fewer, the weights would move from one core's cache to the other's for little work. Each 200
    million operations earn a thread in any case.
    """
    threads = 1
    for units, *inputs in weights:
        operations = 2 * examples * units * math.prod(inputs)
        earned = min(1 + operations // 12_000_000, max(2, examples // 64), max(2, units // 32))
        threads = max(threads, earned, operations // 200_000_000)
    return threads


@contextmanager
def at_most_threads(threads: int) -> Iterator[None]:
    """Compute with at most so many threads, if `load_openmp` has settled OpenMP."""
    before = max_threads()
    if not before:
        yield
        return
    _openmp[0].omp_set_num_threads(min(before, threads))
    try:
        yield
    finally:
        _openmp[0].omp_set_num_threads(before)


_INTERVAL = 0.02  # seconds from one look at the load to the next
_LOOKS = 3  # that have to agree before the policy changes
_LOAD = Path("/proc/loadavg")  # its fourth word is "running/all", threads of the whole machine


def _watch(openmp: ctypes.CDLL, threads: int) -> None:
    """Switch the wait policy by the load; `threads` of this process compute together."""
    processors = os.cpu_count() or 1
    end_passive: threading.Event | None = None  # while the policy is passive
    different = 0
    while True:
        time.sleep(_INTERVAL)
        try:
            running = int(_LOAD.read_text().split()[3].split("/")[0])
        except OSError:  # this system has no such file
            return
        # Ours are this thread and the computing ones, of which only the first is awake if passive.
        others = running - (2 if end_passive else 1 + threads)
        busy = others + threads > processors
        different = different + 1 if busy != bool(end_passive) else 0
        if different < _LOOKS:
            continue
        different = 0
        if end_passive:
            end_passive.set()
            end_passive = None
        else:
            end_passive = threading.Event()
            arguments = (openmp, processors + 1, end_passive)
            threading.Thread(target=_wait_passively, args=arguments, daemon=True).start()


def _wait_passively(openmp: ctypes.CDLL, threads: int, end: threading.Event) -> None:
    """Start additional threads, which OpenMP ends together with the thread that calls this."""
    no_work = ctypes.CDLL(None).free  # of a null pointer
    openmp.GOMP_parallel(no_work, None, threads, 0)
    end.wait()
