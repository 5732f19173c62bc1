"""Time the first figure, epoch and prediction as whole processes, and what they spend on imports.

    python benchmarks/starts.py

The shares come from a run of their own under ``-X importtime``.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from PIL import Image

from d2l_mlp import load_fashion_mnist

PACKAGES = ("mxnet", "matplotlib", "d2l_mlp")


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        image, run = Path(folder, "image.png"), Path(folder, "run")
        Image.fromarray(load_fashion_mnist("sample").test[0][0]).save(image)
        train = ["train", "--dataset", "sample", "--epochs", "1", "--quiet"]
        start(*train, "--out", run)
        commands = [
            ["figures", "relu", "--output", folder],
            ["figures", "--output", folder],
            train,
            ["predict", run, image],
        ]
        print("| python -m d2l_mlp. | s | " + " | ".join(f"{name}, s" for name in PACKAGES) + " |")
        print("|---" * (2 + len(PACKAGES)) + "|")
        for command in commands:
            seconds = []
            for number in range(args.rounds):
                out = ["--out", Path(folder, f"run-{number}")] if command is train else []
                begin = time.perf_counter()
                start(*command, *out)
                seconds.append(time.perf_counter() - begin)
            out = ["--out", Path(folder, "last")] if command is train else []
            imports = import_seconds(start(*command, *out, flags=["-X", "importtime"]))
            shown = " ".join(str(word) for word in command[:2] if "--" not in str(word))
            shown = shown.replace(str(run), "RUN IMAGE")
            row = [f"{median(seconds):.2f}", *(f"{imports[name]:.2f}" for name in PACKAGES)]
            print(f"| `{shown}` | " + " | ".join(row) + " |")


def start(*command: str | Path, flags: tuple[str, ...] | list[str] = ()) -> str:
    """Run a command of the package; return its standard error."""
    words = [sys.executable, *flags, "-m", f"d2l_mlp.{command[0]}", *map(str, command[1:])]
    return subprocess.run(words, check=True, capture_output=True, text=True).stderr


def import_seconds(report: str) -> dict[str, float]:
    """Sum each package's own time over its modules, in seconds."""
    totals = dict.fromkeys(PACKAGES, 0.0)
    for microseconds, module in re.findall(r"import time: +(\d+) \| +\d+ \| +(\S+)", report):
        package = module.split(".")[0]
        if package in totals:
            totals[package] += int(microseconds) / 1e6
    return totals


if __name__ == "__main__":
    main()
