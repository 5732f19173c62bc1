"""The engine that computes, and its threads, in processes of their own: settled once in each."""

import os

import pytest

from d2l_mlp.hardware.cpu import count_cores

CPUS = len(os.sched_getaffinity(0))
NAMES = ("MXNET_ENGINE_TYPE", "MXNET_OMP_MAX_THREADS", "OMP_NUM_THREADS")
DESCRIBE = f"""
import os
before = dict(os.environ)
import d2l_mlp
from mxnet import np
from d2l_mlp.hardware.engine import describe_processors
print(describe_processors())
print(np.ones((500, 500)).dot(np.ones((500, 500))).sum().item())
print([name for name in {NAMES} if name in os.environ and name not in before])
"""


# Alone, the choice is for this process, and not for those that it starts.
@pytest.mark.parametrize(
    ("own", "used"),
    [
        ({}, f"up to {count_cores()} threads"),
        ({"OMP_NUM_THREADS": "2 , 1"}, "OMP_NUM_THREADS=2"),
        ({"MXNET_OMP_MAX_THREADS": "1"}, "MXNET_OMP_MAX_THREADS=1"),
    ],
)
def test_all_processors_unless_the_environment_decides(run, monkeypatch, own, used):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    result = run("-c", DESCRIBE, env=own)
    assert result.stderr == ""  # without the engine's announcement
    described, total, left = result.stdout.splitlines()
    assert described == f"{CPUS} processors, {used}"
    assert (float(total), left) == (500**3, "[]")
