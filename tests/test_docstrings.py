import ast
import doctest
import importlib
import re

import pytest

from tests.conftest import ROOT

SOURCES = sorted((ROOT / "d2l_mlp").rglob("*.py"))


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


WITH_EXAMPLES = [dotted(path) for path in SOURCES if ">>> " in path.read_text("utf-8")]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_are_true(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0


def public_functions(node):
    """Give the functions that a reader may call, and the methods; ruff sees to their docstrings."""
    for child in node.body:
        if isinstance(child, ast.ClassDef) and child.name[0] != "_":
            yield from public_functions(child)
        elif isinstance(child, ast.FunctionDef) and child.name[0] != "_":
            yield child


def own(function):
    """Give what stands in a function and not in one that is defined in it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            yield child
            yield from own(child)


def gaps(function):
    """Give what a docstring leaves out.

    One line may say it all. A longer docstring has numpydoc's sections, or says whose parameters it
    shares. Whatever raises an error says so, in a section or in words.
    """
    docstring = ast.get_docstring(function) or ""
    statements = list(own(function))
    arguments = function.args
    given = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    gives = any(
        isinstance(node, (ast.Return, ast.Yield)) and node.value is not None for node in statements
    )
    if "\n" in docstring:
        shared = re.search(r"[Pp]arameters( and errors)? are those of `", docstring)
        if given - {"self", "cls"} and "Parameters\n---" not in docstring and not shared:
            yield "Parameters"
        if gives and not re.search("(Returns|Yields)\n---", docstring):
            yield "Returns"
    if any(isinstance(node, ast.Raise) and node.exc for node in statements) and not re.search(
        r"(?i)\braises?\b|error", docstring
    ):
        yield "Raises"


@pytest.mark.parametrize("path", SOURCES, ids=dotted)
def test_public_functions_say_what_they_take_give_and_raise(path):
    functions = public_functions(ast.parse(path.read_text("utf-8")))
    missing = [f"{function.name}: {gap}" for function in functions for gap in gaps(function)]
    assert missing == []
