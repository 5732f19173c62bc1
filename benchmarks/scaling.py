"""How the time of an epoch grows with the net, the minibatch and the data.

    python benchmarks/scaling.py --json benchmarks/scaling.json --out benchmarks/scaling.png

One quantity varies at a time, around 784-256-10, minibatches of 256 and 60,000 examples; the
programs take turns at each point. Draws seconds against floating-point operations, both by powers
of ten, with the line of the matrix products alone.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure
from turns import Bench

PROGRAMS = ("d2l_mlp", "PyTorch, eager", "JAX, jitted step", "GEMM alone")
SWEEPS = {
    "hidden units": [{"hidden": [units]} for units in (64, 256, 1024, 4096)],
    "minibatch": [{"batch_size": size} for size in (16, 64, 256, 1024, 4096)],
    "hidden layers": [{"hidden": [256] * depth} for depth in (1, 2, 4, 8)],
    "examples": [{"examples": number} for number in (6_000, 60_000, 600_000)],
}
DEFAULT = {"hidden": [256], "batch_size": 256, "examples": 60_000}


def flop(hidden, batch_size, examples):
    """Count an epoch's floating-point operations in matrix products.

    A multiplication and an addition for each weight and example: forward, for the gradient of the
    weights, and, but for the first layer, for the gradient of the layer's inputs.
    """
    units = [784, *hidden, 10]
    weights = [inputs * outputs for inputs, outputs in zip(units, units[1:])]
    return 2 * examples * (3 * sum(weights) - weights[0])


def measure(bench, rounds):
    """Give one record for each sweep and point, with the median seconds of each program."""
    for sweep, points in SWEEPS.items():
        for point in points:
            work = {**DEFAULT, **point}
            flags = ["--hidden", *work["hidden"]]
            flags += ["--batch-size", work["batch_size"], "--examples", work["examples"]]
            turns = list(bench.epochs(rounds, *map(str, flags)))
            seconds = {
                name: median(turn[name]["seconds"] for turn in turns) for name in bench.commands
            }
            yield {"sweep": sweep, **work, "flop": flop(**work), "seconds": seconds}


def draw(records):
    """Draw a panel for each sweep."""
    figure = Figure(figsize=(10, 7), layout="constrained")
    panels = figure.subplots(2, 2, sharey=True).flat
    for axes, (sweep, _) in zip(panels, SWEEPS.items()):
        rows = [record for record in records if record["sweep"] == sweep]
        # Along the minibatch the work stays the same, and the size itself is the better scale.
        key = "batch_size" if sweep == "minibatch" else "flop"
        for name, style in zip(PROGRAMS, ("C0o-", "C1s--", "C2^--", "k:")):
            seconds = [row["seconds"][name] for row in rows]
            axes.loglog([row[key] for row in rows], seconds, style, label=name, markersize=5)
        xlabel = "examples a minibatch" if key == "batch_size" else "operations an epoch"
        axes.set(title=f"{sweep}: {_points(rows)}", xlabel=xlabel)
        axes.grid(alpha=0.4)
    panels = figure.axes
    for axes in panels[::2]:
        axes.set_ylabel("seconds an epoch")
    panels[0].legend()
    return figure


def _points(rows):
    vary = {
        "hidden units": lambda row: row["hidden"][0],
        "minibatch": lambda row: row["batch_size"],
        "hidden layers": lambda row: len(row["hidden"]),
        "examples": lambda row: row["examples"],
    }[rows[0]["sweep"]]
    return ", ".join(f"{vary(row):,}" for row in rows)


def main():
    """Measure, print the table, draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="epochs of each program, in turn")
    parser.add_argument("--envs", type=Path, default=Path("benchmarks/envs"))
    parser.add_argument("--json", type=Path, help="write what was measured here")
    parser.add_argument("--out", type=Path, default=Path("scaling.png"), help="the picture")
    args = parser.parse_args()

    bench = Bench(PROGRAMS, args.envs)
    print(f"| hidden | minibatch | examples | GFLOP | {' | '.join(PROGRAMS)} |")
    print("|---" * (4 + len(PROGRAMS)) + "|")
    records = []
    for record in measure(bench, args.rounds):
        records.append(record)
        hidden = "-".join(map(str, record["hidden"]))
        seconds = " | ".join(f"{record['seconds'][name]:.3g}" for name in PROGRAMS)
        print(
            f"| {hidden} | {record['batch_size']:,} | {record['examples']:,} "
            f"| {record['flop'] / 1e9:.3g} | {seconds} |",
            flush=True,
        )
    if args.json:
        args.json.write_text(json.dumps(records, indent=1) + "\n")
    draw(records).savefig(args.out, dpi=100)


if __name__ == "__main__":
    main()
