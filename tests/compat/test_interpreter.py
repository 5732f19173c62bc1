"""Files of a reader's that are called like a package, and a Python without docstrings."""

import platform
import sys

import pytest

from tests.processes import SAMPLE


@pytest.mark.parametrize("name", ["mxnet", "numpy"])
@pytest.mark.parametrize("imported", ["", "import {}\n"])
def test_a_script_is_told_which_file_hides_a_package(run, tmp_path, name, imported):
    hiding, script = tmp_path / f"{name}.py", tmp_path / "script.py"
    hiding.write_text("")
    script.write_text(f"import d2l_mlp\n{imported.format('numpy')}import mxnet\n")
    line = run(script, code=1).stderr.splitlines()[-1]
    assert line == (f"ImportError: {hiding} hides {name}; rename it, or start in another folder")


@pytest.mark.parametrize("args", [SAMPLE, ("-m", "d2l_mlp.figures", "relu")])
def test_python_without_docstrings_is_refused_in_one_line(run, args):
    (line,) = run("-OO", *args, code=1).stderr.splitlines()
    assert line.endswith(
        "error: MXNet needs docstrings, which python -OO leaves out; start python -O"
    )
    assert line.startswith("python -m d2l_mlp.")


@pytest.mark.slow
def test_python_without_assertions_works(run):
    assert run("-O", *SAMPLE, "--hidden", "--epochs", 1, "--out", "run").stderr == ""


def bare(*args, before=""):
    """Give a script that runs a module on a Python without any package, after some lines."""
    return (
        "import runpy, sys\n"
        "sys.path = [path for path in sys.path if 'packages' not in path]\n"
        f"{before}\n"
        f"sys.argv = ['-m', *{args[1:]!r}]\n"
        f"runpy.run_module({args[0]!r}, run_name='__main__')\n"
    )


COMMANDS = [
    ("d2l_mlp.train",),
    ("d2l_mlp.figures",),
    ("d2l_mlp.evaluate", "run"),
    ("d2l_mlp.predict", "run", "image"),
    ("d2l_mlp.export", "run", "-o", "model.onnx"),
    ("d2l_mlp.report", "run"),
]


@pytest.mark.parametrize("args", COMMANDS)
def test_a_python_without_the_packages_is_named_in_one_line(run, args):
    # Not isolated, and without the packages of this environment, installed for editing or not.
    (line,) = run("-S", "-c", bare(*args), code=1).stderr.splitlines()
    version = platform.python_version()
    assert line == (
        f"python -m {args[0]}: error: this is {sys.executable}, Python {version} on Linux x86_64, "
        "where d2l_mlp's dependencies are not installed; activate the environment that they are "
        f"in, or install them here: {sys.executable} -m pip install ."
    )


def test_another_system_is_told_what_is_supported(run):
    before = (
        "import platform; platform.system, platform.machine = lambda: 'Darwin', lambda: 'arm64'"
    )
    (line,) = run("-S", "-c", bare("d2l_mlp.train", before=before), code=1).stderr.splitlines()
    assert " on Darwin arm64; d2l_mlp runs on CPython 3.9 and later, on Linux on x86-64 or" in line
