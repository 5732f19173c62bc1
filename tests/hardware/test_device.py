import os
from itertools import zip_longest

import mxnet
import pytest
from mxnet import npx

from d2l_mlp.hardware.devices import DeviceError, choose_device, choose_devices, describe_devices

CHOOSE = """
import sys
from d2l_mlp.hardware.devices import DeviceError
from d2l_mlp.hardware.devices import choose_device
for name in sys.argv[1:]:
    try:
        print(choose_device(name))
    except DeviceError as error:
        print(error)
"""


def test_cpu():
    assert choose_device("cpu") == mxnet.cpu()


def test_description_names_what_decides_the_threads(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert describe_devices([mxnet.cpu()]) == f"cpu, {len(os.sched_getaffinity(0))} processors"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert describe_devices([mxnet.cpu()]).endswith("processors, OMP_NUM_THREADS=3")
    assert describe_devices([mxnet.gpu(1)]) == "gpu:1"
    assert describe_devices([mxnet.gpu(0), mxnet.gpu(3)]) == "gpu:0, gpu:3"
    both = describe_devices([mxnet.cpu(0), mxnet.cpu(1)])
    assert both.startswith("cpu:0, cpu:1, ")
    assert both.endswith("processors, OMP_NUM_THREADS=3")


@pytest.mark.skipif(npx.num_gpus() > 0, reason="there is a GPU")
def test_auto_without_gpu_is_cpu():
    assert choose_device() == mxnet.cpu()


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


@pytest.mark.parametrize("name", ["", "GPU", "gpu:", "gpu:-1", "gpu:x", "cuda:0", "tpu", "cpu:"])
@pytest.mark.parametrize("choose", [choose_device, choose_devices])
def test_unknown_names(choose, name):
    says = "is not known; choose one of auto, cpu, gpu, cpu:N, gpu:N"
    with pytest.raises(DeviceError, match=says):
        choose(name)


def test_several():
    assert choose_devices("cpu") == [mxnet.cpu()]
    assert choose_devices("cpu:2,cpu:0") == [mxnet.cpu(2), mxnet.cpu(0)]


@pytest.mark.parametrize("names", ["cpu:1,cpu:1", "cpu,cpu:0"])
def test_a_device_twice(names):
    with pytest.raises(DeviceError, match=f"devices '{names}' do not go together; give different"):
        choose_devices(names)
