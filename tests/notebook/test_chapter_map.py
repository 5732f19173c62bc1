"""The map from the chapter to notebooks, names and figures: every row leads somewhere."""

import re

import nbformat
import pytest

import d2l_mlp
from tests.conftest import ROOT

ROWS = [
    [column.strip() for column in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "chapter.md").read_text("utf-8").splitlines()
    if line.startswith("|") and not line.startswith("|--")
][1:]


def headings(path):
    cells = nbformat.read(path, as_version=4).cells
    return re.findall(r"^#+ (.*)$", "\n".join(c.source for c in cells), re.MULTILINE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_leads_to_a_section_of_a_notebook_and_to_names(row):
    _, sections, names = row
    for section in sections.split("; "):
        path, heading = re.fullmatch(r"\[\d\]\((\S+)\), (.+)", section).groups()
        assert heading in headings(ROOT / "docs" / path)
    for name in re.findall("`([^`]+)`", names):
        figure = re.fullmatch(r'draw\("(.+)"\)', name)
        if figure:
            assert figure[1] in d2l_mlp.FIGURES
        elif not name.startswith("python -m "):
            assert hasattr(d2l_mlp, name)


def test_every_section_of_the_notebooks_is_in_a_row_or_is_not_of_the_chapter():
    """What a notebook adds to the chapter."""
    added = {
        "From linear to nonlinear", "GELU and Swish", "Formula and autograd", "Try it", "Data",
        "The loop", "The book's recipe", "A better recipe", "What it confuses", "Now you",
        "Exercises, with solutions", "Training on Fashion-MNIST",
    }  # fmt: skip
    named = {section.split("), ", 1)[1] for row in ROWS for section in row[1].split("; ")}
    found = {h for path in (ROOT / "notebooks").glob("*.ipynb") for h in headings(path)}
    assert found - named <= added
