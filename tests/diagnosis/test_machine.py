import json
import platform
import sys

import pytest

from d2l_mlp.diagnosis import machine, packages


def test_threads(monkeypatch):
    for name in ("MXNET_ENGINE_TYPE", "MXNET_OMP_MAX_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    (found,) = machine.threads()
    assert found.status == "ok"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (found,) = machine.threads()
    assert found.status == "note"
    assert "OMP_NUM_THREADS=1" in found.text
    assert "unset OMP_NUM_THREADS" in found.remedy


@pytest.mark.parametrize(
    ("system", "processor", "library", "status"),
    [
        ("Linux", "x86_64", ("glibc", "2.17"), "ok"),
        ("Linux", "x86_64", ("glibc", "2.36"), "ok"),
        ("Linux", "x86_64", ("glibc", "2.5"), "fail"),
        ("Linux", "x86_64", ("", ""), "fail"),  # musl, of Alpine
        ("Linux", "aarch64", ("glibc", "2.36"), "fail"),
        ("Darwin", "arm64", ("", ""), "fail"),
    ],
)
def test_systems(monkeypatch, system, processor, library, status):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: processor)
    monkeypatch.setattr(platform, "libc_ver", lambda: library)
    (found,) = machine.system()
    assert found.status == status


@pytest.mark.parametrize(("version", "status"), [("3.11.7", "ok"), ("3.14.0", "note")])
def test_pythons(monkeypatch, version, status):
    monkeypatch.setattr(platform, "python_version", lambda: version)
    (found,) = machine.python()
    assert found.status == status
    assert ("; tested are 3.8 to 3." in found.text) == (status == "note")


@pytest.mark.parametrize(
    ("python", "status"), [("/other/python", "note"), (sys.executable, "ok"), ("python", "ok")]
)
def test_the_python_of_the_kernel(monkeypatch, tmp_path, python, status):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": [python, "-m", "ipykernel_launcher"], "display_name": "", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    (found,) = packages.kernel()
    assert found.status == status
    assert ("/other/python" in found.text) == (status == "note")


def test_a_version_that_is_not_wanted(monkeypatch):
    monkeypatch.setattr(
        packages, "installed", lambda name: (name, "0.1" if name == "matplotlib" else "1.9.1")
    )
    (found,) = packages.packages()
    assert found.status == "note"
    assert "matplotlib 0.1 (wanted " in found.text
    assert ">=3.5)" in found.text
