"""Processes that load minibatches: what they load, and how a training ends that loses them."""

import gc
import os
import signal
import time
from pathlib import Path

import numpy
import pytest
from mxnet import np

from d2l_mlp.data.workers import Workers
from tests.processes import (
    PROG,
    SAMPLE,
    in_own_mounts,
    metrics,
    wait_for,
    wait_for_the_end_of_the_group,
)

SQUARES = [(np.array([i, i * i], dtype="float32"), i) for i in range(10)]
D2L = (*SAMPLE, "--hidden", 8, "--loader", "d2l", "--workers", 2)


class Faulty(list):
    def __getitem__(self, i):
        if i == 7:
            raise ValueError("example 7 is broken")
        return super().__getitem__(i)


def children(pid):
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


@pytest.mark.parametrize("num_workers", [1, 2, 5])
def test_minibatches_come_in_their_order_also_after_an_iteration_that_was_left(num_workers):
    before = children(os.getpid())
    workers = Workers(SQUARES, num_workers)
    assert len(children(os.getpid()) - before) == num_workers
    for _ in range(2):
        left = workers.minibatches([[9], [8], [7]])
        assert next(left)[1].item() == 9
        loaded = list(workers.minibatches([[3, 1], [4], [5, 9, 2]]))
        assert [y.tolist() for _, y in loaded] == [[3, 1], [4], [5, 9, 2]]
        assert loaded[2][0].tolist() == [[5, 25], [9, 81], [2, 4]]
        assert [array.dtype for array in loaded[0]] == ["float32", "int64"]
    del workers, left
    gc.collect()
    for process in children(os.getpid()) - before:
        deadline = time.monotonic() + 10
        while Path(f"/proc/{process}/stat").read_text().split()[2] != "Z":  # dead
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_an_error_of_the_data_set_is_raised_where_the_minibatch_is_wanted():
    minibatches = Workers(Faulty(SQUARES), 2).minibatches([[1], [7], [2]])
    assert next(minibatches)[1].item() == 1
    with pytest.raises(ValueError, match="example 7 is broken"):
        next(minibatches)


def test_a_minibatch_that_does_not_fit_the_pipe():
    examples = [(numpy.full(10, i), i) for i in range(4)]
    rows = [[0, 1] * 100_000, [2] * 200_000, [3, 1] * 100_000, [1]]  # wider than a pipe, too
    for (X, y), expected in zip(Workers(examples, 2).minibatches(rows), rows):
        assert y.tolist() == X[:, 0].tolist() == expected


def test_a_training_whose_processes_are_killed_ends_at_once_and_can_be_resumed(
    run, call, start, tmp_path
):
    call(*SAMPLE, "--hidden", 8, "--epochs", 3, "--out", "whole")
    call(*D2L, "--epochs", 1, "--out", "run", "--quiet")

    def ended(kill):
        process = start("-m", "d2l_mlp.train", "--resume", "run", "--epochs", "1000000")
        wait_for(process, "resumed")
        workers = sorted(map(int, children(process.pid)))
        assert len(workers) == 4  # two for training and two for the test
        kill(process, workers)
        begin = time.monotonic()
        out, err = process.communicate(timeout=60)
        assert time.monotonic() - begin < 20  # a second, where nothing else is running
        assert out.splitlines()[-1].endswith("saved in run")
        (line,) = err.splitlines()
        wait_for_the_end_of_the_group(process.pid)
        return process.returncode, line

    code, line = ended(lambda process, workers: os.killpg(process.pid, signal.SIGTERM))
    assert (code, line) == (143, f"{PROG}: stopped by SIGTERM")

    code, line = ended(lambda process, workers: os.kill(workers[1], signal.SIGKILL))
    assert code == 1
    assert line == (
        f"{PROG}: error: a process of the loader was killed by SIGKILL, as by Linux when memory "
        "runs out; give fewer --workers, or 0, and go on"
    )

    done = len(metrics(tmp_path / "run"))
    run("-m", "d2l_mlp.train", "--resume", "run", "--epochs", max(3, done))
    whole, again = ([list(row.values())[:5] for row in metrics(tmp_path / out)][:3]
                    for out in ("whole", "run"))  # fmt: skip
    assert whole == again


def test_no_shared_memory_is_needed(tmp_path):
    result = in_own_mounts(
        'mount -t tmpfs -o size=4k,nr_inodes=2 tmpfs /dev/shm || exit 99; '
            'export JOBLIB_MULTIPROCESSING=0; exec "$@"',  # which warns of it, if it is there
        *D2L, "--epochs", 1, "--batch-size", 5000, "--out", "run",
        cwd=tmp_path,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
