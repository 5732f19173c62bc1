"""The "Multilayer Perceptrons" chapter of *Dive into Deep Learning*, running again on MXNet.

Importing this package is cheap and makes ``import mxnet`` and ``from d2l import mxnet as d2l``
work on every supported Python and NumPy (see `d2l_mlp.runtime.compat`). Each module holds one idea
and is imported by its own name, for instance ``from d2l_mlp.mlp import build_mlp``.
"""

from d2l_mlp.runtime import compat

__version__ = "0.1.0"

ROOMS = (
    "runtime",  # how retired MXNet runs here
    "elementwise", "activations", "gradients", "mlp",  # the chapter's own
    "data",  # bytes to minibatches
    "training",  # minibatches to a net
    "theory",  # what the chapter claims about weights
    "plotting",  # numbers to pictures
    "runs",  # a run on disk
    "jupyter",  # what the notebooks show
    "diagnosis",  # what a machine has and lacks
    "cli",  # flags, exit codes, signals
    "figures", "train", "doctor",  # the commands
)  # fmt: skip
"""Folders and modules from the lowest up: each imports only those before it, and itself."""

compat.install()
