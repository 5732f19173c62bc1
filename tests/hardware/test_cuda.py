"""What is said of a GPU, by a driver that answers what a test wants: the machines have none."""

import os
import subprocess
import sys

import pytest

from d2l_mlp.hardware.devices import has_code_for
from tests.conftest import ROOT

ASK = """
import sys
from d2l_mlp.hardware.devices import cuda_problem
print(cuda_problem(int(sys.argv[1])))
"""


@pytest.fixture
def ask(driver):
    def ask(index, **answers):
        own = {name: str(value) for name, value in answers.items()}
        return subprocess.run(
            [sys.executable, "-c", ASK, str(index)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "LD_LIBRARY_PATH": str(driver), **own},
            capture_output=True,
            text=True,
            check=True,
        ).stdout[:-1]

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
