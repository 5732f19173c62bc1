import importlib.machinery
import importlib.util

import pytest

from d2l_mlp.diagnosis import framework


@pytest.fixture
def ask(driver, monkeypatch):
    def ask(**answers):
        monkeypatch.setenv("LD_LIBRARY_PATH", str(driver))
        for name, value in answers.items():
            monkeypatch.setenv(name, str(value))
        return [tuple(finding) for finding in framework.gpus()]

    return ask


def test_each_gpu_and_what_the_wheel_has_code_for(ask, monkeypatch):
    monkeypatch.setattr(framework, "installed", lambda name: ("mxnet-cu112", "1.9.1"))
    old, new = ask(FAKE_COUNT=2, FAKE_MAJOR=9, FAKE_MINOR=0)
    assert old[:3] == (
        "ok", "gpu", "gpu:0 has compute capability 5.0, which mxnet-cu112 has code for"
    )  # fmt: skip
    assert new == (
        "note", "gpu",
        "gpu:1 has compute capability 9.0, for which no wheel of MXNet has code (5.0 to 8.9)",
        "train with --device cpu",
    )  # fmt: skip


def test_a_gpu_under_the_wheel_for_cpus(ask):
    ((status, _, text, remedy),) = ask(FAKE_COUNT=1, FAKE_MAJOR=8, FAKE_MINOR=6)
    assert status == "note"
    assert (
        text == "gpu:0 has compute capability 8.6; the MXNet installed here is the CPU-only wheel"
    )
    assert remedy.endswith("pip install --no-deps mxnet-cu112==1.9.1")


@pytest.mark.parametrize(
    ("answers", "status", "says"),
    [
        ({"FAKE_COUNT": 0}, "ok", "none (the CUDA driver shows no GPU); training is on the CPU"),
        ({"FAKE_INIT": 999}, "note", "the CUDA driver answers with error 999"),
    ],
)
def test_no_gpu(ask, answers, status, says):
    ((found, _, text, _),) = ask(**answers)
    assert found == status
    assert says in text


def test_a_library_of_mxnet_s_that_cannot_be_loaded(monkeypatch, tmp_path):
    (tmp_path / "mxnet").mkdir()
    (tmp_path / "mxnet" / "__init__.py").touch()
    (tmp_path / "mxnet" / "libmxnet.so").write_bytes(b"\x7fELF, cut short")
    spec = importlib.machinery.PathFinder.find_spec("mxnet", [str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    ((status, name, text, remedy),) = framework.libraries()
    assert (status, name) == ("fail", "libraries")
    assert text.startswith("MXNet's own library cannot be loaded: ")
    assert "libmxnet.so" in text
    assert remedy == "pip install --force-reinstall --no-deps mxnet==1.9.1"
