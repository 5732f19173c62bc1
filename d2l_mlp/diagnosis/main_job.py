"""The main job itself, small: train on the embedded sample."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from d2l_mlp.diagnosis.finding import Finding, ProbeError, run


def training() -> Iterator[Finding]:
    """Run the training command for an epoch, in a folder that is removed again."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "run")
        command = ["-m", "d2l_mlp.train", "--dataset", "sample", "--epochs", "1", "--quiet"]
        try:
            said = run(*command, "--device", "cpu", "--out", str(folder))
        except ProbeError as error:
            text = str(error).replace("python -m d2l_mlp.train: error: ", "")
            yield Finding(
                "fail", "training", text, "mend what failed above; if nothing did, report it"
            )
            return
    outcome = said.split(", best")[0].replace("final ", "")
    yield Finding("ok", "training", f"an epoch of the embedded sample: {outcome}")
