"""Sums over processes, the first sum of each training, and how an exception ends all."""

import pytest

from d2l_mlp.training.distributed import Workers
from tests.groups import TRAIN, ends, start_group

SCRIPT = """
import os, sys
trainings, *engine = sys.argv[1:]
if engine:
    os.environ["MXNET_ENGINE_TYPE"] = engine[0]
import d2l_mlp, mxnet, numpy
from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.distributed import Workers
from d2l_mlp.training.loop import fit

workers = Workers(mxnet.kvstore.create("dist_sync"))
rank, number = workers.rank, workers.size

def check_sums():
    said = [0.1, None, "\\u00e9" * 3000]
    assert workers.broadcast(lambda: {"is": said} if rank == 0 else 1 / 0) == {"is": said}
    for size in (1, 7):
        workers.reserve(2 * size)
        for dtype in ("float32", "float64"):
            arrays = [numpy.full(size, rank + 1, dtype), numpy.full((1, size), 10.0 ** rank, dtype)]
            numbers = workers.all_reduce(arrays, [rank, 0.5, float("nan") if rank == 0 else 0])
            assert (arrays[0] == number * (number + 1) / 2).all(), arrays
            assert (arrays[1] == sum(10.0**n for n in range(number))).all(), arrays
            assert arrays[1].shape == (1, size)
            assert numbers[:2] == [number * (number - 1) / 2, number / 2], numbers
            assert numbers[2] != numbers[2]
            assert workers.all_reduce((), [1]) == [number]

random = numpy.random.RandomState(0)
X, y = random.randn(50, 20).astype("float32"), random.randint(0, 3, 50)

def train(seed, workers):
    mxnet.random.seed(seed + 1000 * workers.rank)  # what worker 0 draws counts
    net = build_mlp((32, 16), 3, num_inputs=20)
    loader = ArrayLoader(X, y, 16, seed=seed, rank=workers.rank, num_parts=workers.size)
    fit(net, loader, ArrayLoader(X, y, 50), epochs=2, lr=0.1, momentum=0.9, workers=workers)
    return numpy.concatenate([p.data().asnumpy().ravel() for p in net.collect_params().values()])

# MXNet's trainer asks for the initial parameters while it adds up the first gradients, and now and
# then gets these for them. Each training here is a new first sum.
def check_first_sums():
    for seed in range(int(trainings)):
        together, alone = train(seed, workers), train(seed, Workers())
        numpy.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)
        first = together.copy() if rank == 0 else numpy.zeros_like(together)
        workers.reserve(first.size)
        workers.all_reduce([first])
        assert first.tobytes() == together.tobytes()

with workers:
    check_sums()
    check_first_sums()
    workers.barrier()

# Worker 1 fails while the others sum, and worker 0 while they wait for the end.
for failing, steps in [(1, 51), (0, 100)]:
    try:
        with workers:
            for step in range(1, 101):
                workers.all_reduce((), [1])
                if (rank, step) == (failing, steps):
                    raise OSError("the disk is full")
            workers.barrier()
    except OSError as error:
        print(error)
workers.close()
"""


@pytest.mark.parametrize(
    "args", [("3",), pytest.param(("20", "ThreadedEnginePerDevice"), marks=pytest.mark.slow)]
)
def test_sums_and_first_sums_and_an_exception_in_any_worker_ends_all(start, args):
    results = ends(start_group(start, 3, 2, *TRAIN, worker=("-c", SCRIPT, *args)))
    assert [code for code, _, _ in results] == [0] * 6, results
    left = "worker {} has ended, and so does worker {}"
    assert sorted(output.splitlines() for _, output, _ in results[3:]) == [
        ["the disk is full", left.format(0, 1)],
        [left.format(1, 0), "the disk is full"],
        [left.format(1, 2), left.format(0, 2)],
    ]


def test_one_process_needs_no_group():
    workers = Workers()
    assert (workers.rank, workers.size) == (0, 1)
    with workers:
        assert workers.all_reduce((), [2.5]) == [2.5]
        assert workers.broadcast(lambda: (1, 2)) == (1, 2)
