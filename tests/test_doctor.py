"""The doctor as a process, on machines that lack something."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.processes import in_own_mounts, without_library

DOCTOR = ("-m", "d2l_mlp.doctor")


def findings(result):
    """Give what each line says, by its name and status; the same as the exit code says."""
    answer = json.loads(result.stdout)
    failed = [check for check in answer["checks"] if check["status"] == "fail"]
    assert answer["ok"] == (not failed) == (result.returncode == 0)
    assert all(check["remedy"] for check in answer["checks"] if check["status"] == "fail")
    assert result.stderr == ""
    return {
        (check["name"], check["status"]): f"{check['text']} -> {check['remedy']}"
        for check in answer["checks"]
    }


@pytest.fixture
def somebody(tmp_path):
    """The variables of somebody whose name nobody needs to know."""
    home = tmp_path / "home-of-somebody"
    (home / "data").mkdir(parents=True)
    return {
        "HOME": str(home), "MXNET_HOME": str(home / ".mxnet"), "MPLCONFIGDIR": str(home / "m"),
        "D2L_MLP_MIRROR": "http://somebody:secret@127.0.0.1:9/",
    }  # fmt: skip


def test_one_screen_for_a_machine_that_trains(run, somebody):
    text = run(*DOCTOR, env={**somebody, "D2L_MLP_DATASET": "sample"}).stdout
    assert "somebody" not in text
    assert "secret" not in text
    lines = text.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert {line[:5].strip() for line in lines} <= {"ok", "note", ""}
    assert "ok    training     an epoch of the embedded sample: test accuracy 0." in lines[-1]


def test_it_says_nothing_private(run, somebody):
    data = {"D2L_MLP_DATA": f"{somebody['HOME']}/data"}
    result = run(*DOCTOR, "--json", code=1, env={**somebody, **data})
    assert "somebody" not in result.stdout
    assert "secret" not in result.stdout
    found = findings(result)
    assert "~ can be written" in found["downloads", "ok"]
    assert "$D2L_MLP_DATA: ~/data/train-images" in found["data", "fail"]


def in_a_venv(folder, *packages):
    """Run the doctor in a virtual environment of its own, with what is in some folders."""
    venv.create(folder / "venv", with_pip=False)
    return subprocess.run(
        [folder / "venv" / "bin" / "python", *DOCTOR, "--json"], cwd=folder,
        env={**os.environ, "PYTHONPATH": ":".join(map(str, [ROOT, *packages]))},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_without_a_single_package(tmp_path):
    found = findings(in_a_venv(tmp_path))
    assert "pip install --no-deps mxnet==1.9.1" in found["mxnet", "fail"]
    assert "where d2l_mlp's dependencies are not installed" in found["training", "fail"]


@pytest.mark.parametrize("name", ["numpy", "mxnet"])
def test_where_a_module_hides_a_package(run, tmp_path, name):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / f"{name}.py").write_text("raise ImportError('it is mine')")
    path = {"PYTHONPATH": f"{broken}:{ROOT}"}
    found = findings(run(*DOCTOR, "--json", code=1, env=path))
    assert f"{name}.py hides {name}; rename it" in found["mxnet", "fail"]
    assert f"{name}.py hides {name}; rename it" in found["training", "fail"]


def test_without_d2l(tmp_path):
    packages = tmp_path / "packages"
    packages.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(("d2l-", "__editable__")) and path.name != "d2l":
            (packages / path.name).symlink_to(path)
    found = findings(in_a_venv(tmp_path, packages))
    assert "missing: d2l" in found["packages", "fail"]
    assert "pip install 'd2l" in found["packages", "fail"]
    assert ("mxnet", "ok") in found
    assert "d2l" in found["training", "fail"]


def test_without_a_system_library(tmp_path):
    result = without_library("libgomp.so.1", *DOCTOR, "--json", scratch=tmp_path)
    found = findings(result)
    assert "libgomp.so.1" in found["libraries", "fail"]
    assert "apt-get install libgomp1" in found["libraries", "fail"]


def test_in_a_folder_that_cannot_be_written(tmp_path):
    script = 'mount -t tmpfs -o ro none . && cd "$PWD" || exit 99; exec "$@"'
    result = in_own_mounts(script, *DOCTOR, "--json", cwd=tmp_path)
    found = findings(result)
    assert "Read-only file system" in found["this folder", "fail"]
    assert ("training", "ok") in found


def test_wrong_flags(run):
    assert "unrecognized arguments: --jsn" in run(*DOCTOR, "--jsn", code=2).stderr
    assert sys.executable not in run(*DOCTOR, "--help").stdout
