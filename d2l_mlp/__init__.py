"""The "Multilayer Perceptrons" chapter of *Dive into Deep Learning*, running again on MXNet.

Importing this package is cheap and makes ``import mxnet`` and ``from d2l import mxnet as d2l``
work on every supported Python and NumPy (see `d2l_mlp.runtime.compat`). Each module holds one idea
and is imported by its own name, for instance ``from d2l_mlp.mlp import build_mlp``.
"""

import sys

if sys.argv[:1] == ["-m"]:  # python -m has only begun
    _importer = sys._getframe(1)
    while str(_importer.f_globals.get("__name__")).startswith("importlib.") and _importer.f_back:
        _importer = _importer.f_back
    if _importer.f_globals.get("__name__") == "runpy":
        # With a command of ours, and not with a module of the reader's own, which imports us.
        import signal

        signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback before it handles Ctrl-C
        if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
            # It looks for modules in the current folder first. A random.py or a numpy.py in it is
            # the reader's own, and not what Python's or MXNet's modules want.
            sys.path.append(sys.path.pop(0))
    del _importer

from d2l_mlp.runtime import interpreter  # this much an older Python reads too

if sys.version_info < (3, 8):  # noqa: UP036 (it is told so here)
    message = f"{interpreter.name()}; {interpreter.SUPPORTED}"
    if sys.argv[:1] == ["-m"]:
        sys.exit(message)
    raise ImportError(message)

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
    "use",  # what a trained run is good for
    "pages",  # runs as a web page
    "jupyter",  # what the notebooks show
    "diagnosis",  # what a machine has and lacks
    "supervision",  # processes that end together
    "cli",  # flags, exit codes, signals
    # the commands
    "figures", "train", "launch", "evaluate", "predict", "export", "report", "doctor",
    "__main__",  # their list
)  # fmt: skip
"""Folders and modules from the lowest up: each imports only those before it, and itself."""

compat.install()
