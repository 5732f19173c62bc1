"""The list of the commands, and the commands by their names."""

import configparser

import pytest

import d2l_mlp
from tests.conftest import ROOT

COMMANDS = {"train", "launch", "evaluate", "predict", "export", "report", "figures", "doctor"}


@pytest.mark.parametrize("args", [(), ("--help",)])
def test_every_command_has_a_line_and_nothing_heavy_is_imported(run, args):
    listed = run("-X", "importtime", "-m", "d2l_mlp", *args)
    usage, empty, *lines = listed.stdout.splitlines()
    assert usage.startswith("usage: ")
    assert empty == ""
    assert {line.split()[0] for line in lines} == COMMANDS
    assert all(len(line.split()) > 3 and len(line) <= 80 for line in lines)
    modules = {line.split("|")[-1].strip() for line in listed.stderr.splitlines()}
    assert "argparse" in modules
    assert not modules & {"mxnet", "numpy", "matplotlib", "tqdm", "PIL"}


def test_a_command_by_its_name_is_the_command(run):
    for name in ("train", "doctor"):
        by_name = run("-m", "d2l_mlp", name, "--help").stdout
        assert by_name == run("-m", f"d2l_mlp.{name}", "--help").stdout


def test_the_console_script_is_the_same(run):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    script, target = setup["options.entry_points"]["console_scripts"].strip().split(" = ")
    module, function = target.split(":")
    assert script == "d2l-mlp"
    # What pip writes into the script.
    call = f"import sys; from {module} import {function}; sys.exit({function}())"
    assert run("-c", call, "--version").stdout == f"d2l_mlp {d2l_mlp.__version__}\n"


def test_an_unknown_command_is_one_line(run):
    (line,) = run("-m", "d2l_mlp", "trian", code=2).stderr.splitlines()
    assert line.startswith("python -m d2l_mlp: error: 'trian' is no command; give one of train,")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", COMMANDS),
        ("ev", {"evaluate"}),
        ("train --val", {"--validation"}),
        ("train --activation s", {"sigmoid", "swish"}),
        ("train --dataset ", {"auto", "fashion-mnist", "sample"}),
        ("train --device ", {"auto", "cpu", "gpu"}),
        ("launch --workers 2 --res", {"--restarts"}),
        ("figures relu-", {"relu-grad", "relu-wide"}),
        ("predict ru", {"runs/"}),
    ],
)
def test_a_shell_completes_what_is_typed(run, tmp_path, typed, offered):
    (tmp_path / "runs").mkdir()
    line = f"d2l-mlp {typed}"
    # What the function of bash's does that argcomplete registers.
    asked = {
        "_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": "bash", "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": "offered", "COMP_LINE": line,
        "COMP_POINT": str(len(line)), "COMP_TYPE": "9",
    }  # fmt: skip
    run("-m", "d2l_mlp", env=asked)
    words = {word.strip() for word in (tmp_path / "offered").read_text().split("\n")}
    assert words - {"-h", "--help"} == offered
