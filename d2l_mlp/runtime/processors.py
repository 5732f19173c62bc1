"""Let MXNet compute on every processor; this has to be settled before it is imported.

By default MXNet computes in a thread of its own, one operator after the other, while Python runs
ahead; and because it takes every processor for half of a hyper-threaded core, also where none is,
it computes on half of them. Giving it all of them does not help by itself: each operator then waits
until Python lets go of the processor that it needs. Training is faster where Python and the
operators take turns, as in other frameworks (``benchmarks/`` has the figures), and that is what
MXNet's "naive" engine does.
"""

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Dict

from d2l_mlp.runtime import environment

_SETTINGS = ("MXNET_ENGINE_TYPE", "MXNET_OMP_MAX_THREADS", "OMP_NUM_THREADS")


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
    """
    environment.prepare()
    if "mxnet" in sys.modules or settings():
        return
    try:
        metadata.version("mxnet")  # a CUDA build is called mxnet-cu112 or the like
    except metadata.PackageNotFoundError:
        return
    os.environ["MXNET_ENGINE_TYPE"] = "NaiveEngine"
    os.environ["OMP_NUM_THREADS"] = str(_cores())
    # Turns of waiting for work before OpenMP's threads go to sleep. Its default is a hundred times
    # as much, which is no faster on a quiet machine and slower on a busy one.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
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


def describe() -> str:
    """Say how many processors this process has, and what was set about their use."""
    told = [f"{name}={value}" for name, value in settings().items()]
    return ", ".join([f"{len(os.sched_getaffinity(0))} processors", *told])


def settings() -> Dict[str, str]:
    """Give the environment variables that are set and decide about the processors."""
    return {name: os.environ[name] for name in _SETTINGS if name in os.environ}


def _cores() -> int:
    """Count the cores of this process: arithmetic gains nothing from a core's second thread."""
    processors = os.sched_getaffinity(0)
    try:
        siblings = {
            Path(f"/sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list").read_text()
            for n in processors
        }
    except OSError:  # some containers hide them
        return len(processors)
    return len(siblings)
