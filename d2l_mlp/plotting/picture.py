"""A figure that a notebook shows by itself, with a description in words."""

from __future__ import annotations

import sys
from typing import Any

from matplotlib.figure import Figure

from d2l_mlp.plotting.style import render_figure, to_svg


class Picture(Figure):
    """A matplotlib figure with a description, for a reader who cannot see it.

    Its background is white in a dark notebook too, because the book chose its colours for paper.
    """

    def __init__(self, description: str, **options: Any):
        super().__init__(**options)
        self.description = description

    # SVG for Jupyter; PNG, at 96 dpi of the same size, where no SVG is trusted; or the words.

    def _repr_svg_(self) -> tuple[str, dict[str, str]]:
        return to_svg(self), {"alt": self.description}

    def _repr_png_(self) -> tuple[bytes, dict[str, str]]:
        return render_figure(self, "png", dpi=96), {"alt": self.description}

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(self.description)


# IPython prefers the printers of matplotlib's own figures to these methods, unless it knows them.
_shell = "IPython" in sys.modules and sys.modules["IPython"].get_ipython()
if _shell:
    _formatters = _shell.display_formatter.formatters
    _formatters["image/svg+xml"].for_type(Picture, Picture._repr_svg_)
    _formatters["image/png"].for_type(Picture, Picture._repr_png_)
