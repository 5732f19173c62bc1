import ast
import importlib
import io
import re
import shlex
import tokenize

import pytest

import d2l_mlp
from tests.conftest import ROOT
from tests.texts import assert_same

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text("utf-8") for page in PAGES)
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
MARK = "-- the next block --"
CONSOLE = re.findall(r"^\$ python -m (.*)\n((?:(?!\$ |```).+\n)+)", TEXT, re.MULTILINE)


def comments(block):
    """Return the comments after each ``print``, and all others."""
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


def test_python_prints_what_its_comments_say(run, call, tmp_path):
    for folder in re.findall(r'"(runs/[^"]*)"', "".join(PYTHON)):  # of the reader's own run
        call("-m", "d2l_mlp.train", "--dataset", "sample", "--epochs", 1, "--out", folder)
    scripts = "".join(f"print({MARK!r}); exec({block!r}, {{}})\n" for block in PYTHON)
    env = {"D2L_MLP_DATASET": "sample", "TMPDIR": str(tmp_path)}
    _, *outputs = run("-c", scripts, env=env).stdout.split(f"{MARK}\n")
    for block, printed in zip(PYTHON, outputs):
        expected, others = comments(block)
        assert not re.search(r"\b\d", " ".join(others)), "a number that nothing checks"
        if expected:
            # A figure of the book's is saved, and said so, when the next one begins.
            lines = [line for line in printed.splitlines() if not line.startswith("figure ")]
            assert len(lines) == len(expected)
            for line, comment in zip(lines, expected):
                assert_same(line, comment)


def test_there_is_something_to_check():
    assert sum(len(comments(block)[0]) for block in PYTHON) >= 7
    assert len(CONSOLE) == 1


@pytest.mark.slow
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


@pytest.mark.parametrize("command", re.findall(r"python -m d2l_mlp\.[^`;#\n]*", TEXT))
def test_commands_are_accepted(command):
    module, *flags = command.replace("$s", "0").split()[2:]
    flags = [flag.strip("'") for flag in re.findall(r"'[^']*'|\S+", " ".join(flags))]
    importlib.import_module(module).parser().parse_args([flag for flag in flags if flag != "done"])


def test_the_table_is_the_layers_in_their_order():
    rows = re.search(r"^\| layer \|.*\n.*\n((?:\|.*\n)+)", TEXT, re.MULTILINE).group(1).splitlines()
    layers = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert layers == list(d2l_mlp.LAYERS)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_what_a_page_names_is_there(page):
    text = page.read_text("utf-8")
    paths = re.findall(r"(?<![\w./-])(?:tests|benchmarks|docs|notebooks|d2l_mlp)/[\w./-]*\w", text)
    made = "docs/_build/html"
    assert [path for path in paths if path != made and not (ROOT / path).exists()] == []
    for target in re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)", text):
        path, _, section = "".join(target).partition("#")
        if not path.startswith("https:"):
            assert (page.parent / path).exists(), path
        if section:
            headings = re.findall(
                r"^#+ (.*)", (page.parent / path).read_text("utf-8"), re.MULTILINE
            )
            assert section in [heading.lower().replace(" ", "-") for heading in headings]


def test_every_table_is_whole():
    rows = [block for block in TEXT.split("\n\n") if block.startswith("|")]
    assert rows
    for block in rows:
        assert re.fullmatch(r"\|[-|]+\|", block.splitlines()[1]), "a row without a heading"


def test_readme_is_short():
    before, _ = PAGES[0].read_text("utf-8").split("## Tests")
    assert len(before.split()) < 450
