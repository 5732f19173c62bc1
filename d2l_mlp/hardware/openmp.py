"""Let OpenMP's threads wait for work as suits the machine: awake when alone, asleep beside others.

A minibatch has some ten matrix products, and between them OpenMP's threads wait for a fraction of a
millisecond. By default they wait awake, for up to 3 ms: the fastest way on a quiet machine. But
where another process wants the processor, the system lets the two take turns of milliseconds, and
a thread that has waited awake has had its turn when the work comes. An epoch then takes four times
as long; about twice, if the threads go to sleep at once.

GNU's OpenMP does the latter by itself as soon as it has more threads than there are processors.
Here it gets some more, which do nothing, for as long as other processes want to run.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from pathlib import Path

_SECONDS = 0.02  # from one look at the machine to the next
_LOOKS = 3  # that have to agree
_LOAD = Path("/proc/loadavg")  # its fourth word is "running/all", threads of the whole machine


def adapt_wait_policy(openmp: ctypes.CDLL, threads: int) -> None:
    """Watch the machine from now on, in a thread of its own, and let OpenMP wait accordingly.

    Does nothing if ``OMP_WAIT_POLICY`` or ``GOMP_SPINCOUNT`` says how to wait.

    Parameters
    ----------
    openmp : ctypes.CDLL
        GNU's, which MXNet computes with.
    threads : int
        Of OpenMP, that compute together in this process.
    """
    if threads > 1 and not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        threading.Thread(target=_watch, args=(openmp, threads), daemon=True).start()


def _watch(openmp: ctypes.CDLL, threads: int) -> None:
    processors = os.cpu_count() or 1
    more: threading.Event | None = None  # set, it ends the additional threads
    different = 0
    while True:
        time.sleep(_SECONDS)
        # What runs or would run on the machine: the computing threads, but for those asleep, this
        # one, and others.
        try:
            running = int(_LOAD.read_text().split()[3].split("/")[0])
        except OSError:  # this system does not tell
            return
        others = running - (2 if more else 1 + threads)
        different = different + 1 if (others + threads > processors) != bool(more) else 0
        if different < _LOOKS:
            continue
        different = 0
        if more:
            more.set()
            more = None
        else:
            more = threading.Event()
            arguments = (openmp, processors + 1, more)
            threading.Thread(target=_hold, args=arguments, daemon=True).start()


def _hold(openmp: ctypes.CDLL, threads: int, end: threading.Event) -> None:
    """Have more threads until the end: OpenMP gives them up together with this one."""
    nothing = ctypes.CDLL(None).free  # of no pointer
    openmp.GOMP_parallel(nothing, None, threads, 0)
    end.wait()
