"""A figure that a notebook shows by itself, and that says in words what is to be seen."""

import base64
from typing import Any, Dict, Tuple

from matplotlib.figure import Figure

from d2l_mlp.plotting.savefig import to_png, to_svg


class Picture(Figure):
    """A matplotlib figure with a description.

    Its ground is white in a dark notebook too: the book chose its colours for paper, and what a
    saved notebook holds is one picture for both themes.

    Parameters
    ----------
    description : str
        In a sentence, for a reader who cannot see the picture, and where none can be shown.
    **options
        Those of `matplotlib.figure.Figure`.
    """

    def __init__(self, description: str, **options: Any):
        super().__init__(**options)
        self.description = description

    def _repr_mimebundle_(self, **_: Any) -> Tuple[Dict[str, str], Dict[str, Any]]:
        """Give Jupyter SVG, PNG for where no SVG is trusted, and the words for where neither is."""
        data = {
            "image/svg+xml": to_svg(self),
            "image/png": base64.b64encode(to_png(self)).decode(),
            "text/plain": self.description,
        }
        return data, {"image/png": {"alt": self.description}}
