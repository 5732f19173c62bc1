"""The "Multilayer Perceptrons" chapter of *Dive into Deep Learning*, running again on MXNet.

Importing this package is cheap. It makes ``import mxnet`` and ``from d2l import mxnet as d2l`` work
on every supported Python and NumPy (see `d2l_mlp.compat.importer`). The names of the library, which
``__init__.pyi`` lists by module, are each imported when they are first used.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import as_file, files

from d2l_mlp.compat.importer import install_import_repairs

__version__ = "0.1.0"

LAYERS = (
    "rules",  # what a value may be
    "files",  # reading files that anybody made, writing files that are whole or not there
    "hardware",  # processors, GPU, memory
    "compat",  # retired MXNet and d2l run here
    "activations", "gradients", "mlp",  # the chapter's own
    "data",  # bytes to minibatches
    "training",  # minibatches to a net
    "theory",  # what the chapter claims
    "plotting",  # numbers to pictures
    "runs",  # a run on disk
    "inference",  # a trained net at work
    "pages",  # runs as a web page
    "notebook",  # what the notebooks show
    "cli",  # what the commands share
    # the commands
    "figures", "train", "launch", "evaluate", "predict", "export", "report", "doctor",
    "__main__",  # their list
)  # fmt: skip
"""Folders and modules from the lowest up: each imports only those before it, and itself."""

with suppress(ModuleNotFoundError):  # without any package, the commands still say what is missing
    import lazy_loader

    with as_file(files(__name__) / "__init__.pyi") as stub:  # the package may be in a zip
        if not stub.exists():
            raise ImportError(
                f"{stub} is missing; PyInstaller brings it with --collect-all d2l_mlp "
                "--collect-all mxnet --collect-all d2l"
            )
        __getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, str(stub))


def _read_fashion_mnist(train: bool) -> tuple:
    from d2l_mlp.data.d2l_loader import read_verified_data

    return read_verified_data(train)


install_import_repairs(_read_fashion_mnist)
