"""The engine that computes, and its threads, in processes of their own: settled once in each."""

import os

import pytest

from d2l_mlp.hardware.cpu import count_cores

CPUS = len(os.sched_getaffinity(0))
DESCRIBE = """
import d2l_mlp
from mxnet import np
from d2l_mlp.hardware.engine import describe_processors
print(describe_processors())
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
    assert run_script(run) == f"{CPUS} processors, up to {count_cores()} threads"


@pytest.mark.parametrize(
    ("name", "value", "used"),
    [("OMP_NUM_THREADS", "1", "1"), ("OMP_NUM_THREADS", "2 , 1", "2"),
     ("MXNET_OMP_MAX_THREADS", "1", "1")],
)  # fmt: skip
def test_the_environment_decides_if_set(run, monkeypatch, name, value, used):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert run_script(run, **{name: value}) == f"{CPUS} processors, {name}={used}"


def test_what_is_settled_is_settled_for_this_process_alone(run, monkeypatch):
    names = ("MXNET_ENGINE_TYPE", "MXNET_OMP_MAX_THREADS", "OMP_NUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    script = (
        "import os\n"
        "import d2l_mlp, mxnet\n"
        "from d2l_mlp.hardware.engine import describe_processors\n"
        f"assert not os.environ.keys() & {set(names)}\n"
        "assert 'threads' in describe_processors()\n"
    )
    run("-c", script)
