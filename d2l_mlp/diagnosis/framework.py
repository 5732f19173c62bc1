"""MXNet itself, and what it finds: its libraries, its features, GPUs. All in other processes."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from d2l_mlp.compat.importer import MXNET_VERSION
from d2l_mlp.compat.native_libs import cuda_folders, library_remedy
from d2l_mlp.diagnosis.finding import Finding, ProbeError, ask
from d2l_mlp.diagnosis.packages import installed
from d2l_mlp.hardware.devices import CUDA_INSTALL, CUDA_RUNS_ON, has_code_for

# Of Linux x86-64; told to trace, it lists the libraries of a program and runs nothing (ld.so(8)).
_DYNAMIC_LOADER = "/lib64/ld-linux-x86-64.so.2"

_FEATURES = """
import json, d2l_mlp, mxnet
from mxnet.runtime import Features
enabled = [name for name in ("CUDA", "CUDNN", "MKLDNN", "OPENMP", "BLAS_OPEN", "BLAS_MKL")
           if Features().is_enabled(name)]
print(json.dumps([mxnet.__version__, enabled]))
"""

_REINSTALL = f"pip install --force-reinstall --no-deps mxnet=={MXNET_VERSION}"

_GPUS = """
import json
from d2l_mlp.hardware import devices as cuda
try:
    print(json.dumps([cuda.compute_capability(index) for index in range(cuda.count_gpus())]))
except cuda.NoDriverError:
    print("null")
"""


def libraries() -> Iterator[Finding]:
    """List the system libraries that MXNet's wheel needs and does not find."""
    try:
        spec = importlib.util.find_spec("mxnet")
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        return  # the line about MXNet says so
    wheel = Path(spec.origin).with_name("libmxnet.so")
    searched = [os.environ.get("LD_LIBRARY_PATH"), *map(str, cuda_folders())]
    own = {"LD_TRACE_LOADED_OBJECTS": "1", "LD_LIBRARY_PATH": ":".join(filter(None, searched))}
    listing = subprocess.run(
        [_DYNAMIC_LOADER, str(wheel)], env={**os.environ, **own}, timeout=30,
        capture_output=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    if "=>" not in listing.stdout:
        why = (listing.stderr.strip().splitlines() or ["it lists no libraries"])[-1]
        text = f"MXNet's own library cannot be loaded: {why}"
        yield Finding("fail", "libraries", text, _REINSTALL)
        return
    missing = list(dict.fromkeys(re.findall(r"(\S+) => not found", listing.stdout)))
    for library in missing:
        remedy = library_remedy(library) or "ask your distribution which package has it"
        yield Finding("fail", "libraries", f"MXNet needs {library}, which is not found", remedy)
    if not missing:
        found = len(re.findall("=>", listing.stdout))
        yield Finding("ok", "libraries", f"the {found} that MXNet's wheel needs are found")


def mxnet() -> Iterator[Finding]:
    """Import MXNet as this package does, and say what it was built with."""
    try:
        version, features = ask(_FEATURES)
    except ProbeError as error:
        yield Finding(
            "fail", "mxnet", f"does not import: {error}",
            f"do what that says, or else: {_REINSTALL}",
        )  # fmt: skip
        return
    yield Finding("ok", "mxnet", f"{version} imports; built with {', '.join(features)}")
    yield from _import_order()


def _import_order() -> Iterator[Finding]:
    try:
        ask("import mxnet; print(0)")
    except ProbeError as error:
        yield Finding(
            "note", "import order", f"`import mxnet` alone fails here ({error})",
            "import d2l_mlp before anything imports mxnet or d2l",
        )  # fmt: skip
    else:
        yield Finding("ok", "import order", "`import mxnet` works also before d2l_mlp")


def gpus() -> Iterator[Finding]:
    """Compare the machine's GPUs with those that the installed wheel has code for."""
    try:
        capabilities = ask(_GPUS)
    except ProbeError as error:
        yield Finding("note", "gpu", f"none that works: {error}", "train with --device cpu")
        return
    wheel, _ = installed("mxnet")
    if not capabilities:
        reason = "no CUDA driver loads" if capabilities is None else "the CUDA driver shows no GPU"
        yield Finding("ok", "gpu", f"none ({reason}); training is on the CPU")
    for index, (major, minor) in enumerate(capabilities or []):
        text = f"gpu:{index} has compute capability {major}.{minor}"
        if not has_code_for((major, minor)):
            yield Finding(
                "note", "gpu", f"{text}, for which no wheel of MXNet has code ({CUDA_RUNS_ON})",
                "train with --device cpu",
            )  # fmt: skip
        elif wheel == "mxnet":
            yield Finding(
                "note", "gpu", f"{text}; the MXNet installed here is the CPU-only wheel",
                CUDA_INSTALL,
            )  # fmt: skip
        else:
            yield Finding("ok", "gpu", f"{text}, which {wheel} has code for")
