"""OpenMP's wait policy beside other work: a process counts its threads and reads a fake load."""

import ctypes
import os
import threading

import numpy
import pytest

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.hardware import openmp
from d2l_mlp.hardware.openmp import useful_threads
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.loop import fit

SCRIPT = """
import os, pathlib, time
import d2l_mlp
from d2l_mlp.hardware import openmp

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


@pytest.mark.parametrize("name", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OF_NO_MEANING"])
def test_the_environment_decides_if_set(monkeypatch, name):
    watched = threading.Event()
    monkeypatch.setattr(openmp, "_watch", lambda *args: watched.set())
    monkeypatch.setattr(openmp, "_openmp", [])
    for variable in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, "passive")
    loading = threading.Thread(target=openmp.load_openmp, args=(2,))  # of that thread alone
    loading.start()
    loading.join()
    assert watched.wait(0.5) == (name == "OF_NO_MEANING")


def test_a_system_without_a_load_is_watched_no_more(monkeypatch, tmp_path):
    monkeypatch.setattr(openmp, "_LOAD", tmp_path / "loadavg")
    assert openmp._watch(None, 2) is None


# One thread against two, as measured: a second one was faster, or it was not.
@pytest.mark.parametrize(
    ("examples", "units", "faster"),
    [
        (256, 256, True), (256, 64, True), (256, 32, True), (1024, 16, True), (128, 1024, True),
        (128, 256, True), (128, 64, True), (64, 4096, True), (64, 256, True), (32, 1024, True),
        (16, 1024, True), (256, 16, False), (64, 32, False), (32, 64, False), (16, 256, False),
        (16, 64, False),
    ],
)  # fmt: skip
def test_a_second_thread_where_it_is_faster(examples, units, faster):
    assert (useful_threads(examples, [(units, 784), (10, units)]) > 1) is faster


def test_never_more_threads_than_the_work_is_worth():
    assert useful_threads(256, [(10, 784)]) == 1
    assert useful_threads(256, [(256, 784), (10, 256)]) == 4
    assert useful_threads(256, [(4096, 784), (4096, 4096), (10, 4096)]) > 32
    assert useful_threads(0, []) == 1


@pytest.mark.parametrize("make", [lambda data: data, list])
def test_fit_leaves_the_threads_as_they_were(make):
    library = ctypes.CDLL("libgomp.so.1")
    before, within = library.omp_get_max_threads(), set()
    data = ArrayLoader(numpy.ones((4, 3)), [0, 1, 0, 1], 2)
    fit(
        build_mlp((2,), 2), make(data), make(data), epochs=1,
        on_minibatch=lambda: within.add(library.omp_get_max_threads()),
    )  # fmt: skip
    assert within == {before if make is list else 1}
    assert library.omp_get_max_threads() == before
