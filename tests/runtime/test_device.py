import os

import mxnet
import pytest
from mxnet import npx

from d2l_mlp.runtime import device
from d2l_mlp.runtime.device import DeviceError, choose, has_code_for


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


@pytest.mark.skipif(mxnet.runtime.Features().is_enabled("CUDA"), reason="a CUDA wheel")
@pytest.mark.parametrize("name", ["gpu", "gpu:0", "gpu:3"])
def test_cpu_only_wheel_refuses_a_gpu_and_says_why(name):
    with pytest.raises(DeviceError, match=rf"{name} cannot be used: .*CPU-only wheel.*mxnet-cu112"):
        choose(name)


@pytest.mark.parametrize("name", ["", "GPU", "gpu:", "gpu:-1", "gpu:x", "cuda:0", "tpu", "cpu:0"])
def test_unknown_names(name):
    with pytest.raises(DeviceError, match="is not known; choose one of auto, cpu, gpu, gpu:N"):
        choose(name)


@pytest.mark.parametrize(
    ("capability", "runs"),
    [
        ((3, 7), False),  # K80
        ((5, 2), True),  # M60
        ((6, 1), True),  # GTX 1080
        ((7, 0), True),  # V100
        ((7, 5), True),  # T4
        ((8, 0), True),  # A100
        ((8, 9), True),  # L4
        ((9, 0), False),  # H100
        ((12, 0), False),  # RTX 5090
    ],
)
def test_compute_capabilities(capability, runs):
    assert has_code_for(capability) == runs
