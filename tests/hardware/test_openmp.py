"""OpenMP's wait policy beside other work: a process counts its threads and reads a fake load."""

import os

import pytest

from d2l_mlp.hardware import openmp

SCRIPT = """
import os, pathlib, time
import d2l_mlp
from d2l_mlp.hardware import openmp
from d2l_mlp.hardware.cpu import use_all_processors

load = openmp._LOAD = pathlib.Path("loadavg")  # as the kernel writes it

def running(number):
    whole = load.with_suffix(".new")
    whole.write_text(f"0.50 0.40 0.30 {number}/100 999\\n")
    whole.replace(load)

def threads_until(wanted):
    end = time.monotonic() + 20
    while len(os.listdir("/proc/self/task")) != wanted:
        assert time.monotonic() < end, (len(os.listdir("/proc/self/task")), wanted)
        time.sleep(0.01)
    return wanted

running(1)
use_all_processors()
from mxnet import np
a = np.ones((800, 800))
total = a.dot(a).sum()
time.sleep(0.2)
alone = len(os.listdir("/proc/self/task"))
for others in (os.cpu_count(), 0, 10 * os.cpu_count(), 0):
    # All of ours run, and the one that looks; of those that wait asleep, only the first.
    ours = 2 if alone != len(os.listdir("/proc/self/task")) else 1 + len(os.sched_getaffinity(0))
    running(ours + others)
    more = os.cpu_count() + 1 if others else 0
    print(threads_until(alone + more) - alone)
    assert a.dot(a).sum() == total
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor, one thread")
def test_a_passive_policy_as_long_as_others_compute(run):
    more = os.cpu_count() + 1
    assert run("-c", SCRIPT).stdout.split() == [str(more), "0", str(more), "0"]


@pytest.mark.parametrize("name", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"])
def test_the_environment_decides_if_set(run, name):
    script = """
import os, threading
import d2l_mlp
from d2l_mlp.hardware.cpu import use_all_processors
use_all_processors()
print(threading.active_count())
"""
    value = {"GOMP_SPINCOUNT": "1000", "OMP_WAIT_POLICY": "passive"}[name]
    assert run("-c", script, env={name: value}).stdout == "1\n"


def test_a_system_without_a_load_is_watched_no_more(monkeypatch, tmp_path):
    monkeypatch.setattr(openmp, "_LOAD", tmp_path / "loadavg")
    assert openmp._watch(None, 2) is None
