"""Import MXNet 1.9.1 and d2l on Pythons and NumPys that are younger than they are.

MXNet was retired in 2023. Its last release reads names that NumPy has since removed (see
`d2l_mlp.runtime.old_numpy`), imports what Python has removed and much that it hardly uses (see
`d2l_mlp.runtime.spared`); and its import is full of deprecation warnings. The repairs are made at
the moment somebody imports it, so that ``import d2l_mlp`` itself stays cheap.
"""

import gc
import sys
import warnings
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any, ContextManager, Dict, Iterator, Optional

from d2l_mlp.runtime import drawing

MXNET_VERSION = "1.9.1"
"""The only MXNet release this package is written for and tested on."""

_left_alone: "ContextVar[bool]" = ContextVar("left_alone", default=False)  # each thread's own


def install() -> None:
    """Make ``import mxnet`` and ``from d2l import mxnet`` work from here on.

    Called by ``import d2l_mlp``; calling it again changes nothing. It imports neither package:
    the repairs run when something does. As in the chapter's first cell, MXNet's NumPy semantics
    (``npx.set_np()``) are switched on at that moment, and in every thread.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    for name, repair in _REPAIRS.items():
        if name in sys.modules:  # imported before us: what is left to repair, repair now
            repair(sys.modules[name])


@contextmanager
def display_left_alone() -> Iterator[None]:
    """Keep d2l.plot from choosing, within the ``with`` block, how the notebook shows pictures."""
    token = _left_alone.set(True)
    try:
        yield
    finally:
        _left_alone.reset(token)


class _Finder:
    """Finds the packages where Python would, and has `_Loader` load them."""

    def find_spec(
        self, fullname: str, path: Any = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if fullname not in {*_REPAIRS, "matplotlib"}:
            return None
        if fullname == "mxnet":
            from d2l_mlp.runtime import interpreter

            interpreter.check()
        spec = PathFinder.find_spec(fullname, path)
        if spec is None and fullname == "mxnet":
            raise ModuleNotFoundError(
                "MXNet is not installed; install it with: "
                f"pip install --no-deps mxnet=={MXNET_VERSION}",
                name=fullname,
            )
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ == "matplotlib":
            drawing.load(partial(super().exec_module, module))
            return
        names: ContextManager[None] = nullcontext()
        others: ContextManager[None] = nullcontext()
        if module.__name__ == "mxnet":
            from d2l_mlp.runtime import environment, libraries, old_numpy, spared

            environment.prepare()
            libraries.load_cuda()
            names, others = old_numpy.while_importing(), spared.while_importing()
            for name in [name for name in sys.modules if name.startswith("mxnet.")]:
                del sys.modules[name]  # left by an import that failed before ours was there
        # MXNet's import makes an object for every operator, and all of them stay: the time that the
        # garbage collector spends on them, a tenth of the whole, is for nothing.
        collecting = gc.isenabled()
        gc.disable()
        try:
            with warnings.catch_warnings(), names, others:
                # A retired package is not going to answer them. SyntaxWarning: its invalid
                # escape sequences, where no bytecode was written at installation.
                warnings.simplefilter("ignore", DeprecationWarning)
                warnings.simplefilter("ignore", SyntaxWarning)
                if module.__name__ == "mxnet":
                    # Which MXNet imports too. NumPy 1.25 starts a process for it, and where that
                    # forks, as before Python 3.10, MXNet's engine would start in its import.
                    import numpy.testing  # noqa: F401
                super().exec_module(module)
        except OSError as error:  # the dynamic loader's, from the wheel's shared object
            from d2l_mlp.runtime import libraries

            raise ImportError(libraries.explain(error), name=module.__name__) from error
        finally:
            if collecting:
                gc.enable()
        _REPAIRS[module.__name__](module)


def _repair_mxnet(mxnet: ModuleType) -> None:
    import multiprocessing

    import numpy

    from d2l_mlp.runtime import dense_layers, gluon_loaders, old_numpy, semantics

    _show_mxnet(numpy, old_numpy.missing_names())
    # Gluon's worker processes get their data set by being forked. From Python 3.14 on they would
    # be started in another way, which fails in each of them, and their pool starts new ones for
    # ever.
    fork = multiprocessing.get_context("fork")
    forking = {name: getattr(fork, name) for name in ("Pool", "Process", "get_context")}
    _show_mxnet(multiprocessing, forking)
    for name in ("ndarray", "symbol"):  # where operators get their arguments
        vars(sys.modules[f"mxnet._ctypes.{name}"])["str"] = old_numpy.as_text
    mxnet.np.ndarray.__array__ = old_numpy.as_array
    # Gluon's loader calls the older name, which does the same and warns.
    mxnet.np.ndarray.as_in_context = mxnet.np.ndarray.as_in_ctx
    semantics.use_numpy_in_every_thread()
    dense_layers.refuse_other_dtypes()
    gluon_loaders.end_them_at_exit()


def _show_mxnet(original: ModuleType, names: Dict[str, Any]) -> None:
    """Let MXNet's modules, and no others, see a module with some names added or changed."""
    shown = ModuleType(original.__name__, original.__doc__)
    vars(shown).update(vars(original), **names)
    for name, module in list(sys.modules.items()):
        if name.startswith("mxnet."):
            for key, value in list(vars(module).items()):
                if value is original:
                    setattr(module, key, shown)


def _repair_d2l(backend: ModuleType) -> None:
    from IPython import get_ipython

    from d2l_mlp.runtime import descriptions, scripts

    # d2l.plot starts with this. The original goes through IPython, whose names for it have come
    # and gone, and outside a notebook it starts a shell, with a thread and files in the home.
    def use_svg_display() -> None:
        """Show plots as SVG in Jupyter; at its end, in a script."""
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        if _left_alone.get():
            return
        if get_ipython() is None:
            scripts.show_at_exit()
        else:
            set_matplotlib_formats("svg", "png")  # PNG for where no SVG is trusted
            descriptions.add_to(get_ipython().display_formatter.formatters["image/png"])

    vars(backend)["use_svg_display"] = use_svg_display
    if get_ipython() is None:
        scripts.adapt(backend)


_REPAIRS = {"mxnet": _repair_mxnet, "d2l.mxnet": _repair_d2l}
