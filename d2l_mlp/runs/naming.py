"""What the folders of a run are called. Nothing here imports MXNet."""

import time
from pathlib import Path

from d2l_mlp.runs.errors import explained
from d2l_mlp.training.hyperparameters import Hyperparameters

CHECKPOINTS = "checkpoints"
"""The folder of them in a run's folder."""


def default_folder(settings: Hyperparameters) -> Path:
    """Make a folder that is named after the time and the net, at a length that any disk allows."""
    name = "-".join(map(str, [settings.activation, *settings.hidden]))
    if len(name) > 100:
        name = f"{settings.activation}-{len(settings.hidden)}-layers"
    name = name if settings.hidden else "softmax"
    return make_next(Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}")


def make_next(path: Path) -> Path:
    """Make a new folder of the first name that is free, and so claim it.

    Parameters
    ----------
    path : Path
        The first to be tried; the others have -2, -3, ... behind it.

    Returns
    -------
    Path
        Of the folder.

    Raises
    ------
    RunError
        If none can be made there.
    """
    folder, number = path, 1
    with explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                number += 1
                folder = path.with_name(f"{path.name}-{number}")
