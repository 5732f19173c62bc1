"""How MXNet uses the processors, in processes of their own: it is settled once in each."""

import os

import pytest

from d2l_mlp.hardware.cpu import count_cores

CPUS = len(os.sched_getaffinity(0))
SCRIPT = """
import sys
import d2l_mlp
from d2l_mlp.hardware.cpu import describe_processors
from d2l_mlp.hardware.cpu import use_all_processors
use_all_processors()
print(describe_processors(), "mxnet" in sys.modules)
from mxnet import np
print(np.ones((500, 500)).dot(np.ones((500, 500))).sum().item())
"""


def run_script(run, **env):
    result = run("-c", SCRIPT, env=env)
    assert result.stderr == ""
    described, total = result.stdout.splitlines()
    assert float(total) == 500**3
    return described


def test_all_processors_in_turn_and_without_the_engine_s_announcement(run, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert run_script(run) == f"{CPUS} processors, up to {count_cores()} threads True"


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MXNET_OMP_MAX_THREADS"])
def test_a_reader_s_own_setting_stands(run, monkeypatch, name):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert run_script(run, **{name: "1"}) == f"{CPUS} processors, {name}=1 False"


def test_worker_processes_that_would_hang_are_refused(run):
    line = run(
        "-m", "d2l_mlp.train", "--dataset", "sample", "--loader", "d2l", "--workers", 2,
        code=1, env={"MXNET_ENGINE_TYPE": "NaiveEngine"},
    ).stderr.splitlines()[-1]  # fmt: skip
    assert line.endswith(
        "num_workers is 2, but MXNET_ENGINE_TYPE is NaiveEngine, whose processes cannot be "
        "forked; give 0, or unset that variable"
    )
