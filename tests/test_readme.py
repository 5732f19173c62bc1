import ast
import importlib
import io
import re
import shlex
import tokenize

import pytest

import d2l_mlp
from d2l_mlp.cli import train_flags as options
from tests.conftest import ROOT
from tests.texts import assert_same

README = (ROOT / "README.md").read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
CONSOLE = re.findall(r"^\$ python -m (.*)\n((?:(?!\$ |```).+\n)+)", README, re.MULTILINE)


def comments(block):
    """Give the comments after a ``print``, and all others."""
    prints = {
        node.end_lineno
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "print"
    }
    tokens = [
        (token.start[0], token.string.lstrip("# "))
        for token in tokenize.generate_tokens(io.StringIO(block).readline)
        if token.type == tokenize.COMMENT
    ]
    assert prints <= {line for line, _ in tokens}, "every print has a comment"
    return tuple(
        [text for line, text in tokens if (line in prints) == own] for own in (True, False)
    )


@pytest.mark.parametrize("block", PYTHON)
def test_python_prints_what_its_comments_say(run, block):
    for folder in re.findall(r'"(runs/[^"]*)"', block):  # of the reader's own run
        run("-m", "d2l_mlp.train", "--dataset", "sample", "--epochs", 1, "--out", folder)
    printed = run("-c", block, env={"D2L_MLP_DATASET": "sample"}).stdout.splitlines()
    expected, others = comments(block)
    assert not re.search(r"\d", " ".join(others)), "a number that nothing checks"
    if expected:
        assert len(printed) == len(expected)
        for line, comment in zip(printed, expected):
            assert_same(line, comment)


def test_there_is_something_to_check():
    assert sum(len(comments(block)[0]) for block in PYTHON) >= 7
    assert len(CONSOLE) == 1


@pytest.mark.parametrize(("command", "output"), CONSOLE)
def test_the_console_shows_what_a_command_prints(run, full, command, output):
    printed = run("-m", *shlex.split(command)).stdout.splitlines()
    expected = output.splitlines()
    assert len(printed) == len(expected)
    for line, example in zip(printed, expected):
        word = line.split()[0]
        assert word == example.split()[0]
        if word not in ("device", "versions"):  # a reader's own
            # Neither is how long it took, nor the folder that is named after the time.
            line, example = (re.sub(r"(  |; )\d+\.\d+ s.*", "", text) for text in (line, example))
            assert_same(line, example, trained=True)


@pytest.mark.parametrize("command", re.findall(r"python -m d2l_mlp[^`;#\n]*", README))
def test_commands_are_accepted(command):
    module, *flags = command.replace("$s", "0").split()[2:]
    flags = [flag.strip("'") for flag in re.findall(r"'[^']*'|\S+", " ".join(flags))]
    command = options if module == "d2l_mlp.train" else importlib.import_module(module)
    command.parser().parse_args([flag for flag in flags if flag != "done"])


def test_the_table_is_the_rooms_in_their_order():
    rows = README[README.index("| room |") :].split("\n\n")[0].splitlines()[2:]
    rooms = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert rooms == list(d2l_mlp.ROOMS)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_files_that_are_named_are_there(name):
    text = (ROOT / name).read_text("utf-8")
    paths = re.findall(r"(?<![\w./-])(?:tests|benchmarks|notebooks|d2l_mlp)/[\w./-]*\w", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
