"""Look for what is wrong with a machine: ``python -m d2l_mlp.doctor``.

It works without MXNet and NumPy: what may be missing, crash or hang runs in another Python.
"""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Callable, NamedTuple

from d2l_mlp import __version__
from d2l_mlp.cli.command import SaidError, check_delivered, run_command
from d2l_mlp.cli.flags import Parser
from d2l_mlp.compat.importer import INSTALLED_LAST, MXNET_VERSION
from d2l_mlp.compat.interpreter import is_supported_platform
from d2l_mlp.compat.native_libs import install_command, needed_libraries
from d2l_mlp.hardware.cpu import count_cores
from d2l_mlp.hardware.engine import describe_processors, engine_settings

PROG = "python -m d2l_mlp.doctor"
PATIENCE = 90.0  # seconds for the answer of another Python


class Finding(NamedTuple):
    """A line of the doctor's: a note is about something that training does not need."""

    status: str  # "ok", "note" or "fail"
    name: str
    text: str
    fix: str | None = None


class ProbeError(Exception):
    """Another Python gave no answer; the message says how it ended."""


def parser() -> Parser:
    """Return the parser of the command line."""
    p = Parser(
        prog=PROG,
        description="Look for what is wrong with this machine. Each line is ok, a note, or a "
        "failure that training would meet too; the exit code is then 1. The output says nothing "
        "private, and fits into a bug report.",
    )
    p.add_argument("--json", action="store_true", help="for a program to read")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_command(PROG, lambda _: _look(argv))


def _look(argv: Sequence[str] | None) -> None:
    as_json = parser().parse_args(argv).json
    found = []
    for finding in findings(CHECKS):
        found.append(finding)
        if not as_json:
            print(format_finding(finding), flush=True)
    failed = any(finding.status == "fail" for finding in found)
    if as_json:
        checks = [finding._asdict() for finding in found]
        print(json.dumps({"ok": not failed, "checks": checks}, indent=2))
    check_delivered()
    if failed:
        raise SaidError


def findings(checks: Iterable[Callable[[], Iterable[Finding]]]) -> Iterator[Finding]:
    """Run the checks side by side, because most of them wait; yield in order, without secrets."""
    with ThreadPoolExecutor() as pool:
        for found in pool.map(_run_check, checks):
            for status, name, text, fix in found:
                yield Finding(status, name, _without_secrets(text), fix and _without_secrets(fix))


def _run_check(check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Return what a check finds; a check that fails itself becomes a note."""
    try:
        return list(check())
    except Exception as error:
        reason = str(error)
        if not isinstance(error, ProbeError):
            reason = f"{type(error).__name__}: {reason}"
        return [Finding("note", check.__name__.strip("_"), f"not checked ({reason})")]


def _without_secrets(text: str) -> str:
    """Write the home as ``~``, and remove user and password from addresses."""
    home = os.environ.get("HOME", "").rstrip("/")
    for folder in {home, os.path.realpath(home)} if home else ():
        text = re.sub(rf"(?<![\w/.-]){re.escape(folder)}(?![\w.-])", "~", text)
    return re.sub(r"//[^/\s]*@", "//", text)


def format_finding(finding: Finding) -> str:
    """Format a finding in lines of 80 columns at most."""
    begin = f"{finding.status:5} {finding.name:12} "
    indent = " " * len(begin)
    wrap = partial(textwrap.wrap, width=80, break_on_hyphens=False)
    lines = wrap(finding.text, initial_indent=begin, subsequent_indent=indent)
    lines += wrap(
        finding.fix or "", initial_indent=f"{indent}-> ", subsequent_indent=f"{indent}   "
    )
    return "\n".join(lines)


def ask(code: str) -> Any:
    """Run a program in another Python, and return the JSON of its last line."""
    # As with python -m d2l_mlp.train, the current folder's modules come last.
    code = f"import sys; sys.path.append(sys.path.pop(0))\n{code}"
    return json.loads(run_python("-W", "ignore", "-c", code).splitlines()[-1])


def run_python(*arguments: str) -> str:
    """Run another Python and return its output; raise a ProbeError unless it ends well in time."""
    try:
        done = subprocess.run(
            [sys.executable, *arguments], timeout=PATIENCE, stdin=subprocess.DEVNULL,
            capture_output=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ProbeError(f"no answer within {PATIENCE:g} s") from None
    if done.returncode < 0:
        raise ProbeError(f"its process died of {signal.Signals(-done.returncode).name}")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise ProbeError(lines[-1])
    return done.stdout


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    try:
        classifiers = metadata.metadata("d2l_mlp").get_all("Classifier") or []
    except metadata.PackageNotFoundError:
        classifiers = []
    tested = [c.split(" :: ")[-1] for c in classifiers if c.startswith("Programming Language ::")]
    text = f"{version}, {sys.executable}"
    if tested and version.rpartition(".")[0] not in tested:
        text, fix = f"{text}; tested are {tested[0]} to {tested[-1]}", f"take Python {tested[-1]}"
        yield Finding("note", "python", text, f"if something fails, {fix}")
    else:
        yield Finding("ok", "python", text)


def _system() -> Iterator[Finding]:
    library, version = platform.libc_ver()
    text = f"{platform.system()} {platform.machine()}, {library or 'no glibc'} {version}".strip()
    supported = is_supported_platform() and sys.maxsize > 2**32 and library == "glibc"
    if supported and tuple(map(int, version.split(".")[:2])) >= (2, 17):  # manylinux2014
        yield Finding("ok", "system", text)
    else:
        yield Finding(
            "fail", "system",
            f"{text}; MXNet's wheels are for Linux on x86-64 or 64-bit Arm, with glibc 2.17",
            "take such a machine or container, with a 64-bit Python",
        )  # fmt: skip


def _packages() -> Iterator[Finding]:
    shown, missing, others = [f"d2l_mlp {__version__}"], [], []
    for name, wanted in _wanted_versions().items():
        distribution, version = installed(name)
        if version is None:
            missing.append(f"{name}{wanted}")
            continue
        if not wanted.contains(version, prereleases=True):
            others.append(f"{distribution} {version} (wanted {wanted})")
        if name in ("mxnet", "d2l", "numpy", "matplotlib"):
            shown.append(f"{distribution} {version}")
    text = ", ".join(shown)
    if missing:
        fixes = []
        for command, late in (("pip install", False), ("pip install --no-deps", True)):
            names = [repr(m) for m in missing if m.startswith(tuple(INSTALLED_LAST)) == late]
            fixes += [" ".join([command, *names])] if names else []
        text += f"; missing: {', '.join(missing)}"
        yield Finding("fail", "packages", text, " && ".join(fixes))
    elif others:
        yield Finding(
            "note", "packages", f"{text}; not as tested: {', '.join(others)}",
            "if something fails, install the versions that are wanted",
        )  # fmt: skip
    else:
        yield Finding("ok", "packages", text)


def installed(name: str) -> tuple[str, str | None]:
    """Return a distribution's name and version; MXNet's name differs by the version of CUDA."""
    for distribution in metadata.distributions():
        found = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        if found == name.replace("_", "-") or (
            name == "mxnet" and re.fullmatch(r"mxnet-cu\d+", found)
        ):
            return found, distribution.version
    return name, None


def _wanted_versions() -> dict[str, Any]:
    Requirement: Any
    try:
        from packaging.requirements import Requirement  # matplotlib needs it
    except ImportError:
        from pip._vendor.packaging.requirements import Requirement
    try:
        lines = metadata.requires("d2l_mlp") or []
    except metadata.PackageNotFoundError:  # used from a clone
        setup = ConfigParser()
        setup.read(Path(__file__).parents[1] / "setup.cfg")
        lines = setup["options"]["install_requires"].split("\n")[1:]
    wanted: dict[str, Any] = {}
    for requirement in map(Requirement, [*INSTALLED_LAST.values(), *lines]):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            before = wanted.get(requirement.name, requirement.specifier)
            wanted[requirement.name] = before & requirement.specifier
    return wanted


_REINSTALL = f"pip install --force-reinstall --no-deps mxnet=={MXNET_VERSION}"


def _libraries() -> Iterator[Finding]:
    try:
        needed, missing = needed_libraries()
    except OSError as error:
        text = f"MXNet's own library cannot be loaded: {error}"
        yield Finding("fail", "libraries", text, _REINSTALL)
        return
    if missing:
        text = f"MXNet needs {', '.join(missing)}, which the system does not find"
        yield Finding("fail", "libraries", text, install_command(missing))
    elif needed:  # otherwise the line about MXNet says what is missing
        text = f"the {len(needed)} that MXNet's wheel needs are found"
        yield Finding("ok", "libraries", text)


_FEATURES = """
import json, d2l_mlp, mxnet
features = mxnet.runtime.Features()
names = "CUDA", "CUDNN", "MKLDNN", "OPENMP", "BLAS_OPEN", "BLAS_MKL"
print(json.dumps([mxnet.__version__, [name for name in names if features.is_enabled(name)]]))
"""


def _mxnet() -> Iterator[Finding]:
    try:
        version, features = ask(_FEATURES)
    except ProbeError as error:
        text = f"does not import: {error}"
        yield Finding("fail", "mxnet", text, f"do what that says, or else: {_REINSTALL}")
    else:
        yield Finding("ok", "mxnet", f"{version} imports; built with {', '.join(features)}")


_GPUS = """
import json
from d2l_mlp.hardware import devices
try:
    print(json.dumps([devices.gpu_problem(index) for index in range(devices.count_gpus())]))
except devices.CudaError as error:
    print(json.dumps(None if isinstance(error, devices.NoDriverError) else str(error)))
"""


def _gpu() -> Iterator[Finding]:
    problems = ask(_GPUS)
    if isinstance(problems, str):
        yield Finding("note", "gpu", problems, "train with --device cpu")
    elif not problems:
        reason = "no CUDA driver loads" if problems is None else "the CUDA driver shows no GPU"
        yield Finding("ok", "gpu", f"none ({reason}); training is on the CPU")
    for index, problem in enumerate(problems if isinstance(problems, list) else ()):
        if problem:
            text = f"gpu:{index} cannot be used: {problem}"
            yield Finding("note", "gpu", text, "or train with --device cpu")
        else:
            yield Finding("ok", "gpu", f"gpu:{index} can be used")


def _threads() -> Iterator[Finding]:
    settings = engine_settings()
    text = describe_processors()
    if settings:
        fix = f"to use every core: unset {' '.join(settings)}"
        yield Finding("note", "threads", f"{text}, which decides", fix)
    else:
        yield Finding("ok", "threads", f"{text}, up to {count_cores()} used at once")


def _data() -> Iterator[Finding]:
    from d2l_mlp.data.download import mirror_problems, shown_url
    from d2l_mlp.data.fashion_mnist import DATA_REMEDY, search_data
    from d2l_mlp.data.releases import SAMPLE_DIR, DatasetError

    used = False
    try:
        for place in search_data():
            if place.contents:
                text = f"{place.name}: verified{'' if used else ', used'} ({place.folder})"
                yield Finding("ok", "data", text)
                used = True
            elif place.required:
                yield Finding("fail", "data", f"{place.name}: {place.problem}", DATA_REMEDY)
                return
            elif place.problem:
                text = f"{place.name}: {place.problem}"
                yield Finding("note", "data", text, "it is passed over; remove it")
            else:
                yield Finding("ok", "data", f"{place.name}: absent")
    except DatasetError as error:
        yield Finding("fail", "data", str(error), "unset D2L_MLP_DATASET")
        return
    if used:
        return
    problems = mirror_problems(2)
    text = "; ".join(f"{shown_url(url)}: {why or 'answers'}" for url, why in problems.items())
    if None in problems.values():
        yield Finding("ok", "data", f"network: {text}; it would be downloaded")
    elif os.environ.get("D2L_MLP_DATASET") == "fashion-mnist":
        yield Finding("fail", "data", f"network: {text}", DATA_REMEDY)
    else:
        yield Finding("note", "data", f"network: {text}", DATA_REMEDY)
        yield Finding("ok", "data", f"embedded sample: used ({SAMPLE_DIR})")


def _writing() -> Iterator[Finding]:
    from d2l_mlp.data.fashion_mnist import cache_dir

    fix = "change to a folder of your own, or name one with --out"
    yield _writable("fail", "this folder", Path.cwd(), fix)
    fix = "set MXNET_HOME to a folder of your own"
    try:
        place = cache_dir().absolute()
    except ValueError as error:
        yield Finding("note", "downloads", str(error), fix)
    else:
        folder = next(folder for folder in place.parents if folder.is_dir())
        yield _writable("note", "downloads", folder, fix)


def _writable(otherwise: str, name: str, folder: Path, fix: str) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=str(folder)) as file:
            file.write(b"1")
    except OSError as error:
        return Finding(otherwise, name, f"{folder} cannot be written ({error.strerror})", fix)
    return Finding("ok", name, f"{folder} can be written")


def _kernel() -> Iterator[Finding]:
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError as error:
        yield Finding("note", "kernel", f"no Jupyter here ({error})", "pip install '.[notebooks]'")
        return
    try:
        python = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        fix = f"{sys.executable} -m pip install ipykernel"
        yield Finding("note", "kernel", "Jupyter has no kernel python3", fix)
        return
    # Jupyter replaces a name without a folder by its own Python.
    if python in (sys.executable, "python", "python3", f"python3.{sys.version_info[1]}"):
        yield Finding("ok", "kernel", "Jupyter's kernel python3 runs this Python")
    else:
        text = f"Jupyter's kernel python3 runs another Python, {python}"
        yield Finding("note", "kernel", text, f"{sys.executable} -m ipykernel install --sys-prefix")


def _training() -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "d2l_mlp.train", "--dataset", "sample", "--epochs", "1", "--quiet"]
        try:
            output = run_python(*command, "--device", "cpu", "--out", str(Path(folder, "run")))
        except ProbeError as error:
            text = str(error).replace("python -m d2l_mlp.train: error: ", "")
            fix = "fix what failed above; if nothing did, report it"
            yield Finding("fail", "training", text, fix)
            return
    outcome = output.split(", best")[0].replace("final ", "")
    yield Finding("ok", "training", f"an epoch of the embedded sample: {outcome}")


CHECKS = (
    _python, _system, _packages, _libraries, _mxnet, _gpu, _threads, _data, _writing, _kernel,
    _training,
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
