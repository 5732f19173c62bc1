"""What it costs several processes to train together, measured here and computed for a network.

    python benchmarks/workers.py --rounds 5

The processes share this machine's processors, so they are no faster than one. What is measured is
what they exchange: each net is trained by 1, 2 and 4 workers together, and by as many that do the
same work without a word to each other; the difference is communication. All take turns, epoch by
epoch. One formula is fitted to that; another says what it means for a network.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

import numpy

from d2l_mlp.cli.roles import hold_ports

NETS, WORKERS, BATCH, EXAMPLES = ((256, 256), (4096,)), (1, 2, 4), 256, 60_000
STEPS = -(-EXAMPLES // BATCH)
SIZES, NUMBERS = (10**5, 10**6, 10**7, 10**8, 10**9), (2, 4, 8, 16, 32, 64)


def num_parameters(hidden):
    """Count those of a net."""
    units = [784, *hidden, 10]
    return sum((inputs + 1) * outputs for inputs, outputs in zip(units, units[1:]))


def work(hidden, number, alone):
    """Train as one of the workers, an epoch for each line on standard input."""
    from d2l_mlp.cli.roles import prepare_role

    if alone is None:
        prepare_role("dist_sync")
    import mxnet

    from d2l_mlp.data.fashion_mnist import load_fashion_mnist
    from d2l_mlp.data.loaders import ArrayLoader
    from d2l_mlp.mlp import build_mlp
    from d2l_mlp.training.distributed import Workers
    from d2l_mlp.training.loop import fit

    workers = Workers(mxnet.kvstore.create("dist_sync") if alone is None else None)
    if alone is not None:  # does what it would do as one of them, but for the sums
        workers.rank, workers.size = alone, number
    data = load_fashion_mnist("fashion-mnist")
    train_iter = ArrayLoader(*data.train, BATCH, 0, rank=workers.rank, num_parts=number)
    few = ArrayLoader(data.test[0][:BATCH], data.test[1][:BATCH], BATCH)

    def on_epoch(state):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([state.history[-1].seconds, peak]), flush=True)
        if not sys.stdin.readline():
            os._exit(0)  # the others do, too

    sys.stdin.readline()
    fit(
        build_mlp(hidden, num_inputs=784), train_iter, few, epochs=sys.maxsize, lr=0.1,
        workers=workers, on_epoch=on_epoch,
    )  # fmt: skip


class Group:
    """Workers of a net, and the processes that they need."""

    def __init__(self, hidden, number, together, port):
        env = {
            **os.environ, "DMLC_PS_ROOT_URI": "127.0.0.1", "DMLC_PS_ROOT_PORT": str(port),
            "DMLC_NUM_WORKER": str(number), "DMLC_NUM_SERVER": "1",
        }  # fmt: skip
        serve = [sys.executable, "-m", "d2l_mlp.train", "--kvstore", "dist_sync"]
        self.others = [
            subprocess.Popen(serve, env={**env, "DMLC_ROLE": role})
            for role in ("scheduler", "server") if together
        ]  # fmt: skip
        me = [sys.executable, __file__, "--work", str(number), *map(str, hidden)]
        self.workers = [
            subprocess.Popen(
                me if together else [*me, "--alone", str(rank)],
                env={**env, "DMLC_ROLE": "worker"},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for rank in range(number)
        ]  # fmt: skip

    def epoch(self):
        """Train one; give the seconds of the slowest worker, and the most memory of one, in MB."""
        for worker in self.workers:
            worker.stdin.write("\n")
            worker.stdin.flush()
        lines = [worker.stdout.readline() for worker in self.workers]
        if not all(lines):
            raise SystemExit("a worker failed")
        return [max(values) for values in zip(*map(json.loads, lines))]

    def end(self):
        """End all; give the server's peak memory in MB, 0 without one."""
        status = Path(f"/proc/{self.others[1].pid}/status").read_text() if self.others else ""
        peaks = re.findall(r"VmHWM:\s*(\d+) kB", status)  # none where it has ended
        for process in [*self.workers, *self.others]:
            process.kill()
            process.wait()
        return int(peaks[0]) / 1024 if peaks else 0


def measure(rounds):
    """Give one record for each net and number of workers."""
    for hidden in NETS:
        kinds = list(itertools.product(WORKERS, (True, False)))
        groups = {}
        with hold_ports("127.0.0.1", len(kinds)) as numbers:
            try:
                groups.update((k, Group(hidden, *k, port)) for k, port in zip(kinds, numbers))
                turns = [{k: g.epoch() for k, g in groups.items()} for _ in range(rounds + 1)][1:]
            finally:
                servers = {kind: group.end() for kind, group in groups.items()}
        for number in WORKERS:
            together, apart = (
                [turn[number, yes][0] for turn in turns] for yes in (True, False)
            )  # fmt: skip
            yield {
                "hidden": hidden, "workers": number, "parameters": num_parameters(hidden),
                "together": median(together), "apart": median(apart),
                "share": median(1 - a / t for t, a in zip(together, apart)),
                "worker_mb": turns[-1][number, True][1], "server_mb": servers[number, True],
            }  # fmt: skip


def fit_here(records):
    """Fit seconds a sum = latency + bytes / rate; bytes go to the server and back from each."""
    records = [r for r in records if r["workers"] > 1]  # one has nobody to exchange with
    sizes = [8 * r["parameters"] * r["workers"] for r in records]
    seconds = [(r["together"] - r["apart"]) / STEPS for r in records]
    # Relative errors, so that the small net counts too.
    A = numpy.stack([numpy.ones(len(sizes)), sizes], axis=1) / numpy.array(seconds)[:, None]
    (latency, slope), *_ = numpy.linalg.lstsq(A, numpy.ones(len(sizes)), rcond=None)
    return latency, 1 / slope, zip(records, seconds, [latency + slope * size for size in sizes])


def half_bandwidth(parameters, number, servers, speed, overhead, push_bits):
    """Give the bits a second of each link with which a sum takes as long as the arithmetic.

    A worker sends its gradients and gets the sums; a server gets and sends those of all workers
    that are its share. No sum leaves before the last gradient has come. The arithmetic is 6
    operations a parameter and example, as in a net whose first layer is one of many. The time that
    a sum takes however little it carries is left out.
    """
    bits = parameters * (push_bits + 32) * max(1, number / servers)
    return bits / (overhead + 6 * parameters * BATCH / number / speed)


def main():
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each, in turn")
    parser.add_argument("--work", type=int, nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        number, *hidden = args.work
        return work(hidden, number, args.alone)
    from scaling import flop  # not above: its matplotlib would count as memory of the workers

    columns = ("hidden", "workers", "s an epoch", "the same without a word", "communication",
               "MB a worker", "MB the server")  # fmt: skip
    _print_head(columns)
    records = []
    for r in measure(args.rounds):
        records.append(r)
        hidden = "-".join(map(str, r["hidden"]))
        print(
            f"| {hidden} | {r['workers']} | {r['together']:.3g} | {r['apart']:.3g} "
            f"| {r['share']:.0%} | {r['worker_mb']:.0f} | {r['server_mb']:.0f} |", flush=True,
        )  # fmt: skip

    latency, rate, sums = fit_here(records)
    print(f"\nA sum here takes {latency * 1e3:.2f} ms + bytes / ({rate / 1e9:.2f} GB/s):\n")
    _print_head(("hidden", "workers", "ms a sum, measured", "by the formula"))
    for r, t, c in sums:
        hidden = "-".join(map(str, r["hidden"]))
        print(f"| {hidden} | {r['workers']} | {t * 1e3:.2f} | {c * 1e3:.2f} |")

    small, large = (r for r in records if r["workers"] == 1)
    operations = [flop(r["hidden"], BATCH, BATCH) for r in (small, large)]
    seconds = [r["apart"] / STEPS for r in (small, large)]
    speed = (operations[1] - operations[0]) / (seconds[1] - seconds[0])
    overhead = max(0, seconds[0] - operations[0] / speed)
    print(f"\nA worker like this machine takes {overhead * 1e3:.2f} ms a minibatch + operations / "
          f"({speed / 1e9:.0f} GFLOP/s).\n"
          "Gbit/s a link with which half the time is communication, by workers:")  # fmt: skip
    for title, servers_of, push_bits in (
        ("one server", lambda number: 1, 32),
        ("as many servers as workers", lambda number: number, 32),
        ("as many, gradients sent as 2 bits", lambda number: number, 2),
    ):
        print()
        _print_head((f"parameters, {title}", *NUMBERS))
        for size in SIZES:
            needed = (
                half_bandwidth(size, n, servers_of(n), speed, overhead, push_bits) for n in NUMBERS
            )
            print(f"| {size:,} | {' | '.join(f'{b / 1e9:.3g}' for b in needed)} |")


def _print_head(columns):
    print(f"| {' | '.join(map(str, columns))} |\n" + "|---" * len(columns) + "|")


if __name__ == "__main__":
    main()
