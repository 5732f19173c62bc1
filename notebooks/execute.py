"""Run the notebooks and keep what they give: ``python notebooks/execute.py [NOTEBOOK ...]``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
NOTEBOOKS = sorted(HERE.glob("*.ipynb"))
BOOK = "https://d2l.ai/chapter_multilayer-perceptrons/mlp.html"
WIDGET = "application/vnd.jupyter.widget-view+json"


def chapter_map(path: Path) -> str:
    """Return the rows of docs/chapter.md that lead to a notebook, for the top of that notebook."""
    lines = (HERE.parent / "docs" / "chapter.md").read_text("utf-8").splitlines()
    header, rule, *rows = [line for line in lines if line.startswith("|")]
    table = [header.replace("| notebook |", "| here |"), rule]
    for row in rows:
        section, what, places, names, command = row.strip("|").split("|")
        here = [place.split("), ")[1].strip() for place in places.split("; ") if path.name in place]
        if here:
            table.append("|".join(["", section, what, f" {'; '.join(here)} ", names, command, ""]))
    others = ", ".join(f"[{p.stem[0]}]({p.name})" for p in NOTEBOOKS if p.name != path.name)
    return (
        f"From the [chapter]({BOOK})\nto the cells of this notebook, by their numbers. "
        f"The other notebooks: {others}.\n\n" + "\n".join(table)
    )


def execute(path: Path) -> nbformat.NotebookNode:
    """Run a notebook from top to bottom in a fresh kernel, and return it with its outputs.

    It runs as it is committed: on this checkout of the package, the full data set, and one
    thread, because the number of threads changes the last bits of what is computed. What differs
    from run to run, or is of no use to a reader, is left out.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source = chapter_map(path)
    own = {
        "PYTHONPATH": str(HERE.parent),
        "D2L_MLP_DATASET": "fashion-mnist",
        "OMP_NUM_THREADS": "1",
    }
    client = NotebookClient(
        notebook, timeout=1200, kernel_name="python3", store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(HERE)}},
    )  # fmt: skip
    client.execute(env={**os.environ, **own})
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"file_extension": ".py", "name": "python"},
    }
    for cell in notebook.cells:
        kept = cell.metadata.keys() & {"tags", "jupyter"}
        cell.metadata = {key: cell.metadata[key] for key in sorted(kept)}
        for output in cell.get("outputs", ()):
            # A widget is nothing without its kernel; the picture beside it remains.
            data = output.get("data", {})
            data.pop(WIDGET, None)
            if "text/plain" in data:  # the time that a training took
                data["text/plain"] = re.sub(r"; \d+ s, \d+ s left$", "", data["text/plain"])
    return notebook


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:] or NOTEBOOKS):
        nbformat.write(execute(path), path)
        print(path)
