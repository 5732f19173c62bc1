"""Import MXNet 1.9.1 and d2l on Pythons and NumPys that are younger than they are.

MXNet was retired in 2023. Its last release reads names that NumPy has since removed (see
`d2l_mlp.compat.numpy_aliases`), imports what Python has removed and much that it hardly uses (see
`d2l_mlp.compat.lazy_imports`), and warns of deprecations throughout. A finder in ``sys.meta_path``
makes the repairs, and chooses MXNet's engine, when something imports MXNet or d2l. So
``import d2l_mlp`` itself stays cheap.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

MXNET_VERSION = "1.9.1"
"""The only MXNet release this package is written for and tested on."""

INSTALLED_LAST = {"mxnet": f"mxnet=={MXNET_VERSION}", "d2l": "d2l>=0.17,<1.1"}
"""What pip installs without dependencies: both ask for a NumPy that younger Pythons do not have."""

_display_is_left_alone: ContextVar[bool] = ContextVar("left_alone", default=False)


def install_import_repairs() -> None:
    """Repair MXNet and d2l when something imports them, or now if that has happened already.

    MXNet's NumPy semantics (``npx.set_np()``) are switched on too, in every thread.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    for name, repair in _REPAIRS.items():
        if name in sys.modules:
            repair(sys.modules[name])


@contextmanager
def display_left_alone() -> Iterator[None]:
    """Keep d2l.plot, within the ``with`` block, from setting how the notebook shows pictures."""
    token = _display_is_left_alone.set(True)
    try:
        yield
    finally:
        _display_is_left_alone.reset(token)


class _Finder:
    """Finds the packages where Python would, and has `_Loader` load them."""

    def find_spec(
        self, fullname: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _REPAIRS:
            return None
        if fullname == "mxnet":
            from d2l_mlp.compat.interpreter import check_interpreter

            check_interpreter()
        spec = PathFinder.find_spec(fullname, path)
        if spec is None and fullname in INSTALLED_LAST:
            command = f"pip install --no-deps '{INSTALLED_LAST[fullname]}'"
            text = f"{fullname} is not installed; install it with: {command}"
            raise ModuleNotFoundError(text, name=fullname)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        with ExitStack() as stack:
            stack.enter_context(_without_garbage_collection())
            stack.enter_context(warnings.catch_warnings())
            # A retired package will fix neither. SyntaxWarning: its invalid escape sequences.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", SyntaxWarning)
            try:
                if module.__name__ == "mxnet":
                    _prepare_mxnet(stack)
                super().exec_module(module)
            except OSError as error:  # the dynamic loader's
                from d2l_mlp.compat.native_libs import explain_load_error

                raise ImportError(explain_load_error(error), name=module.__name__) from error
        _REPAIRS[module.__name__](module)


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
    from d2l_mlp.compat.native_libs import is_for_cpus, load_cuda
    from d2l_mlp.compat.numpy_aliases import numpy_names_while_importing
    from d2l_mlp.hardware.engine import fastest_engine

    load_cuda()
    for name in [name for name in sys.modules if name.startswith("mxnet.")]:
        del sys.modules[name]  # left by an import that failed before d2l_mlp was imported
    stack.enter_context(numpy_names_while_importing())
    stack.enter_context(delay_imports())
    # MXNet imports it too. NumPy 1.25 starts a process for it, which before Python 3.10 forks:
    # inside MXNet's import that would start MXNet's engine.
    import numpy.testing  # noqa: F401

    if is_for_cpus():  # a GPU is kept busy by MXNet's own engine
        stack.enter_context(fastest_engine())


def _repair_mxnet(mxnet: ModuleType) -> None:
    from d2l_mlp.compat.mxnet_repairs import repair_mxnet

    repair_mxnet()


def _repair_d2l(backend: ModuleType) -> None:
    from IPython import get_ipython

    from d2l_mlp.compat.d2l_display import adapt_to_script, add_descriptions, show_at_exit
    from d2l_mlp.compat.d2l_names import add_old_names

    # d2l.plot starts with this. The original goes through IPython, whose names for it have come
    # and gone, and outside a notebook it starts a shell, with a thread and files in the home.
    def use_svg_display() -> None:
        """Show plots as SVG in Jupyter; at its end, in a script."""
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        if _display_is_left_alone.get():
            return
        if get_ipython() is None:
            show_at_exit()
        else:
            set_matplotlib_formats("svg", "png")  # PNG for viewers that trust no SVG
            add_descriptions(get_ipython().display_formatter.formatters["image/png"])

    vars(backend)["use_svg_display"] = use_svg_display
    add_old_names(backend)
    if get_ipython() is None:
        adapt_to_script(backend)


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


_REPAIRS = {"mxnet": _repair_mxnet, "d2l": _repair_d2l_package, "d2l.mxnet": _repair_d2l}
