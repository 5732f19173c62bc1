"""Adapt OpenMP's wait policy to the machine: active when alone, passive beside other work.

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
import os
import threading
import time
from pathlib import Path

_INTERVAL = 0.02  # seconds from one look at the load to the next
_LOOKS = 3  # that have to agree before the policy changes
_LOAD = Path("/proc/loadavg")  # its fourth word is "running/all", threads of the whole machine


def adapt_wait_policy(openmp: ctypes.CDLL, threads: int) -> None:
    """Watch the load in a thread of its own from now on, and switch the wait policy accordingly.

    Does nothing if ``OMP_WAIT_POLICY`` or ``GOMP_SPINCOUNT`` sets the policy. `threads` is the
    number of OpenMP threads that compute together in this process.
    """
    if threads > 1 and not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        threading.Thread(target=_watch, args=(openmp, threads), daemon=True).start()


def _watch(openmp: ctypes.CDLL, threads: int) -> None:
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
