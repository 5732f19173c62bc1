"""Cores and threads, in processes of their own: both are settled once in each."""

import os
from pathlib import Path

import pytest

from d2l_mlp.hardware.cpu import count_cores, useful_threads

CODE = "from d2l_mlp.hardware.cpu import count_cores; print(count_cores())"
CPU = Path("/sys/fs/cgroup/cpu")
UNIFIED = Path("/sys/fs/cgroup/cgroup.controllers")


def test_a_process_bound_to_one_processor_has_one(run):
    bound = f"import os; os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}}); {CODE}"
    assert run("-c", bound).stdout == "1\n"


@pytest.fixture
def group():
    """Make a control group; yield its folder and a function that sets its share."""
    if os.getuid():
        pytest.skip("a control group of one's own takes root")
    folder = (CPU if CPU.exists() else Path("/sys/fs/cgroup")) / f"d2l-mlp-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("control groups are mounted read-only")

    def share(quota, period):
        if (folder / "cpu.cfs_quota_us").exists():
            (folder / "cpu.cfs_period_us").write_text(str(period))
            (folder / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (folder / "cpu.max").write_text(f"{'max' if quota < 0 else quota} {period}")

    try:
        yield folder, share
    finally:
        folder.rmdir()


@pytest.mark.parametrize(
    ("quota", "most"), [(-1, 10**6), (150_000, 1), (100_000, 1), (20_000, 1), (2**30, 10**6)]
)
def test_the_share_of_a_container(run, group, quota, most):
    folder, share = group
    try:
        share(quota, 100_000)
    except OSError:
        pytest.skip("this machine's control groups have no share to set")
    join = f"open('{folder}/cgroup.procs', 'w').write('0'); {CODE}"
    alone = int(run("-c", CODE).stdout)
    assert int(run("-c", join).stdout) == min(alone, most)


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


def test_fit_leaves_the_threads_as_they_were(run):
    assert run("-c", """
import ctypes
import d2l_mlp
from d2l_mlp.hardware.cpu import use_all_processors
use_all_processors()
import numpy
from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.loop import fit
openmp = ctypes.CDLL("libgomp.so.1")
before, within = openmp.omp_get_max_threads(), []
data = ArrayLoader(numpy.ones((4, 3)), [0, 1, 0, 1], 2)
fit(build_mlp((2,), 2), data, data, epochs=1,
    on_minibatch=lambda: within.append(openmp.omp_get_max_threads()))
print(set(within), openmp.omp_get_max_threads() == before)
within.clear()
fit(build_mlp((2,), 2), list(data), list(data), epochs=1,
    on_minibatch=lambda: within.append(openmp.omp_get_max_threads()))
print(set(within) == {before})
""").stdout == "{1} True\nTrue\n"  # fmt: skip


CPUS = len(os.sched_getaffinity(0))
DESCRIBE = """
import sys
import d2l_mlp
from d2l_mlp.hardware.cpu import describe_processors, use_all_processors
use_all_processors()
print(describe_processors(), "mxnet" in sys.modules)
from mxnet import np
print(np.ones((500, 500)).dot(np.ones((500, 500))).sum().item())
"""


def run_script(run, **env):
    result = run("-c", DESCRIBE, env=env)
    assert result.stderr == ""
    described, total = result.stdout.splitlines()
    assert float(total) == 500**3
    return described


def test_all_processors_without_the_engine_s_announcement(run, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert run_script(run) == f"{CPUS} processors, up to {count_cores()} threads True"


@pytest.mark.parametrize(
    ("name", "value", "used"),
    [("OMP_NUM_THREADS", "1", "1"), ("OMP_NUM_THREADS", "2 , 1", "2"),
     ("MXNET_OMP_MAX_THREADS", "1", "1")],
)  # fmt: skip
def test_the_environment_decides_if_set(run, monkeypatch, name, value, used):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert run_script(run, **{name: value}) == f"{CPUS} processors, {name}={used} False"


def test_what_is_settled_is_settled_for_this_process_alone(run, monkeypatch):
    names = ("MXNET_ENGINE_TYPE", "MXNET_OMP_MAX_THREADS", "OMP_NUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    script = (
        "import os\n"
        "from d2l_mlp.hardware.cpu import describe_processors, use_all_processors\n"
        "use_all_processors()\n"
        f"assert not os.environ.keys() & {set(names)}\n"
        "assert 'threads' in describe_processors()\n"
    )
    run("-c", script)
