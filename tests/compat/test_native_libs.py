"""What a CUDA build of MXNet needs and finds; the machines have none, so that it is compiled."""

import json
import os
import platform
import subprocess
import venv
from pathlib import Path

import mxnet
import pytest

from d2l_mlp.compat import native_libs
from tests.conftest import ROOT

# What `readelf -d` lists for the wheels mxnet-cu112 and mxnet-cu117 1.9.1, and neither brings.
WHEELS = {
    "libcudart.so.11.0": "nvidia-cuda-runtime-cu11",
    "libcublas.so.11": "nvidia-cublas-cu11",
    "libcudnn.so.8": "'nvidia-cudnn-cu11<9'",
    "libcufft.so.10": "nvidia-cufft-cu11",
    "libcurand.so.10": "nvidia-curand-cu11",
    "libcusolver.so.11": "nvidia-cusolver-cu11",
    "libnccl.so.2": "nvidia-nccl-cu11",
    "libnvrtc.so.11.2": "nvidia-cuda-nvrtc-cu11",
    "libnvToolsExt.so.1": "nvidia-nvtx-cu11",
}
LOAD = """
import ctypes, sys
from d2l_mlp.compat.native_libs import explain_load_error, load_cuda
load_cuda()
try:
    ctypes.CDLL(sys.argv[1])
except OSError as error:
    print(explain_load_error(error))
"""
LIST = """
import json
from d2l_mlp import doctor
print(json.dumps([finding[2:] for finding in doctor._libraries()]))
"""


@pytest.fixture
def machine(tmp_path, compiler):
    """Make an environment with a CUDA build of MXNet, and a function that runs Python in it."""
    venv.create(tmp_path / "venv", with_pip=False)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    for folder in ("mxnet", "mxnet_cu112-1.9.1.dist-info", "nvidia", "away"):
        (site / folder).mkdir()
    (site / "mxnet" / "__init__.py").touch()
    (site / "mxnet_cu112-1.9.1.dist-info" / "METADATA").write_text(
        "Name: mxnet-cu112\nVersion: 1.9.1"
    )
    (tmp_path / "nothing.c").touch()
    for library in WHEELS:
        compiler("-Wl,-soname," + library, "-o", site / "away" / library, tmp_path / "nothing.c")
    needed = [site / "away" / library for library in WHEELS]
    compiler(
        "-Wl,--no-as-needed", "-o", site / "mxnet" / "libmxnet.so", tmp_path / "nothing.c", *needed
    )

    def python(code, **env):
        done = subprocess.run(
            [tmp_path / "venv" / "bin" / "python", "-c", code, site / "mxnet" / "libmxnet.so"],
            env={**os.environ, "PYTHONPATH": str(ROOT), **env},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    return site, python


def test_on_arm_the_system_s_libraries_have_the_names_of_arm_s(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setitem(native_libs.ON_ARM, "libamath.so", "libgomp.so.1")
    monkeypatch.setitem(native_libs.ON_ARM, "libarmpl_lp64_mp.so", "libnone.so.3")
    with native_libs.mxnet_library() as library:
        links = {path.name: path.resolve() for path in library.parent.iterdir()}
    wheel = Path(mxnet.__file__).parent
    assert links.pop("libamath.so").name.startswith("libgomp.so.1")
    assert links.pop("libastring.so").name.startswith("libm")
    assert links == {path.name: path for path in wheel.glob("lib*.so*")}  # nothing for what is not
    assert not library.parent.exists()


def install(site, library):
    """Put a library where its wheel has it."""
    folder = site / "nvidia" / library.split(".")[0] / "lib"
    folder.mkdir(parents=True)
    (site / "away" / library).rename(folder / library)


@pytest.mark.parametrize("count", [0, 4])
def test_one_command_installs_what_is_missing(machine, count):
    site, python = machine
    for library in list(WHEELS)[:count]:
        install(site, library)
    missing = list(WHEELS)[count:]
    command = f"pip install {' '.join(map(WHEELS.get, missing))}"
    needs = f"MXNet needs {', '.join(missing)}"
    assert json.loads(python(LIST)) == [[f"{needs}, which the system does not find", command]]
    assert python(LOAD) == f"{needs}; to install: {command}"
    for library in missing:
        install(site, library)
    assert "are found" in json.loads(python(LIST))[0][0]
    assert python(LOAD) == ""


def test_libraries_of_the_system_count(machine):
    site, python = machine
    found = {"LD_LIBRARY_PATH": str(site / "away")}
    assert "are found" in json.loads(python(LIST, **found))[0][0]
    assert python(LOAD, **found) == ""


def test_the_wheel_for_cpus_loads_none_of_them(machine):
    site, python = machine
    for library in WHEELS:
        install(site, library)
    loaded = "from pathlib import Path; print('/nvidia/' in Path('/proc/self/maps').read_text())"
    assert python(LOAD + loaded) == "True"
    (site / "mxnet_cu112-1.9.1.dist-info" / "METADATA").write_text("Name: mxnet\nVersion: 1.9.1")
    (site / "mxnet_cu112-1.9.1.dist-info").rename(site / "mxnet-1.9.1.dist-info")
    assert python(LOAD + loaded).splitlines()[-1] == "False"
