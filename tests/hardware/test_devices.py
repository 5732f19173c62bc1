"""Devices, and GPUs by a driver that answers what a test wants: the machines have none."""

import ctypes

import mxnet
import pytest
from mxnet import npx

from d2l_mlp.hardware import devices
from d2l_mlp.hardware.devices import (
    choose_device,
    choose_devices,
    describe_devices,
    gpu_problem,
    has_code_for,
)
from d2l_mlp.hardware.engine import describe_processors


@pytest.fixture
def fake(driver, monkeypatch):
    """Load the fake driver, and let it answer."""

    def fake(**answers):
        library = ctypes.CDLL(driver / "libcuda.so.1")
        monkeypatch.setattr(devices, "_driver", lambda: library)
        for name, value in answers.items():
            monkeypatch.setenv(f"FAKE_{name}", str(value))

    return fake


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


def test_a_gpu_that_the_driver_advises_against(fake):
    fake(COUNT=1, MAJOR=12)
    incapable = "its compute capability is 12.0,"
    reasons = {"gpu": incapable, "gpu:0": incapable, "gpu:1": "the CUDA driver shows 1 GPU, "}
    for name, reason in reasons.items():
        says = f"^device {name} cannot be used: {reason}.*; or train with --device cpu$"
        with pytest.raises(ValueError, match=says):
            choose_device(name)
    assert choose_device("auto") == mxnet.cpu()


@pytest.mark.skipif(mxnet.runtime.Features().is_enabled("CUDA"), reason="a CUDA wheel")
def test_cpu_only_wheel_refuses_a_gpu_and_says_why(fake):
    fake(COUNT=4, MAJOR=8)
    says = "gpu:3 cannot be used: the MXNet installed here is the CPU-only wheel.*"
    with pytest.raises(ValueError, match=f"{says}pip install --no-deps mxnet-cu112==1.9.1"):
        choose_device("gpu:3")


@pytest.mark.parametrize(
    "name", ["", "GPU", "gpu:", "gpu:-1", "gpu:x", "cuda:0", "tpu", "cpu:", "cpu:1000"]
)
@pytest.mark.parametrize("choose", [choose_device, choose_devices])
def test_unknown_names(choose, name):
    says = "is not known; choose one of auto, cpu, gpu, cpu:N, gpu:N"
    with pytest.raises(ValueError, match=says):
        choose(name)


def test_several():
    assert choose_devices("cpu") == [mxnet.cpu()]
    assert choose_devices("cpu:2,cpu:0") == [mxnet.cpu(2), mxnet.cpu(0)]


@pytest.mark.parametrize("names", ["cpu:1,cpu:1", "cpu,cpu:0"])
def test_a_device_twice(names):
    with pytest.raises(ValueError, match=f"devices '{names}' do not go together; give different"):
        choose_devices(names)


SHOWS = "the CUDA driver shows {}, numbered from 0; check with nvidia-smi and CUDA_VISIBLE_DEVICES"
CPU_ONLY = "the MXNet installed here is the CPU-only wheel; replace it with a CUDA one: "
NO_CODE = "its compute capability is 9.0, for which MXNet's wheel has no code (it has 5.0 to 8.9)"


@pytest.mark.parametrize(
    ("index", "answers", "problem"),
    [
        (0, {"COUNT": 2, "MAJOR": 8, "MINOR": 9}, None),
        (1, {"COUNT": 2, "MAJOR": 8, "MINOR": 9}, None),
        (0, {"INIT": 100}, SHOWS.format("0 GPUs")),  # as if CUDA_VISIBLE_DEVICES is ""
        (0, {"COUNT": 0}, SHOWS.format("0 GPUs")),
        (1, {"COUNT": 1}, SHOWS.format("1 GPU")),
        (7, {"COUNT": 2}, SHOWS.format("2 GPUs")),
        (0, {"COUNT": 2, "MAJOR": 9}, None),  # it is the other one that has 9.0
        (1, {"COUNT": 2, "MAJOR": 9}, NO_CODE),
        *(
            (0, {"COUNT": 1, "MAJOR": 8, call: 999},
             "the CUDA driver answers with error 999; check with nvidia-smi")
            for call in ("INIT", "GET_COUNT", "GET", "GET_MAJOR", "GET_MINOR")
        ),
    ],
)  # fmt: skip
def test_what_the_driver_answers(fake, index, answers, problem):
    fake(**answers)
    found = gpu_problem(index)
    if problem is None and not mxnet.runtime.Features().is_enabled("CUDA"):
        assert found.startswith(CPU_ONLY)
    else:
        assert found == problem


def test_the_driver_is_where_the_system_has_its_libraries(run, driver):
    code = "from d2l_mlp.hardware.devices import gpu_problem; print(gpu_problem())"
    said = run("-c", code, env={"LD_LIBRARY_PATH": str(driver)}).stdout
    assert said.startswith("the CUDA driver shows 0 GPUs")


def test_a_driver_that_does_not_load(monkeypatch, tmp_path):
    (tmp_path / "libcuda.so.1").write_text("no library")
    load = ctypes.CDLL
    monkeypatch.setattr(ctypes, "CDLL", lambda name: load(str(tmp_path / name)))
    problem = gpu_problem()
    assert problem.startswith("the CUDA driver does not load (")
    assert problem.endswith("); install it, and check with nvidia-smi")


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
