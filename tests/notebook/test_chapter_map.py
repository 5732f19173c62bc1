"""The map from the chapter to notebooks, names and commands: every row leads somewhere."""

import re

import nbformat
import pytest

import d2l_mlp
from d2l_mlp.__main__ import COMMANDS
from notebooks.execute import NOTEBOOKS, chapter_map
from tests.conftest import ROOT

ROWS = [
    [column.strip() for column in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "chapter.md").read_text("utf-8").splitlines()
    if line.startswith("|") and not line.startswith("|--")
][1:]


def sections(path):
    """Return the numbers of the code cells below each heading of a notebook."""
    found, below = {}, []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            below.append(cell.execution_count)
        else:
            for heading in re.findall(r"^#+ (.*)$", cell.source, re.MULTILINE):
                below = found.setdefault(heading, [])
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_a_row_leads_to_cells_of_a_notebook_and_to_names_and_commands(row):
    _, _, places, names, command = row
    for place in places.split("; "):
        path, heading, cells = re.fullmatch(
            r"\[\d\]\((\S+)\), (.+?)(?:, cells? ([\d, ]+))?", place
        ).groups()
        found = sections(ROOT / "docs" / path)
        assert heading in found
        assert {int(cell) for cell in re.findall(r"\d+", cells or "")} <= set(found[heading])
    for name in re.findall("`([^`]+)`", names):
        figure = re.fullmatch(r'draw\("(.+)"\)', name)
        assert figure[1] in d2l_mlp.FIGURES if figure else hasattr(d2l_mlp, name)
    if command:
        program, name, *arguments = command.strip("`").split()
        assert program == "d2l-mlp"
        args = COMMANDS[name].parser().parse_args(arguments)
        assert set(vars(args).get("names", ())) <= set(d2l_mlp.FIGURES)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_its_part_of_the_map_on_top(path):
    cell = nbformat.read(path, as_version=4).cells[1]
    assert (cell.cell_type, cell.source) == ("markdown", chapter_map(path))


def test_every_section_of_the_notebooks_is_in_a_row_or_is_not_of_the_chapter():
    """What a notebook adds to the chapter."""
    added = {
        "GELU and Swish", "Formula and autograd", "Try it", "Data", "The book's recipe",
        "A better recipe", "What it confuses", "Now you", "Exercises, with solutions",
        "Training on Fashion-MNIST",
    }  # fmt: skip
    places = "; ".join(row[2] for row in ROWS).split("; ")
    named = {re.sub(", cells? .*", "", place.split("), ", 1)[1]) for place in places}
    found = {heading for path in NOTEBOOKS for heading in sections(path)}
    assert found - named <= added
