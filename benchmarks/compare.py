"""Time the chapter's training against today's other ways to do it, side by side.

    python benchmarks/compare.py --json benchmarks/compare.json

Exits with 1 if the programs' training losses differ by more than 2 %: the work was not the same.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median

from turns import PROGRAMS, Bench, beside


def main() -> int:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="epochs of each, in turn")
    parser.add_argument("--processes", type=int, default=5, help="whole processes of each, in turn")
    parser.add_argument("--epochs", type=int, default=10, help="of a whole process")
    parser.add_argument("--only", nargs="*", choices=PROGRAMS, metavar="PROGRAM", default=PROGRAMS)
    parser.add_argument(
        "--busy", type=int, default=0, metavar="N",
        help="time epochs also while N other processes compute without end",
    )  # fmt: skip
    parser.add_argument("--envs", type=Path, default=Path("benchmarks/envs"))
    parser.add_argument("--json", type=Path, help="write everything measured here")
    args = parser.parse_args()

    bench = Bench([name for name in PROGRAMS if name in {"d2l_mlp", *args.only}], args.envs)
    epochs = list(bench.epochs(args.rounds))
    with beside(args.busy):
        loaded = list(bench.epochs(args.rounds)) if args.busy else []
    processes = (
        [
            {name: bench.whole_process(name, args.epochs) for name in bench.commands}
            for _ in range(args.processes + 1)
        ][1:]
        if args.processes
        else []
    )  # the first warms up the disk's cache

    print(f"| program | s an epoch | against d2l_mlp (quartiles) | train loss | s for "
          f"{args.epochs} epochs, whole process | against d2l_mlp | peak MB |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    for name in bench.commands:
        ratios = sorted(turn[name]["seconds"] / turn["d2l_mlp"]["seconds"] for turn in epochs)
        low, high = ratios[len(ratios) // 4], ratios[-len(ratios) // 4]
        loss = epochs[-1][name]["train_loss"]
        row = (
            f"| {name} | {median(turn[name]['seconds'] for turn in epochs):.3f} "
            f"| {median(ratios):.2f} ({low:.2f} to {high:.2f}) "
            f"| {'' if loss is None else f'{loss:.4f}'} |"
        )
        if processes:
            whole = [turn[name]["seconds"] / turn["d2l_mlp"]["seconds"] for turn in processes]
            seconds = median(turn[name]["seconds"] for turn in processes)
            peak = max(turn[name]["peak_mb"] for turn in processes)
            row += f" {seconds:.1f} | {median(whole):.2f} | {peak:.0f} |"
        print(row)
    if loaded:
        print(f"\n| program | s an epoch beside {args.busy} busy | against quiet "
              "| against d2l_mlp beside the same |\n|---|---|---|---|")  # fmt: skip
        for name in bench.commands:
            seconds = median(turn[name]["seconds"] for turn in loaded)
            ratio = median(turn[name]["seconds"] / turn["d2l_mlp"]["seconds"] for turn in loaded)
            quiet = median(turn[name]["seconds"] for turn in epochs)
            print(f"| {name} | {seconds:.3f} | {seconds / quiet:.2f} | {ratio:.2f} |")
    if args.json:
        measured = {"epochs": epochs, "processes": processes, "beside_busy": loaded}
        args.json.write_text(json.dumps(measured, indent=1))
    losses = [result["train_loss"] for result in epochs[-1].values() if result["train_loss"]]
    if max(losses) > 1.02 * min(losses):
        print("the training losses differ: this was not the same work", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
