"""Environment variables that MXNet would end the process on."""

import os

import pytest

from d2l_mlp.compat.environment import ENVIRONMENT_RULES, prepare_environment
from tests.processes import PROG, SAMPLE

TRAIN = (*SAMPLE, "--hidden", "--epochs", 1, "--out", "run")


@pytest.fixture(autouse=True)
def _unset(monkeypatch):
    for name in ENVIRONMENT_RULES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("name", "text", "becomes"),
    [
        ("OMP_NUM_THREADS", "4,3,2", "4"),
        ("OMP_NUM_THREADS", " 2 , 1", "2"),
        ("OMP_NUM_THREADS", "+3 ", "3"),
        ("OMP_NUM_THREADS", "", None),
        ("MXNET_ENGINE_TYPE", " ", None),
        ("MXNET_ENGINE_TYPE", "NaiveEngine ", "NaiveEngine"),
        ("MXNET_OMP_MAX_THREADS", "0", "0"),
        ("MXNET_MKLDNN_CACHE_NUM", "-1", "-1"),
        ("MXNET_MKLDNN_ENABLED", "True", "true"),
        ("MXNET_HOME", "abc", "abc"),
    ],
)
def test_what_can_be_understood_is(monkeypatch, name, text, becomes):
    monkeypatch.setenv(name, text)
    prepare_environment()
    assert os.environ.get(name) == becomes


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("OMP_NUM_THREADS", ["all", "1.5", "0", "-1", "4,", "4,abc", "0x4", "9" * 20]),
        ("MXNET_CPU_WORKER_NTHREADS", ["abc", "-1", "0", "1,2"]),
        ("MXNET_OMP_MAX_THREADS", ["-1", "2147483648"]),
        ("MXNET_ENGINE_TYPE", ["naiveengine", "Fast"]),
        ("MXNET_MKLDNN_ENABLED", ["yes", "2"]),
        ("MXNET_TUNING_WEIGHT_SCALE", ["abc"]),
        ("MXNET_EXEC_BULK_EXEC_INFERENCE", ["abc", "2"]),
        ("MXNET_SUBGRAPH_VERBOSE", ["abc", "true"]),
    ],
)
def test_what_cannot_is_refused(monkeypatch, name, texts):
    for text in texts:
        monkeypatch.setenv(name, text)
        with pytest.raises(ValueError, match=f"variable {name} is '{text}'; unset it, or give"):
            prepare_environment()


def test_a_command_takes_what_openmp_takes(run):
    result = run(*TRAIN, env={"OMP_NUM_THREADS": "1,2", "MXNET_ENGINE_TYPE": ""})
    assert result.stderr == ""
    assert "OMP_NUM_THREADS=1\n" in result.stdout


@pytest.mark.parametrize("loader", ["arrays", "d2l"])
def test_a_command_names_the_variable(run, loader):
    result = run(*TRAIN, "--loader", loader, code=2, env={"MXNET_CPU_WORKER_NTHREADS": "all"})
    assert result.stderr == (
        f"{PROG}: error: the environment variable MXNET_CPU_WORKER_NTHREADS is 'all'; unset it, "
        "or give an integer of at least 1 and at most 2147483647\n"
    )


def test_figures_names_it_too(run):
    result = run("-m", "d2l_mlp.figures", "relu", code=2, env={"OMP_NUM_THREADS": "abc"})
    (line,) = result.stderr.splitlines()
    assert "the environment variable OMP_NUM_THREADS is 'abc'" in line


def test_so_does_an_import_in_python(run):
    line = run("-c", "import d2l_mlp, mxnet", code=1, env={"MXNET_MKLDNN_ENABLED": "1.5"}).stderr
    assert line.splitlines()[-1].startswith(
        "d2l_mlp.compat.environment.EnvironmentVariableError: the environment variable MXNET_MKL"
    )
