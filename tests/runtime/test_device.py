import os
from itertools import zip_longest

import mxnet
import pytest
from mxnet import npx

from d2l_mlp.runtime import device
from d2l_mlp.runtime.device import DeviceError, choose

CHOOSE = """
import sys
from d2l_mlp.runtime import device
for name in sys.argv[1:]:
    try:
        print(device.choose(name))
    except device.DeviceError as error:
        print(error)
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


def test_a_gpu_that_the_driver_advises_against(run, driver):
    env = {"LD_LIBRARY_PATH": str(driver), "FAKE_COUNT": "1", "FAKE_MAJOR": "12"}
    incapable = "its compute capability is 12.0,"
    reasons = {"gpu": incapable, "gpu:0": incapable, "gpu:1": "the CUDA driver shows 1 GPU, "}
    *lines, auto = run("-c", CHOOSE, *reasons, "auto", env=env).stdout.splitlines()
    for line, (name, reason) in zip_longest(lines, reasons.items()):
        assert line.startswith(f"device {name} cannot be used: {reason}")
        assert line.endswith("; or train with --device cpu")
    assert auto == "cpu(0)"


@pytest.mark.skipif(mxnet.runtime.Features().is_enabled("CUDA"), reason="a CUDA wheel")
def test_cpu_only_wheel_refuses_a_gpu_and_says_why(run, driver):
    env = {"LD_LIBRARY_PATH": str(driver), "FAKE_COUNT": "4", "FAKE_MAJOR": "8"}
    (line,) = run("-c", CHOOSE, "gpu:3", env=env).stdout.splitlines()
    assert "gpu:3 cannot be used: the MXNet installed here is the CPU-only wheel" in line
    assert "pip install --no-deps mxnet-cu112==1.9.1" in line


@pytest.mark.parametrize("name", ["", "GPU", "gpu:", "gpu:-1", "gpu:x", "cuda:0", "tpu", "cpu:0"])
def test_unknown_names(name):
    with pytest.raises(DeviceError, match="is not known; choose one of auto, cpu, gpu, gpu:N"):
        choose(name)
