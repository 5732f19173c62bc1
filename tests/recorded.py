"""The chapter's figures as the book recorded them."""

import json
from pathlib import Path

FIGURES = json.loads(
    (Path(__file__).parent / "plotting" / "recorded_figures.json").read_text("utf-8")
)
"""By the names of `d2l_mlp.plotting.figures`: points, labels, path and size of each."""
