"""The machine: its Python, its C library, its processors, and where one may write."""

from __future__ import annotations

import platform
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from d2l_mlp.compat.interpreter import is_supported_platform
from d2l_mlp.data.fashion_mnist import cache_dir
from d2l_mlp.data.releases import DatasetError
from d2l_mlp.diagnosis.finding import Finding, ask
from d2l_mlp.hardware.cpu import count_cores, describe_processors, engine_settings

# MXNet's wheels are of the kind manylinux2014.
_OLDEST_GLIBC = (2, 17)


def python() -> Iterator[Finding]:
    """Compare the Python with those that were tested."""
    version = platform.python_version()
    try:
        classifiers = metadata.metadata("d2l_mlp").get_all("Classifier") or []
    except metadata.PackageNotFoundError:
        classifiers = []
    tested = [c.split(" :: ")[-1] for c in classifiers if c.startswith("Programming Language ::")]
    text = f"{version}, {sys.executable}"
    if tested and ".".join(version.split(".")[:2]) not in tested:
        yield Finding(
            "note", "python", f"{text}; tested are {tested[0]} to {tested[-1]}",
            f"if something fails, take Python {tested[-1]}",
        )  # fmt: skip
    else:
        yield Finding("ok", "python", text)


def system() -> Iterator[Finding]:
    """Tell whether MXNet's wheels are made for this system."""
    library, version = platform.libc_ver()
    text = f"{platform.system()} {platform.machine()}, {library or 'no glibc'} {version}".strip()
    right = is_supported_platform() and sys.maxsize > 2**32 and library == "glibc"
    if right and tuple(map(int, version.split(".")[:2])) >= _OLDEST_GLIBC:
        yield Finding("ok", "system", text)
    else:
        yield Finding(
            "fail", "system", f"{text}; MXNet's wheels are for Linux x86-64 with glibc 2.17",
            "take such a machine or container, with a 64-bit Python",
        )  # fmt: skip


def threads() -> Iterator[Finding]:
    """Say how many processors training would use, and what the environment sets about it."""
    settings = engine_settings()
    text = describe_processors()
    if settings:
        yield Finding(
            "note", "threads", f"{text}; that decides, and not this package",
            f"for every processor: unset {' '.join(settings)}",
        )  # fmt: skip
    else:
        yield Finding("ok", "threads", f"{text}, up to {count_cores()} used at once")


def writing() -> Iterator[Finding]:
    """Try to write where a run goes by default, and where downloads do."""
    remedy = "change to a folder of your own, or name one with --out"
    yield _writable("fail", "this folder", Path.cwd(), remedy)
    try:
        cache = cache_dir()
    except DatasetError as error:
        yield Finding("note", "downloads", str(error), "set MXNET_HOME to a folder of your own")
        return
    there = next((folder for folder in cache.parents if folder.is_dir()), Path("/"))
    remedy = "set MXNET_HOME to a folder of your own"
    yield _writable("note", "downloads", cache if cache.is_dir() else there, remedy)


def _writable(otherwise: str, name: str, folder: Path, remedy: str) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=str(folder)) as file:
            file.write(b"1")
    except OSError as error:
        return Finding(otherwise, name, f"{folder} cannot be written ({error.strerror})", remedy)
    return Finding("ok", name, f"{folder} can be written")


def fonts() -> Iterator[Finding]:
    """Tell whether matplotlib finds the font of the figures."""
    font = ask(
        "import json, matplotlib.font_manager as fonts\n"
        "print(json.dumps(fonts.findfont('DejaVu Sans', fallback_to_default=False)))"
    )
    where = "of matplotlib" if "mpl-data" in font else Path(font).parent
    yield Finding("ok", "fonts", f"DejaVu Sans, {where}")
