import functools
import os
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import nbformat
import numpy
import pytest

from d2l_mlp.data.fashion_mnist import SYSTEM_DIR, load_fashion_mnist, read_release
from tests import commands

ROOT = Path(__file__).parents[1]

# Older jupyter_core warns, and warnings are errors here, unless this is set.
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")

# Otherwise each process of a test would compile the whole package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_addoption(parser):
    parser.addoption("--fuzz", type=int, default=20, help="how often each file is damaged")
    parser.addoption(
        "--trials", type=int, default=1, help="how many moments each fault of a launch is tried at"
    )


def pytest_generate_tests(metafunc):
    if "trial" in metafunc.fixturenames:
        metafunc.parametrize("trial", range(metafunc.config.getoption("trials")))


def pytest_collection_modifyitems(config, items):
    """Start each process with its share of the slow tests, so that all end together."""
    number = getattr(config, "workerinput", {}).get("workercount", 1)
    slow = [item for item in items if item.get_closest_marker("slow")]
    slow.sort(key=lambda item: item.path.stem not in {"test_notebooks", "test_site"})  # the longest
    fast = [item for item in items if not item.get_closest_marker("slow")]
    # xdist hands out as many equal pieces as there are processes.
    cuts = [len(fast) * i // number for i in range(number + 1)]
    items[:] = [
        item for i in range(number) for item in (*slow[i::number], *fast[cuts[i] : cuts[i + 1]])
    ]


@pytest.fixture
def fuzz_size(request):
    return request.config.getoption("--fuzz")


@pytest.fixture(autouse=True)
def _own_machine(tmp_path_factory, monkeypatch):
    """Keep every test and its processes away from the user's caches and from the network."""
    home = tmp_path_factory.mktemp("mxnet")
    monkeypatch.setenv("MXNET_HOME", str(home))
    monkeypatch.setenv("D2L_MLP_MIRROR", "http://127.0.0.1:9/")  # where nothing listens
    monkeypatch.delenv("D2L_MLP_DATA", raising=False)
    monkeypatch.delenv("D2L_MLP_DATASET", raising=False)


def skip_unless_ci(reason):
    """Skip a test that needs what is not here; CI has all of it."""
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="session")
def full():
    """The canonical Fashion-MNIST, from the system package."""
    if not SYSTEM_DIR.exists():
        skip_unless_ci("needs the full data set: apt-get install dataset-fashion-mnist")
    return read_release(SYSTEM_DIR, "fashion-mnist")


@pytest.fixture(scope="session")
def sample():
    return load_fashion_mnist("sample")


@pytest.fixture(scope="session")
def compiler():
    """Return a function that builds a shared object by arguments of the C compiler."""
    if not shutil.which("cc"):
        skip_unless_ci("needs a C compiler: apt-get install gcc")
    return lambda *args: subprocess.run(["cc", "-shared", "-fPIC", "-nostdlib", *args], check=True)


@pytest.fixture(scope="session")
def driver(tmp_path_factory, compiler):
    """Build a fake CUDA driver that answers as a test wants, and return its folder."""
    folder = tmp_path_factory.mktemp("driver")
    compiler("-o", folder / "libcuda.so.1", ROOT / "tests" / "hardware" / "libcuda.c")
    return folder


@pytest.fixture
def run(tmp_path):
    """Start a Python in an empty folder and wait for it; warnings are errors there too."""

    def run(*args, code=0, **options):
        result = subprocess.run(
            [sys.executable, *map(str, args)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})},
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )
        assert result.returncode == code, result.stdout + result.stderr
        return result

    return run


@pytest.fixture
def call(tmp_path):
    """Call a command in this process, in an empty folder, as `run` starts one."""
    return functools.partial(commands.call, cwd=tmp_path)


@pytest.fixture
def start(tmp_path):
    """Start a Python in an empty folder; it does not outlive the test."""
    started = []

    def start(*args, **env):
        process = subprocess.Popen(
            [sys.executable, *map(str, args)], cwd=tmp_path, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), **env},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def cells(monkeypatch, tmp_path):
    """Run cells in a new kernel; of each, return its outputs and the types of its messages."""
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def cells(*sources):
        messages = [[] for _ in sources]

        class Client(NotebookClient):
            def process_message(self, message, cell, index):
                messages[index].append(message["msg_type"])
                return super().process_message(message, cell, index)

        notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, sources)))
        resources = {"metadata": {"path": str(tmp_path)}}
        Client(notebook, timeout=60, kernel_name="python3", resources=resources).execute()
        return [(cell.outputs, types) for cell, types in zip(notebook.cells, messages)]

    return cells


@contextmanager
def without_permission(folder, mode=0):
    """Remove a folder's permissions; root, who ignores them, becomes another user."""
    before = folder.stat().st_mode
    folder.chmod(mode)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(before)


@contextmanager
def largest_file(size):
    """Let no file grow beyond a size in bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def collect(data_iter):
    """Join an epoch's minibatches into two NumPy arrays."""
    X, y = zip(*((X.asnumpy(), y.asnumpy()) for X, y in data_iter))
    return numpy.concatenate(X), numpy.concatenate(y)


# Nothing calls home; a container has no sandbox.
_BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def browser():
    """Start headless Chromium."""
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        skip_unless_ci("needs a browser: apt-get install chromium, pip install playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_BROWSER_FLAGS)
        yield browser
        browser.close()
