"""Import MXNet 1.9.1 and d2l on Pythons and NumPys that are younger than they are.

MXNet was retired in 2023. Its last release reads names that NumPy has since removed (see
`d2l_mlp.compat.numpy_aliases`), imports what Python has removed and much that it hardly uses (see
`d2l_mlp.compat.lazy_imports`), and warns of deprecations throughout. A finder in ``sys.meta_path``
makes the repairs, and chooses MXNet's engine, when something imports MXNet or d2l. So
``import d2l_mlp`` itself stays cheap.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.abc import InspectLoader, Loader
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Callable

MXNET_VERSION = "1.9.1"
"""The only MXNet release this package is written for and tested on."""

INSTALLED_LAST = {"mxnet": f"mxnet=={MXNET_VERSION}", "d2l": "d2l>=0.17,<1.1"}
"""What pip installs without dependencies: both ask for a NumPy that younger Pythons do not have."""

Repair = Callable[[ModuleType], None]


def install_import_repairs(read_fashion_mnist: Callable[[bool], tuple]) -> None:
    """Repair MXNet and d2l when something imports them, or now if that has happened already.

    MXNet's NumPy semantics (``npx.set_np()``) are switched on too, in every thread. Gluon's
    ``FashionMNIST(train=...)`` gets its images and labels from `read_fashion_mnist`.
    """
    repairs: dict[str, Repair] = {
        "mxnet": partial(_repair_mxnet, read_fashion_mnist),
        "d2l": _repair_d2l_package,
        "d2l.mxnet": _repair_d2l,
    }
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(repairs))
    for name, repair in repairs.items():
        if name in sys.modules:
            repair(sys.modules[name])


class _Finder:
    """Finds the packages where Python would, and repairs what their loaders load."""

    def __init__(self, repairs: dict[str, Repair]):
        self.repairs = repairs

    def find_spec(
        self, fullname: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.repairs:
            return None
        if fullname == "mxnet":
            from d2l_mlp.compat.interpreter import check_interpreter

            check_interpreter()
        others = [finder for finder in sys.meta_path if finder is not self]
        specs = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next(filter(None, specs), None)
        if fullname in INSTALLED_LAST and (spec is None or spec.origin is None):  # an empty folder
            command = f"pip install --no-deps '{INSTALLED_LAST[fullname]}'"
            text = f"{fullname} is not installed; install it with: {command}"
            raise ModuleNotFoundError(text, name=fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self.repairs[fullname])
            if fullname == "d2l":
                _add_installed_d2l(spec)
        return spec


def _add_installed_d2l(spec: ModuleSpec) -> None:
    """Let a reader's own d2l, beside the notebook, have the modules of the installed one too."""
    found = [spec, *(PathFinder.find_spec("d2l", [entry]) for entry in sys.path)]
    folders = [folder for each in found if each for folder in each.submodule_search_locations or ()]
    spec.submodule_search_locations = list(dict.fromkeys(folders))


class _Loader(Loader):
    """Repairs what another loader loads: from source, byte code, a zip or a frozen program."""

    def __init__(self, loader: Any, repair: Repair):
        self.loader, self.repair = loader, repair

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        # Python 3.9's loader of zips has neither this nor exec_module.
        create = getattr(self.loader, "create_module", None)
        return create(spec) if create else None

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__loader__"] = vars(module)["__spec__"].loader = self.loader
        with ExitStack() as stack:
            stack.enter_context(_without_garbage_collection())
            stack.enter_context(warnings.catch_warnings())
            # A retired package will fix neither. SyntaxWarning: its invalid escape sequences.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", SyntaxWarning)
            try:
                if module.__name__ == "mxnet":
                    _prepare_mxnet(stack)
                if hasattr(self.loader, "exec_module"):
                    self.loader.exec_module(module)
                else:
                    InspectLoader.exec_module(self.loader, module)
            except (OSError, RuntimeError) as error:
                if module.__name__ != "mxnet":
                    raise
                from d2l_mlp.compat.native_libs import explain_load_error

                raise ImportError(explain_load_error(error), name=module.__name__) from error
        self.repair(module)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    # MXNet's import makes an object for every operator, and all of them stay: the garbage
    # collector would spend a tenth of the whole time on them.
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _prepare_mxnet(stack: ExitStack) -> None:
    from d2l_mlp.compat.lazy_imports import delay_imports
    from d2l_mlp.compat.native_libs import is_for_cpus, load_cuda, mxnet_library
    from d2l_mlp.compat.numpy_aliases import numpy_names_while_importing
    from d2l_mlp.hardware.engine import fastest_engine

    load_cuda()
    if platform.machine() == "aarch64" and "MXNET_LIBRARY_PATH" not in os.environ:
        os.environ["MXNET_LIBRARY_PATH"] = str(stack.enter_context(mxnet_library()))
        stack.callback(os.environ.pop, "MXNET_LIBRARY_PATH", None)
    for name in [name for name in sys.modules if name.startswith("mxnet.")]:
        del sys.modules[name]  # left by an import that failed before d2l_mlp was imported
    stack.enter_context(numpy_names_while_importing())
    stack.enter_context(delay_imports())
    # MXNet imports it too. NumPy 1.25 starts a process for it, which before Python 3.10 forks:
    # inside MXNet's import that would start MXNet's engine.
    import numpy.testing  # noqa: F401

    if is_for_cpus():  # a GPU is kept busy by MXNet's own engine
        stack.enter_context(fastest_engine())


def _repair_mxnet(read_fashion_mnist: Callable[[bool], tuple], mxnet: ModuleType) -> None:
    from d2l_mlp.compat.mxnet_repairs import repair_mxnet

    repair_mxnet(read_fashion_mnist)


def _repair_d2l(backend: ModuleType) -> None:
    from d2l_mlp.compat import d2l_display
    from d2l_mlp.compat.d2l_names import add_old_names

    # d2l.plot starts with this. The original goes through IPython, whose names for it have come
    # and gone, and outside a notebook it starts a shell, with a thread and files in the home.
    def use_svg_display() -> None:
        """Show plots as SVG in Jupyter; at its end, in a script."""
        if d2l_display.in_notebook():
            d2l_display.show_at_once()
        else:
            d2l_display.show_at_exit()

    vars(backend)["use_svg_display"] = use_svg_display
    add_old_names(backend)
    d2l_display.restore_formats()
    if not d2l_display.in_notebook():
        d2l_display.adapt_to_script(backend)


_BACKENDS = ("mxnet", "torch", "tensorflow", "jax", "paddle")  # submodules of d2l


def _repair_d2l_package(package: ModuleType) -> None:
    def find(name: str) -> Any:
        """Find what the old editions call on the bare ``import d2l``."""
        if not name.startswith("_") and name not in _BACKENDS:
            from d2l import mxnet as backend

            if name in vars(backend):
                return vars(backend)[name]
        raise AttributeError(f"module 'd2l' has no attribute {name!r}")

    vars(package)["__getattr__"] = find
