import os

import mxnet
import pytest
from mxnet import npx

from d2l_mlp.runtime import device
from d2l_mlp.runtime.device import DeviceError, choose

CHOOSE = """
import sys
from d2l_mlp.runtime import device
print(device.choose(sys.argv[1]))
"""


def test_cpu():
    assert choose("cpu") == mxnet.cpu()


def test_description_names_what_decides_the_threads(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert device.describe(mxnet.cpu()) == f"cpu, {len(os.sched_getaffinity(0))} processors"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert device.describe(mxnet.cpu()).endswith("processors, OMP_NUM_THREADS=3")
    assert device.describe(mxnet.gpu(1)) == "gpu:1"


@pytest.mark.skipif(npx.num_gpus() > 0, reason="there is a GPU")
def test_auto_without_gpu_is_cpu():
    assert choose() == mxnet.cpu()


@pytest.mark.parametrize("name", ["gpu", "gpu:0", "gpu:1"])
def test_a_gpu_that_the_driver_advises_against(run, driver, name):
    env = {"LD_LIBRARY_PATH": str(driver), "FAKE_COUNT": "1", "FAKE_MAJOR": "12"}
    reason = {"gpu:1": "the CUDA driver shows 1 GPU, "}.get(name, "its compute capability is 12.0,")
    line = run("-c", CHOOSE, name, code=1, env=env).stderr.splitlines()[-1]
    assert f"DeviceError: device {name} cannot be used: {reason}" in line
    assert line.endswith("; or train with --device cpu")
    assert run("-c", CHOOSE, "auto", env=env).stdout == "cpu(0)\n"


@pytest.mark.skipif(mxnet.runtime.Features().is_enabled("CUDA"), reason="a CUDA wheel")
def test_cpu_only_wheel_refuses_a_gpu_and_says_why(run, driver):
    env = {"LD_LIBRARY_PATH": str(driver), "FAKE_COUNT": "4", "FAKE_MAJOR": "8"}
    line = run("-c", CHOOSE, "gpu:3", code=1, env=env).stderr.splitlines()[-1]
    assert "gpu:3 cannot be used: the MXNet installed here is the CPU-only wheel" in line
    assert "pip install --no-deps mxnet-cu112" in line


@pytest.mark.parametrize("name", ["", "GPU", "gpu:", "gpu:-1", "gpu:x", "cuda:0", "tpu", "cpu:0"])
def test_unknown_names(name):
    with pytest.raises(DeviceError, match="is not known; choose one of auto, cpu, gpu, gpu:N"):
        choose(name)
