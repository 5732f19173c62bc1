import re

import numpy
import pytest

from d2l_mlp import figures
from d2l_mlp.cli import train_flags as options
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d*)?(?:e[-+]?\d+)?", text)]


@pytest.mark.parametrize("block", PYTHON)
def test_python_runs_and_prints_what_its_comments_say(run, block):
    printed = run("-c", block, env={"D2L_MLP_MIRROR": "http://127.0.0.1:9/"}).stdout.splitlines()
    comments = re.findall(r"^print\(.*\)  # (.*?)(?:;.*)?$", block, re.MULTILINE)
    for line, comment in zip(printed, comments):
        expected = numbers(comment)[: len(numbers(line)) or 1]
        numpy.testing.assert_allclose(numbers(line), expected, rtol=1e-6)


@pytest.mark.parametrize("command", re.findall(r"python -m d2l_mlp[^`;#\n]*", README))
def test_commands_are_accepted(command):
    module, *flags = command.replace("$s", "0").split()[2:]
    flags = [flag.strip("'") for flag in re.findall(r"'[^']*'|\S+", " ".join(flags))]
    (figures if module == "d2l_mlp.figures" else options).parser().parse_args(
        [flag for flag in flags if flag != "done"]
    )


def test_modules_are_in_the_table():
    table = set(re.findall(r"`(\w+)`", README[README.index("| module |") :].split("\n\n")[0]))
    modules = {path.stem for path in (ROOT / "d2l_mlp").glob("[!_]*.py")}
    assert modules <= table
