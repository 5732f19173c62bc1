"""Files of a reader's that are called like a package, and a Python without docstrings."""

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
