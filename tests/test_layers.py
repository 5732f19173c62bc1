"""The architecture: who imports whom, read from the source."""

import ast

import pytest

import d2l_mlp
from tests.conftest import ROOT

PACKAGE = ROOT / "d2l_mlp"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def layer(module):
    """Return a module's layer, such as ``data`` for ``d2l_mlp.data.loaders``."""
    return module.split(".")[1]


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imported(path):
    """Yield every module of the package that a module imports, in its functions too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("d2l_mlp."))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            if node.module == "d2l_mlp":
                yield from (f"d2l_mlp.{alias.name}" for alias in node.names if alias.name[0] != "_")
            elif node.module.startswith("d2l_mlp."):
                yield node.module


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_go_one_way(path):
    own = layer(dotted(path))
    for module in imported(path):
        assert d2l_mlp.LAYERS.index(layer(module)) <= d2l_mlp.LAYERS.index(own), module


# This one imports libraries by their names.
OWN_NAMES = [path for path in MODULES if path.stem != "lazy_imports"]


@pytest.mark.parametrize("path", OWN_NAMES, ids=dotted)
def test_no_module_is_imported_by_a_name_that_this_test_cannot_see(path):
    tree = ast.parse(path.read_text("utf-8"))
    names = {getattr(node, "id", getattr(node, "attr", None)) for node in ast.walk(tree)}
    assert not names & {"__import__", "import_module"}


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/__init__.py")), ids=dotted)
def test_a_folder_s_init_is_its_docstring(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert [type(node) for node in tree.body] == [ast.Expr]
    assert ast.get_docstring(tree)


def test_layers_are_the_folders_and_modules():
    assert {layer(dotted(path)) for path in MODULES} == set(d2l_mlp.LAYERS)


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=dotted)
def test_no_test_module_imports_another(path):
    modules = [
        node.module or ""
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
    ]
    assert not [module for module in modules if module.split(".")[-1].startswith("test_")]
