"""The library at the top level: the names of ``d2l_mlp/__init__.pyi``."""

import ast
import sys

import pytest

import d2l_mlp
from tests.conftest import ROOT

STUB = ast.parse((ROOT / "d2l_mlp" / "__init__.pyi").read_text("utf-8"))
IMPORTED = {
    alias.name: f"d2l_mlp.{node.module}"
    for node in STUB.body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}
COMMANDS = d2l_mlp.LAYERS[d2l_mlp.LAYERS.index("cli") + 1 : -1]


@pytest.mark.parametrize("name", IMPORTED)
def test_a_name_is_that_of_its_module(name):
    value = getattr(d2l_mlp, name)
    assert value is getattr(sys.modules[IMPORTED[name]], name)
    assert getattr(value, "__module__", None) in (None, IMPORTED[name])


def test_names_are_complete_and_no_command_is_hidden():
    assert dir(d2l_mlp) == sorted(d2l_mlp.__all__) == sorted(IMPORTED)
    modules = {path.stem for path in (ROOT / "d2l_mlp").iterdir()}
    assert set(COMMANDS) <= modules
    assert not modules & set(IMPORTED)
    with pytest.raises(AttributeError, match="no_such_name"):
        d2l_mlp.no_such_name  # noqa: B018


def test_importing_the_library_imports_nothing_heavy(run):
    code = "import sys, d2l_mlp, d2l_mlp.train; print(*sys.modules)"
    modules = set(run("-c", code).stdout.split())
    assert "d2l_mlp.train" in modules
    assert not modules & {"numpy", "mxnet", "matplotlib", "IPython", "d2l"}


def test_the_stub_s_own_list_is_what_it_imports():
    (names,) = (node.value for node in STUB.body if isinstance(node, ast.Assign))
    assert sorted(ast.literal_eval(names)) == sorted(IMPORTED)
