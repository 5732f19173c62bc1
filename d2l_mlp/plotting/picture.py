"""A figure that a notebook shows by itself, with a description in words."""

from __future__ import annotations

import base64
from typing import Any

from matplotlib.figure import Figure

from d2l_mlp.plotting.style import to_png, to_svg


class Picture(Figure):
    """A matplotlib figure with a description, for a reader who cannot see it.

    Its background is white in a dark notebook too, because the book chose its colours for paper.
    """

    def __init__(self, description: str, **options: Any):
        super().__init__(**options)
        self.description = description

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        """Return SVG for Jupyter, PNG where no SVG is trusted, and the words where neither is."""
        data = {
            "image/svg+xml": to_svg(self),
            "image/png": base64.b64encode(to_png(self)).decode(),
            "text/plain": self.description,
        }
        return data, {"image/png": {"alt": self.description}}
