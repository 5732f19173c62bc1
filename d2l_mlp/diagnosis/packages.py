"""The packages: those that are required, in versions that were tested, and Jupyter's kernel."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from d2l_mlp import __version__
from d2l_mlp.compat.importer import MXNET_VERSION
from d2l_mlp.diagnosis.finding import Finding

_SHOWN = ("mxnet", "d2l", "numpy", "matplotlib")


def packages() -> Iterator[Finding]:
    """Compare what is installed with what this package asks for."""
    shown, missing, others = [f"d2l_mlp {__version__}"], [], []
    for name, wanted in _wanted().items():
        distribution, version = installed(name)
        if version is None:
            missing.append(f"{name}{wanted}")
            continue
        if not wanted.contains(version, prereleases=True):
            others.append(f"{distribution} {version} (wanted {wanted})")
        if name in _SHOWN:
            shown.append(f"{distribution} {version}")
    text = ", ".join(shown)
    if missing:
        first = [m for m in missing if m.startswith("mxnet")]  # without its dependencies
        names = " ".join(f"'{m}'" for m in first or missing)
        yield Finding(
            "fail", "packages", f"{text}; missing: {', '.join(missing)}",
            f"pip install {'--no-deps ' * bool(first)}{names}",
        )  # fmt: skip
    elif others:
        yield Finding(
            "note", "packages", f"{text}; not as tested: {', '.join(others)}",
            "if something fails, take the versions that are wanted",
        )  # fmt: skip
    else:
        yield Finding("ok", "packages", text)


def installed(name: str) -> tuple[str, str | None]:
    """Find a distribution.

    Parameters
    ----------
    name : str
        Of the distribution; MXNet has another for each version of CUDA.

    Returns
    -------
    name : str
        The one it goes by.
    version : str or None
        None if it is not installed.
    """
    for distribution in metadata.distributions():
        found = (distribution.metadata["Name"] or "").lower()
        if found == name or (name == "mxnet" and re.fullmatch(r"mxnet[-_]cu\d+", found)):
            return found, distribution.version
    return name, None


def _wanted() -> dict[str, Any]:
    """Give the versions that are wanted, by the name of each package that is needed here."""
    Requirement: Any
    try:
        from packaging.requirements import Requirement  # matplotlib's
    except ImportError:
        from pip._vendor.packaging.requirements import Requirement
    try:
        lines = metadata.requires("d2l_mlp") or []
    except metadata.PackageNotFoundError:  # used from a clone: these at least
        lines = ["numpy", "d2l", "matplotlib", "requests", "pooch", "tqdm"]
    # The metadata leave it out where it is installed without its dependencies.
    wanted = {"mxnet": Requirement(f"mxnet=={MXNET_VERSION}").specifier}
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            before = wanted.get(requirement.name)
            wanted[requirement.name] = (
                requirement.specifier if before is None else before & requirement.specifier
            )
    return wanted


def kernel() -> Iterator[Finding]:
    """Tell whether Jupyter's kernel runs this Python."""
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError as error:
        yield Finding("note", "kernel", f"no Jupyter here ({error})", "pip install '.[notebooks]'")
        return
    install = f"{sys.executable} -m pip install ipykernel"
    try:
        python = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        yield Finding("note", "kernel", "Jupyter has no kernel python3", install)
        return
    # Jupyter itself puts its own Python where the name has no folder.
    if python in (sys.executable, "python", "python3", f"python3.{sys.version_info[1]}"):
        yield Finding("ok", "kernel", "Jupyter's kernel python3 runs this Python")
    else:
        yield Finding(
            "note", "kernel", f"Jupyter's kernel python3 runs another Python, {python}",
            f"{sys.executable} -m ipykernel install --sys-prefix",
        )  # fmt: skip
