"""Docstrings: the examples are true, and what `d2l_mlp` exports has numpydoc's sections."""

import ast
import doctest
import importlib
import inspect
import re
import textwrap

import pytest

import d2l_mlp
from tests.conftest import ROOT


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


WITH_EXAMPLES = [
    dotted(path)
    for path in sorted((ROOT / "d2l_mlp").rglob("*.py"))
    if ">>> " in path.read_text("utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_are_true(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0


def sections(docstring):
    """Map each numpydoc section to its text; what comes first is the summary."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}$", docstring, flags=re.MULTILINE)
    return {"summary": parts[0], **dict(zip(parts[1::2], parts[2::2]))}


def described(section):
    """Return the names that a section describes, such as ``x, y : float``."""
    names = re.findall(r"^(\*{0,2}\w[\w, *]*)(?: :.*)?$", section, re.MULTILINE)
    return [name.strip("* ") for line in names for name in line.split(",")]


def own_nodes(function):
    """Yield the nodes of a function without those of functions defined in it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            yield child
            yield from own_nodes(child)


def raises(function):
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    return any(isinstance(node, ast.Raise) and node.exc for node in own_nodes(tree))


FUNCTIONS = [name for name in d2l_mlp.__all__ if inspect.isfunction(getattr(d2l_mlp, name))]
CLASSES = [
    name
    for name in d2l_mlp.__all__
    if inspect.isclass(getattr(d2l_mlp, name)) and not issubclass(getattr(d2l_mlp, name), Exception)
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_exported_function_has_every_section(name):
    function = getattr(d2l_mlp, name)
    found = sections(inspect.getdoc(function))
    assert described(found.get("Parameters", "")) == list(inspect.signature(function).parameters)
    returns = inspect.signature(function).return_annotation
    assert ("Returns" in found) == (returns not in ("None", None))
    assert "Raises" in found or not raises(function)


@pytest.mark.parametrize("name", CLASSES)
def test_an_exported_class_documents_what_it_is_made_of(name):
    """A tuple may describe its fields in comments, and Hyperparameters has a help for each."""
    class_ = getattr(d2l_mlp, name)
    found = sections(inspect.getdoc(class_))
    if class_ is not d2l_mlp.Hyperparameters and not issubclass(class_, tuple):
        names = described(found.get("Parameters", "") + found.get("Attributes", ""))
        fields = list(inspect.signature(class_).parameters)
        assert names[: len(fields)] == fields
    for key, method in vars(class_).items():
        assert key.startswith("_") or not inspect.isfunction(method) or inspect.getdoc(method)
