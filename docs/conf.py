"""Site of docs, notebooks and docstrings: ``python -m sphinx -W docs docs/_build/html``.

Comments such as ``<!-- gallery -->`` stand in the pages for what is made from the code here.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shutil
from pathlib import Path

import nbformat
from sphinx.pycode import ModuleAnalyzer

import d2l_mlp
from d2l_mlp.__main__ import COMMANDS
from d2l_mlp.plotting.style import save_figure

project = "d2l_mlp"
release = d2l_mlp.__version__
html_title = "d2l_mlp"
copyright = "the authors of d2l_mlp; Apache-2.0"
extensions = [
    "myst_nb",  # the pages and the saved notebooks
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx-mathjax-offline",  # formulas, without another host's MathJax
]
exclude_patterns = ["_build"]
default_role = "py:obj"
html_theme = "furo"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
nb_execution_mode = "off"
nb_render_markdown_format = "myst"
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 2
add_module_names = False
autodoc_typehints = "none"  # numpydoc's sections have them
numpydoc_show_class_members = False

HERE = Path(__file__).parent
MADE = HERE / "reference"
LIBRARY = ast.parse(HERE.parent.joinpath("d2l_mlp", "__init__.pyi").read_text("utf-8"))


def readme() -> str:
    """Return what README says to a reader, without what concerns the repository."""
    text = HERE.parent.joinpath("README.md").read_text("utf-8")
    return text[: text.index("## Tests")].replace("](docs/", "](")


def gallery() -> str:
    """Draw every figure, and return them as thumbnails."""
    cells = []
    for name, (title, _) in d2l_mlp.FIGURES.items():
        picture = d2l_mlp.draw(name)
        save_figure(picture, MADE / f"{name}.svg")
        cells.append(
            f":::{{figure}} reference/{name}.svg\n:alt: {picture.description}\n"
            f":target: _images/{name}.svg\n\n"
            f'**{name}**: {title}\n`python -m d2l_mlp.figures {name}`\n`draw("{name}")`\n:::\n'
        )
    return "::::{container} gallery\n" + "\n".join(cells) + "::::"


def commands() -> str:
    """Return the arguments of every command."""
    lines = []
    for name, module in COMMANDS.items():
        parser = module.parser()
        formatter = parser._get_formatter()
        lines.append(f"## {name}\n\n`{parser.prog}`\n\n{parser.description}\n")
        for action in parser._actions[1:]:  # without --help
            usage = formatter._format_action_invocation(action)
            # Flags, variables and placeholders are code.
            text = re.sub(
                r"--[\w-]+|[\w/-]*[$<][\w<>/-]*|\w+\*", r"`\g<0>`", formatter._expand_help(action)
            )
            lines.append(f"`{usage}`\n: {text}\n")
        lines.append(f"{parser.epilog or ''}\n")
    return "\n".join(lines)


def activations() -> str:
    """Return the activation functions as a table."""
    rows = [
        f"| `{a.name}` | ${a.formula}$ | ${a.derivative_formula}$ | {a.source} |"
        for a in d2l_mlp.ACTIVATIONS.values()
    ]
    return "\n".join(["| name | $f(x)$ | $f'(x)$ | source |", "|---|---|---|---|", *rows])


def reference() -> str:
    """Write a page for each layer of the library, and return a list of them."""
    pages: dict[str, list[str]] = {}
    rows = []
    for node in ast.walk(LIBRARY):
        if isinstance(node, ast.ImportFrom):
            layer, module = node.module.split(".")[0], f"d2l_mlp.{node.module}"
            page = pages.setdefault(layer, [f"# {layer}\n"])
            if len(page) == 1:
                rows.append(f"\n## [{layer}](reference/{layer}.md)\n\n| name | |\n|---|---|")
            for alias in node.names:
                name = alias.name
                value = getattr(importlib.import_module(module), name)
                kind = (
                    "class" if inspect.isclass(value)
                    else "function" if inspect.isfunction(value) else "data"
                )  # fmt: skip
                options = {"class": "   :members:\n", "data": "   :no-value:\n"}.get(kind, "")
                page.append(
                    f"```{{eval-rst}}\n.. currentmodule:: {module}\n"
                    f".. auto{kind}:: {name}\n{options}```\n"
                )
                if name == "ACTIVATIONS":
                    page.append(activations() + "\n")
                docs = ModuleAnalyzer.for_module(module).find_attr_docs()
                summary = docs.get(("", name)) or inspect.getdoc(value).splitlines()
                summary = re.sub(":math:`(.*?)`", r"$\1$", summary[0])
                rows.append(f"| [`{name}`](#{module}.{name}) | {summary} |")
    for layer, parts in pages.items():
        (MADE / f"{layer}.md").write_text("\n".join(parts), "utf-8")
    toctree = "\n".join(f"reference/{layer}" for layer in pages)
    return "\n".join(rows) + f"\n\n```{{toctree}}\n:hidden:\n\n{toctree}\n```"


def copy_notebooks() -> None:
    """Copy the notebooks, because Sphinx follows links only within this folder.

    Where myst-nb looks for it, each picture gets its description, or else the code that shows it.
    """
    (HERE / "notebooks").mkdir(exist_ok=True)
    for path in HERE.parent.glob("notebooks/*.ipynb"):
        notebook = nbformat.read(path, 4)
        for cell in notebook.cells:
            alt = "Output of " + (cell.source.splitlines() or [""])[-1]
            for output in cell.get("outputs", []):
                for metadata in output.get("metadata", {}).values():
                    alt = metadata.get("alt", alt)
            cell.metadata["mystnb"] = {"image": {"alt": alt}}
        nbformat.write(notebook, HERE / "notebooks" / path.name)


copy_notebooks()
shutil.rmtree(MADE, ignore_errors=True)
MADE.mkdir()
PARTS = {f"<!-- {part.__name__} -->": part() for part in (readme, gallery, commands, reference)}


def _complete(app, docname, source):
    """Put what is made from the code into its places, and link to the copies of the notebooks."""
    for comment, text in PARTS.items():
        source[0] = source[0].replace(comment, text)
    source[0] = source[0].replace("](../notebooks/", "](notebooks/")


def setup(app):
    """Connect it; Sphinx does not see when the code behind these pages changes."""
    app.connect("source-read", _complete)
    app.connect("env-get-outdated", lambda *_: ["index", "figures", "commands", "reference"])
