"""Devices, and GPUs by a driver that answers what a test wants: the machines have none."""

from itertools import zip_longest

import mxnet
import pytest
from mxnet import npx

from d2l_mlp.hardware.devices import (
    DeviceError,
    choose_device,
    choose_devices,
    describe_devices,
    has_code_for,
)
from d2l_mlp.hardware.engine import describe_processors

CHOOSE = """
import sys
from d2l_mlp.hardware.devices import DeviceError, choose_device
for name in sys.argv[1:]:
    try:
        print(choose_device(name))
    except DeviceError as error:
        print(error)
"""


def test_cpu():
    assert choose_device("cpu") == mxnet.cpu()


def test_description_names_what_decides_the_threads():
    processors = describe_processors()
    assert describe_devices([mxnet.cpu()]) == f"cpu, {processors}"
    assert describe_devices([mxnet.cpu(0), mxnet.cpu(1)]) == f"cpu:0, cpu:1, {processors}"
    assert describe_devices([mxnet.gpu(1)]) == "gpu:1"
    assert describe_devices([mxnet.gpu(0), mxnet.gpu(3)]) == "gpu:0, gpu:3"


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


ASK = """
import sys
from d2l_mlp.hardware.devices import cuda_problem
print(cuda_problem(int(sys.argv[1])))
"""


@pytest.fixture
def ask(run, driver):
    def ask(index, **answers):
        own = {name: str(value) for name, value in answers.items()}
        return run("-c", ASK, index, env={"LD_LIBRARY_PATH": str(driver), **own}).stdout[:-1]

    return ask


@pytest.mark.parametrize("index", [0, 1])
def test_a_gpu_that_can_run_mxnet(ask, index):
    assert ask(index, FAKE_COUNT=2, FAKE_MAJOR=8, FAKE_MINOR=9) == "None"


@pytest.mark.parametrize(
    ("index", "answers", "shown"),
    [
        (0, {"FAKE_INIT": 100}, "0 GPUs"),  # what the driver says where CUDA_VISIBLE_DEVICES is ""
        (0, {"FAKE_COUNT": 0}, "0 GPUs"),
        (1, {"FAKE_COUNT": 1}, "1 GPU"),
        (7, {"FAKE_COUNT": 2}, "2 GPUs"),
    ],
)
def test_a_gpu_that_is_not_there(ask, index, answers, shown):
    assert ask(index, **answers) == (
        f"the CUDA driver shows {shown}, numbered from 0; "
        "check with nvidia-smi and CUDA_VISIBLE_DEVICES"
    )


def test_a_gpu_that_the_wheel_has_no_code_for(ask):
    answers = {"FAKE_COUNT": 2, "FAKE_MAJOR": 9, "FAKE_MINOR": 0}
    assert ask(0, **answers) == "None"  # it is the other one that has 9.0
    assert ask(1, **answers) == (
        "its compute capability is 9.0, for which MXNet's wheel has no code (it has 5.0 to 8.9)"
    )


@pytest.mark.parametrize(
    "call", ["INIT", "GET_COUNT", "GET", "GET_MAJOR", "GET_MINOR"], ids=str.lower
)
def test_a_call_that_fails(ask, call):
    answers = {"FAKE_COUNT": 1, "FAKE_MAJOR": 8, "FAKE_MINOR": 0, f"FAKE_{call}": 999}
    assert ask(0, **answers) == "the CUDA driver answers with error 999; check with nvidia-smi"


def test_no_driver(run, tmp_path):
    (tmp_path / "libcuda.so.1").write_text("no library")  # found before a real one, and refused
    said = run("-c", ASK, 0, env={"LD_LIBRARY_PATH": str(tmp_path)}).stdout
    assert said.startswith("the CUDA driver does not load (")
    assert said.endswith("); install it, and check with nvidia-smi\n")


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
