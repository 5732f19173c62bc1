"""Site of docs, notebooks and docstrings: ``python -m sphinx -W docs docs/_build/html``."""

from __future__ import annotations

import shutil
from pathlib import Path

import d2l_mlp

project = "d2l_mlp"
release = d2l_mlp.__version__
extensions = [
    "myst_nb",  # the pages and the saved notebooks
    "numpydoc",
    "sphinx.ext.apidoc",
    "sphinx.ext.autodoc",
    "sphinx-mathjax-offline",  # formulas, without another host's MathJax
]
exclude_patterns = ["_build", "reference/modules.rst"]
default_role = "py:obj"
html_theme = "furo"
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 2
apidoc_modules = [
    {"path": "../d2l_mlp", "destination": "reference", "separate_modules": True,
     "module_first": True, "exclude_patterns": ["**/sample/make.py"],
     "automodule_options": {"members", "show-inheritance"}}
]  # fmt: skip
autodoc_typehints = "none"  # numpydoc's sections have them
numpydoc_show_class_members = False

# Sphinx follows links only within this folder.
HERE = Path(__file__).parent
shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", dirs_exist_ok=True)


def _link_copies(app, docname, source):
    """Link to the copies of the notebooks."""
    source[0] = source[0].replace("](../notebooks/", "](notebooks/")


def setup(app):
    """Connect it."""
    app.connect("source-read", _link_copies)
