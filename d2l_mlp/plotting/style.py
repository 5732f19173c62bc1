"""The style of the book's figures, and files that are the same bytes on every run.

Importing this module is cheap: matplotlib is imported when a figure is drawn or saved.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2l_mlp.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from d2l_mlp.plotting.picture import Picture

STYLE: Mapping[str, Any] = {
    "figure.figsize": (3.5, 2.5),  # d2l's default
    "figure.dpi": 72,  # a unit of the SVG file is a point
    "figure.subplot.bottom": 0.125,  # the margin of Jupyter's inline figures
    "axes.titlesize": "medium",  # as all other text
    "legend.frameon": False,
    "svg.hashsalt": "d2l_mlp",  # instead of random identifiers
}

# A reader chooses these so that class names in other scripts can be written.
_FONTS = (
    "font.family", "font.serif", "font.sans-serif", "font.cursive", "font.fantasy",
    "font.monospace", "axes.unicode_minus",
)  # fmt: skip

# No time, and no version of matplotlib.
_METADATA: Mapping[str, Mapping[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}

FORMATS = tuple(_METADATA)


@contextmanager
def book_style() -> Iterator[None]:
    """Draw in the style of the book's figures, whatever the reader's own matplotlib settings.

    Only the reader's fonts are used. The settings are as before when the ``with`` block ends.
    """
    import matplotlib.style

    fonts = {name: matplotlib.rcParams[name] for name in _FONTS}
    with matplotlib.style.context(["default", STYLE, fonts]):
        yield


def legend_above(axes: Axes, columns: int = 1) -> None:
    """Add a legend above the axes, where it covers no curve."""
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1), ncols=columns,
        borderpad=0.2, columnspacing=1, handlelength=1.8,
    )  # fmt: skip


def save_figure(figure: Picture, path: str | Path, dpi: int = 200) -> Path:
    """Write or replace the file of a figure, whole or not at all, and return its path."""
    path = Path(path)
    form = path.suffix[1:]
    if form not in FORMATS:
        raise ValueError(f"cannot save '{path}': its name must end in .svg, .png or .pdf")
    write_atomically(path, render_figure(figure, form, dpi))
    return path


def to_svg(figure: Picture) -> str:
    """Return a figure, drawn in `book_style`, as one ``<svg>`` element of a web page."""
    svg = render_figure(figure, "svg").decode("utf-8")
    return svg[svg.index("<svg") :]


def render_figure(figure: Picture, form: str, dpi: int = 200) -> bytes:
    """Return a figure's file, one of `FORMATS`: the same bytes on every run. Only PNG has dpi."""
    file = io.BytesIO()
    if form != "png":
        dpi = STYLE["figure.dpi"]
    metadata = {**_METADATA[form], "Title": figure.description}
    with book_style():
        figure.savefig(file, format=form, dpi=dpi, bbox_inches="tight", metadata=metadata)
    return file.getvalue()
