"""The doctor: as a process on machines that lack something, and each check by itself."""

import gzip
import hashlib
import json
import os
import platform
import subprocess
import sys
import sysconfig
import venv
from itertools import zip_longest
from pathlib import Path

import pytest

from d2l_mlp import doctor
from d2l_mlp.data import fashion_mnist
from d2l_mlp.data.fashion_mnist import SYSTEM_DIR, cache_dir, gluon_dir
from d2l_mlp.data.releases import KNOWN_FOREIGN
from d2l_mlp.doctor import Finding, ProbeError, ask, findings
from tests.conftest import ROOT
from tests.processes import in_own_mounts, without_libraries

DOCTOR = ("-m", "d2l_mlp.doctor")


def by_name(result):
    """Return each finding by its name and status, which the exit code agrees with."""
    answer = json.loads(result.stdout)
    failed = [check for check in answer["checks"] if check["status"] == "fail"]
    assert answer["ok"] == (not failed) == (result.returncode == 0)
    assert all(check["fix"] for check in answer["checks"] if check["status"] == "fail")
    assert result.stderr == ""
    return {
        (check["name"], check["status"]): f"{check['text']} -> {check['fix']}"
        for check in answer["checks"]
    }


def test_one_screen_for_a_machine_that_trains_and_nothing_private(run, monkeypatch, tmp_path):
    """Of somebody whose name, and whose password for a mirror, nobody needs to know."""
    home = tmp_path / "home-of-somebody"
    (home / "data").mkdir(parents=True)
    env = {
        "HOME": str(home), "MXNET_HOME": str(home / ".mxnet"), "MPLCONFIGDIR": str(home / "m"),
        "D2L_MLP_MIRROR": "http://somebody:secret@127.0.0.1:9/", "D2L_MLP_DATASET": "sample",
    }  # fmt: skip
    screen = run(*DOCTOR, env=env).stdout
    lines = screen.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert {line[:5].strip() for line in lines} <= {"ok", "note", ""}
    assert "ok    training     an epoch of the embedded sample: test accuracy 0." in lines[-1]
    assert "~ can be written" in screen

    for name, value in {**env, "D2L_MLP_DATA": f"{home}/data"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("D2L_MLP_DATASET")
    (named,) = findings([doctor._data])
    assert (named.status, named.text[:35]) == ("fail", "$D2L_MLP_DATA: ~/data/train-images-")
    monkeypatch.delenv("D2L_MLP_DATA")
    monkeypatch.setattr(fashion_mnist, "SYSTEM_DIR", tmp_path / "nowhere")
    everything = f"{screen} {named} {list(findings([doctor._data]))}"
    assert "127.0.0.1:9" in everything
    assert "somebody" not in everything
    assert "secret" not in everything


def in_a_venv(folder, *packages):
    """Run the doctor in a virtual environment of its own, with what is in some folders."""
    venv.create(folder / "venv", with_pip=False)
    return subprocess.run(
        [folder / "venv" / "bin" / "python", *DOCTOR, "--json"], cwd=folder,
        env={**os.environ, "PYTHONPATH": ":".join(map(str, [ROOT, *packages]))},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_without_a_single_package(tmp_path):
    found = by_name(in_a_venv(tmp_path))
    assert "pip install --no-deps 'mxnet==1.9.1'" in found["mxnet", "fail"]
    assert "where d2l_mlp's dependencies are not installed" in found["training", "fail"]


def test_where_a_module_hides_a_package(run, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "numpy.py").write_text("raise ImportError('it is mine')")
    path = {"PYTHONPATH": f"{broken}:{ROOT}"}
    found = by_name(run(*DOCTOR, "--json", code=1, env=path))
    for check in ("mxnet", "training"):
        assert "numpy.py hides numpy; rename it" in found[check, "fail"]


@pytest.mark.slow
def test_without_d2l(tmp_path):
    packages = tmp_path / "packages"
    packages.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(("d2l-", "__editable__")) and path.name != "d2l":
            (packages / path.name).symlink_to(path)
    found = by_name(in_a_venv(tmp_path, packages))
    assert "missing: d2l" in found["packages", "fail"]
    assert "pip install --no-deps 'd2l" in found["packages", "fail"]
    assert ("mxnet", "ok") in found
    assert "d2l" in found["training", "fail"]


def test_without_the_system_libraries(tmp_path):
    found = by_name(without_libraries(*DOCTOR, "--json", scratch=tmp_path))
    assert "MXNet needs libgomp.so.1, libquadmath.so.0" in found["libraries", "fail"]
    assert "apt-get install libgomp1 libquadmath0" in found["libraries", "fail"]


@pytest.mark.slow
def test_in_a_folder_that_cannot_be_written(tmp_path):
    script = 'mount -t tmpfs -o ro none . && cd "$PWD" || exit 99; exec "$@"'
    result = in_own_mounts(script, *DOCTOR, "--json", cwd=tmp_path)
    found = by_name(result)
    assert "Read-only file system" in found["this folder", "fail"]
    assert ("training", "ok") in found


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os; os.kill(os.getpid(), 11)", "its process died of SIGSEGV"),
        ("import time; time.sleep(60)", "no answer within 0.5 s"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "exit code 3"),
    ],
)
def test_another_python_that_fails(monkeypatch, code, says):
    if "sleep" in code:
        monkeypatch.setattr(doctor, "PATIENCE", 0.5)
    with pytest.raises(ProbeError) as caught:
        ask(code)
    assert str(caught.value) == says


def test_another_python_answers():
    assert ask("print('noise'); print([1, 2])") == [1, 2]


def test_a_check_that_fails_is_a_note_and_the_next_one_runs():
    def broken():
        raise KeyError("x")

    def whole():
        yield Finding("ok", "whole", "")

    assert list(findings([broken, whole])) == [
        Finding("note", "broken", "not checked (KeyError: 'x')"),
        Finding("ok", "whole", ""),
    ]


@pytest.mark.parametrize(
    ("home", "text", "shown"),
    [
        ("/home/me", "/home/me/x and /home/me", "~/x and ~"),
        ("/home/me/", "'/home/me/x'", "'~/x'"),
        *[("/home/me", other, other) for other in ("/home/me.old", "/home/me2", "/x/home/me")],
        ("/", "/usr/lib", "/usr/lib"),
        ("", "/usr/lib", "/usr/lib"),
        ("/home/me", "https://me:word@host/x", "https://host/x"),
    ],
)
def test_the_home_is_a_tilde(monkeypatch, home, text, shown):
    monkeypatch.setenv("HOME", home)
    (found,) = findings([lambda: [Finding("ok", "", text, text)]])
    assert (found.text, found.fix) == (shown, shown)


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        pytest.param(
            {"FAKE_COUNT": 0},
            [("ok", "none (the CUDA driver shows no GPU)")],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"FAKE_INIT": 999},
            [("note", "the CUDA driver answers with error 999")],
            marks=pytest.mark.slow,
        ),
        (
            {"FAKE_COUNT": 2, "FAKE_MAJOR": 9, "FAKE_MINOR": 0},
            [
                ("note", "gpu:0 cannot be used: the MXNet installed here is the CPU-only wheel"),
                ("note", "gpu:1 cannot be used: its compute capability is 9.0"),
            ],
        ),
    ],
)
def test_gpus(driver, monkeypatch, answers, found):
    monkeypatch.setenv("LD_LIBRARY_PATH", str(driver))
    for name, value in answers.items():
        monkeypatch.setenv(name, str(value))
    for finding, (status, text) in zip_longest(findings([doctor._gpu]), found):
        assert finding.status == status
        assert finding.text.startswith(text)


def test_a_library_of_mxnet_s_that_cannot_be_loaded(monkeypatch, tmp_path):
    (tmp_path / "mxnet").mkdir()
    (tmp_path / "mxnet" / "__init__.py").touch()
    (tmp_path / "mxnet" / "libmxnet.so").write_bytes(b"\x7fELF, cut short")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    (found,) = doctor._libraries()
    assert (found.status, found.name) == ("fail", "libraries")
    assert found.text.startswith("MXNet's own library cannot be loaded: ")
    assert found.fix == "pip install --force-reinstall --no-deps mxnet==1.9.1"


def test_threads(monkeypatch):
    for name in ("MXNET_ENGINE_TYPE", "MXNET_OMP_MAX_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    # As in the doctor's own process, which does not import MXNet.
    monkeypatch.setattr("d2l_mlp.hardware.engine.max_threads", lambda: 0)
    (found,) = doctor._threads()
    assert found.status == "ok"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (found,) = doctor._threads()
    assert found.status == "note"
    assert "OMP_NUM_THREADS=1" in found.text
    assert "unset OMP_NUM_THREADS" in found.fix


@pytest.mark.parametrize(
    ("system", "processor", "library", "status"),
    [
        ("Linux", "x86_64", ("glibc", "2.17"), "ok"),
        ("Linux", "aarch64", ("glibc", "2.36"), "ok"),
        ("Linux", "x86_64", ("glibc", "2.5"), "fail"),
        ("Linux", "x86_64", ("", ""), "fail"),  # musl, of Alpine
        ("Linux", "riscv64", ("glibc", "2.36"), "fail"),
        ("Darwin", "arm64", ("", ""), "fail"),
    ],
)
def test_systems(monkeypatch, system, processor, library, status):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: processor)
    monkeypatch.setattr(platform, "libc_ver", lambda: library)
    (found,) = doctor._system()
    assert found.status == status


@pytest.mark.parametrize(("version", "status"), [("3.11.7", "ok"), ("3.94.0", "note")])
def test_pythons(monkeypatch, version, status):
    monkeypatch.setattr(platform, "python_version", lambda: version)
    (found,) = doctor._python()
    assert found.status == status
    assert ("; tested are 3." in found.text) == (status == "note")


@pytest.mark.parametrize(
    ("python", "status"), [("/other/python", "note"), (sys.executable, "ok"), ("python", "ok")]
)
def test_the_python_of_the_kernel(monkeypatch, tmp_path, python, status):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": [python, "-m", "ipykernel_launcher"], "display_name": "", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    (found,) = doctor._kernel()
    assert found.status == status
    assert ("/other/python" in found.text) == (status == "note")


def test_a_version_that_is_not_wanted(monkeypatch):
    versions = {"matplotlib": "0.1"}
    monkeypatch.setattr(doctor, "installed", lambda name: (name, versions.get(name, "1.9.1")))
    (found,) = doctor._packages()
    assert found.status == "note"
    assert "matplotlib 0.1 (wanted " in found.text


def data():
    return [(finding.status, finding.text) for finding in doctor._data()]


@pytest.fixture
def no_system_package(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion_mnist, "SYSTEM_DIR", tmp_path / "nowhere")


def link(source, folder):
    folder.mkdir(parents=True)
    for path in source.glob("*.gz"):
        (folder / path.name).symlink_to(path)


def test_the_first_verified_place_is_used(full):
    link(full.folder, gluon_dir())
    assert data() == [
        ("ok", "our cache: absent"),
        ("ok", f"Gluon's folder: verified, used ({gluon_dir()})"),
        ("ok", f"system package: verified ({SYSTEM_DIR})"),
    ]


def test_damaged_and_withdrawn_files_are_passed_over(full, no_system_package, monkeypatch):
    labels = "train-labels-idx1-ubyte.gz"
    withdrawn = gzip.compress(b"files that cannot be had any more")
    content = (full.folder / labels).read_bytes()
    for folder, raw in ((cache_dir(), content[:-9]), (gluon_dir(), withdrawn)):
        link(full.folder, folder)
        (folder / labels).unlink()
        (folder / labels).write_bytes(raw)
    known = next(iter(KNOWN_FOREIGN.values()))
    monkeypatch.setitem(KNOWN_FOREIGN, hashlib.sha1(withdrawn).hexdigest(), known)
    (_, cache), (_, gluon), *rest = found = data()
    assert "is a truncated gzip file" in cache
    assert "is of the superseded release of August 2017" in gluon
    assert [status for status, _ in found] == ["note", "note", "ok", "note", "ok"]
    assert rest[1] == ("note", "network: 127.0.0.1:9: Connection refused")
    assert rest[2][1].startswith("embedded sample: used (")


ABSENT = [
    ("ok", "our cache: absent"),
    ("ok", "Gluon's folder: absent"),
    ("ok", "system package: absent"),
]


@pytest.mark.parametrize(
    ("dataset", "found"),
    [
        ("sample", [("ok", "embedded sample: verified, used")]),
        ("mnist", [("fail", "dataset 'mnist' is not known")]),
        ("fashion-mnist", [*ABSENT, ("fail", "network: 127.0.0.1:9: Connection refused")]),
    ],
)
def test_the_data_set_that_the_environment_names(no_system_package, monkeypatch, dataset, found):
    monkeypatch.setenv("D2L_MLP_DATASET", dataset)
    for (status, text), (expected, begin) in zip_longest(data(), found):
        assert status == expected
        assert text.startswith(begin)


def test_a_named_folder_has_to_be_verified(full, monkeypatch, tmp_path):
    monkeypatch.setenv("D2L_MLP_DATA", str(tmp_path))
    ((status, text),) = data()
    assert status == "fail"
    assert text.startswith("$D2L_MLP_DATA: ")
    monkeypatch.setenv("D2L_MLP_DATA", str(full.folder))
    assert data() == [("ok", f"$D2L_MLP_DATA: verified, used ({full.folder})")]
