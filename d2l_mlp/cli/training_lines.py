"""What the training command says: of the run before it, and of its outcome after it."""

import math
import platform
import sys
from importlib.metadata import version
from typing import Dict, Optional

import mxnet
import numpy
from mxnet import gluon
from tqdm import tqdm

from d2l_mlp import __version__
from d2l_mlp.data.reader import FashionMNIST
from d2l_mlp.runtime import device
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.state import TrainingState


def versions() -> Dict[str, str]:
    """Give the versions of what a result depends on."""
    return {
        "d2l_mlp": __version__,
        "mxnet": mxnet.__version__,
        "d2l": version("d2l"),
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }


def introduce(
    settings: Hyperparameters, data: FashionMNIST, context: mxnet.Context, net: gluon.Block
) -> None:
    """Say what is about to be trained, on what, and where."""
    shapes = [parameter.shape for parameter in net.collect_params().values()]
    units = "-".join(map(str, [shapes[0][1], *settings.hidden, shapes[-1][0]]))
    activation = settings.activation if settings.hidden else "no activation"
    count = sum(math.prod(shape) for shape in shapes)
    say(f"data      {data.describe()}")
    say(f"device    {device.describe(context)}")
    say(f"versions  {', '.join(f'{name} {number}' for name, number in versions().items())}")
    say(
        f"model     {units}, {activation}, {count:,} parameters, {settings.init}, "
        f"seed {settings.seed}"
    )


def say(line: str) -> None:
    """Print a line, above the progress bar if there is one."""
    tqdm.write(line, file=sys.stdout)
    sys.stdout.flush()


def outcome(state: TrainingState, watched: str, test_accuracy: Optional[float] = None) -> str:
    """Say what came of a run.

    Parameters
    ----------
    state : TrainingState
        Of its last epoch.
    watched : {"test", "validation"}
        The set that was measured after each epoch.
    test_accuracy : float, optional
        Of the best epoch on a validation set.

    Returns
    -------
    str
        A line, to which its time and its folder may be added.
    """
    if not state.history:
        return "no epoch was finished"
    last, best = state.history[-1], state.history[state.best_epoch - 1]
    line = (
        f"final {watched} accuracy {last.val_accuracy:.4f}, "
        f"best {best.val_accuracy:.4f} (epoch {best.epoch})"
    )
    return (
        line if test_accuracy is None else f"{line}, which on the test set is {test_accuracy:.4f}"
    )
