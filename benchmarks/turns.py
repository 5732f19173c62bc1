"""Run the programs of ``peers/`` side by side.

Each peer gets a virtual environment of its own. The programs take turns, A B C A B C ..., so that a
machine whose speed drifts slows all of them alike; ratios are taken turn by turn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy

from d2l_mlp.data.fashion_mnist import load_fashion_mnist

PEERS = Path(__file__).parent / "peers"


class Program(NamedTuple):
    """A program of the comparison."""

    package: str
    """Of its virtual environment; none: the one that this script runs in."""
    command: list[str]


PROGRAMS = {
    "d2l_mlp": Program("", ["ours.py"]),
    "d2l_mlp in a notebook": Program("", ["notebook.py"]),
    "d2l's loader and loop": Program("", ["d2l_loop.py"]),
    "scikit-learn": Program("scikit-learn", ["sklearn_mlp.py"]),
    "PyTorch, eager": Program("torch", ["pytorch.py"]),
    "JAX, jitted step": Program("jax", ["jax_mlp.py", "--jit", "step"]),
    "JAX, jitted epoch": Program("jax", ["jax_mlp.py", "--jit", "epoch"]),
    "GEMM alone, MXNet": Program("", ["gemm_mxnet.py"]),
    "GEMM alone": Program("torch", ["gemm.py"]),
}


@contextmanager
def beside(busy: int) -> Iterator[None]:
    """Keep some processes busy meanwhile."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


class Bench:
    """Programs, their Pythons, and the data they share.

    Parameters
    ----------
    names : list of str
        Of the programs.
    envs : Path
        Folder of the virtual environments; one that is there already is used as it is.
    """

    def __init__(self, names: list[str], envs: Path):
        envs.mkdir(parents=True, exist_ok=True)
        self.envs = envs
        self.commands = {
            name: [
                self._python(PROGRAMS[name].package),
                str(PEERS / PROGRAMS[name].command[0]),
                str(self._data()),
                *PROGRAMS[name].command[1:],
            ]
            for name in names
        }

    def _python(self, package: str) -> str:
        if not package:
            return sys.executable
        venv = self.envs / package
        if not venv.exists():
            print(f"setting up {venv}", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            subprocess.run([venv / "bin" / "pip", "install", "-q", "numpy", package], check=True)
        return str(venv / "bin" / "python")

    def _data(self) -> Path:
        path = self.envs.resolve() / "fashion-mnist.npz"
        if not path.exists():
            data = load_fashion_mnist("fashion-mnist")
            numpy.savez(
                path, train_images=data.train[0], train_labels=data.train[1],
                test_images=data.test[0], test_labels=data.test[1],
            )  # fmt: skip
        return path

    def start(self, name: str, *flags: str) -> subprocess.Popen:
        """Start a program; it trains an epoch for each line that it is sent."""
        root = str(PEERS.parent.parent)
        return subprocess.Popen(
            [*self.commands[name], *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": root}, text=True,
        )  # fmt: skip

    def epochs(self, rounds: int, *flags: str) -> Iterator[dict[str, dict]]:
        """Let the programs, all started, train an epoch each in turn; the first is a warm-up."""
        processes = {name: self.start(name, *flags) for name in self.commands}
        for number in range(rounds + 1):
            results = {}
            for name, process in processes.items():
                time.sleep(0.2)  # the threads of the program before wait awake for a while
                process.stdin.write("\n")
                process.stdin.flush()
                told = process.stdout.readline()
                if not told:
                    raise SystemExit(f"{name} failed")
                results[name] = json.loads(told)
            if number:
                yield results
        for process in processes.values():
            process.communicate()

    def whole_process(self, name: str, epochs: int) -> dict:
        """Run a program from its cold start to its end; its seconds and its peak memory in MB."""
        begin = time.perf_counter()
        process = self.start(name)
        process.stdin.write("\n" * epochs)
        process.stdin.close()
        process.stdout.read()
        _, process.returncode, usage = os.wait4(process.pid, 0)
        if process.returncode:
            raise SystemExit(f"{name} failed")
        return {"seconds": time.perf_counter() - begin, "peak_mb": usage.ru_maxrss / 1024}
