"""Where the time of an epoch goes: MXNet's operators, its other code, and Python.

    python benchmarks/operators.py

Trains 784-256-10 on minibatches of 256 as ``python -m d2l_mlp.train --hidden 256`` does, and lets
MXNet's own profiler watch the second epoch. The profiler itself takes some of the time.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from mxnet import profiler

from d2l_mlp.data.fashion_mnist import load_fashion_mnist
from d2l_mlp.data.loaders import array_loaders
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.loop import fit


def main() -> None:
    """Train, and print the table."""
    train_iter, test_iter = array_loaders(load_fashion_mnist("fashion-mnist"), 256)
    few = [next(iter(test_iter))]  # an evaluation too short to count
    net = build_mlp((256,), num_inputs=784)

    def on_epoch(state):
        profiler.set_state("run" if len(state.history) == 1 else "stop")

    with tempfile.TemporaryDirectory() as folder:
        profiler.set_config(
            profile_imperative=False, profile_symbolic=True, profile_api=True,
            aggregate_stats=True, filename=str(Path(folder, "profile.json")),
        )  # fmt: skip
        *_, metrics = fit(net, train_iter, few, epochs=2, on_epoch=on_epoch)
        times = json.loads(profiler.dumps(format="json"))["Time"]
    operators = times["operator"]
    calls = {name: row for name, row in times["MXNET_C_API"].items() if name.startswith("MX")}

    print(f"{'operator':50} {'calls':>6} {'seconds':>8}")
    for name, row in sorted(operators.items(), key=lambda item: -item[1]["Total"])[:16]:
        print(f"{name:50} {row['Count']:6} {row['Total'] / 1000:8.3f}")
    inside = sum(row["Total"] for row in calls.values()) / 1000
    print(f"{'in MXNet, operators and all else':50} {'':6} {inside:8.3f}")
    print(f"{'in Python':50} {'':6} {metrics.seconds - inside:8.3f}")
    print(f"{'epoch':50} {'':6} {metrics.seconds:8.3f}")


if __name__ == "__main__":
    main()
