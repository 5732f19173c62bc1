"""Files of a reader's that are called like a package, and a Python without docstrings."""

import ast
import platform
import sys

import pytest

from tests.conftest import ROOT
from tests.processes import SAMPLE

HIDING = ("argparse", "d2l", "json", "logging", "matplotlib", "mxnet", "numpy", "random", "tqdm")


def test_a_command_works_beside_files_that_are_called_like_what_it_imports(run, tmp_path):
    for name in HIDING:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    result = run(*SAMPLE, "--hidden", "--epochs", 1, "--out", "run")
    assert result.stderr == ""
    assert run("-m", "d2l_mlp.figures", "relu").stderr == ""


def test_so_does_a_checkout_of_the_repository(run, tmp_path):
    (tmp_path / "d2l_mlp").symlink_to(ROOT / "d2l_mlp")
    run("-m", "d2l_mlp.figures", "--list", env={"PYTHONPATH": ""})


def test_a_reader_s_own_command_is_left_as_python_starts_it(run, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "__init__.py").write_text("import d2l_mlp\n")
    (tmp_path / "own" / "go.py").write_text(
        "import os, signal, sys\n"
        # Ignored, where whoever started the tests ignores it, as a shell's background does.
        "assert signal.getsignal(signal.SIGINT) is not signal.SIG_DFL\n"
        "assert sys.path[0] == os.getcwd()\n"
    )
    run("-m", "own.go")


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
    assert " on Darwin arm64; d2l_mlp runs on CPython 3.8 and later, on Linux on x86-64 (" in line


def test_an_older_python_is_told_what_is_supported(run):
    before = "sys.version_info = (3, 7, 17, 'final', 0)"
    script = bare("d2l_mlp.train", before=before).replace(
        "runpy.run_module('d2l_mlp.train', run_name='__main__')", "import d2l_mlp"
    )
    (line,) = run("-S", "-c", script, code=1).stderr.splitlines()
    assert line.endswith("; d2l_mlp runs on CPython 3.8 and later, on Linux on x86-64")
    # What it reads before it says so.
    for name in ("__init__.py", "runtime/__init__.py", "runtime/interpreter.py"):
        ast.parse((ROOT / "d2l_mlp" / name).read_text("utf-8"), feature_version=(3, 7))
