"""Choose the engine that runs MXNet's operators; MXNet reads the choice when it is imported.

By default MXNet runs its operators in threads of its own while Python runs ahead. It takes every
processor for half of a hyper-threaded core, also where none is, and so computes on half of them.
With all of them it is no faster, because each operator then waits until Python leaves the processor
that it needs. MXNet's "naive" engine, in which Python and the operators take turns as in other
frameworks, is faster (``benchmarks/`` has the figures).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from d2l_mlp.hardware.cpu import count_cores
from d2l_mlp.hardware.openmp import load_openmp, max_threads

_VARIABLES = ("MXNET_ENGINE_TYPE", "MXNET_OMP_MAX_THREADS", "OMP_NUM_THREADS")


def engine_settings() -> dict[str, str]:
    """Return the environment variables that are set and decide about engine and threads."""
    return {name: os.environ[name] for name in _VARIABLES if name in os.environ}


def describe_processors() -> str:
    """Format the number of this process's processors and what decides about their threads."""
    if max_threads():
        details = [f"up to {max_threads()} threads"]
    else:
        details = [f"{name}={value}" for name, value in engine_settings().items()]
    return ", ".join([f"{len(os.sched_getaffinity(0))} processors", *details])


@contextmanager
def fastest_engine() -> Iterator[None]:
    """Import MXNet, within the ``with`` block, on the engine that is the fastest on a CPU.

    That is the synchronous one, with matrix products on all cores of this process. If the
    environment decides, its choice stays.
    """
    _use_first_thread_count()
    if engine_settings():
        yield
        return
    # MXNet reads both once. Processes that this one starts decide for themselves.
    os.environ["MXNET_ENGINE_TYPE"] = "NaiveEngine"
    # Matrix products take all the cores. MXNet's own operators are done before a second thread has
    # woken up, so they get one; but MXNet ignores this variable if OMP_NUM_THREADS is set.
    os.environ["MXNET_OMP_MAX_THREADS"] = "1"
    try:
        load_openmp(count_cores())
        yield
        _start_engine()
    finally:
        for name in engine_settings():
            del os.environ[name]


def _use_first_thread_count() -> None:
    """Shorten a list in ``OMP_NUM_THREADS``, which OpenMP allows, to the number MXNet reads.

    On a list, as clusters set it for nested parallel regions, MXNet aborts the process.
    """
    first, comma, _ = os.environ.get("OMP_NUM_THREADS", "").partition(",")
    if comma:
        os.environ["OMP_NUM_THREADS"] = first.strip()


def _start_engine() -> None:
    from mxnet import nd

    # The engine starts at its first use and announces itself on file descriptor 2.
    stderr = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        nd.waitall()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
