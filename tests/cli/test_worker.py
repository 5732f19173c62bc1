"""Distributed trainings against one process, and how their workers end."""

import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from tests.groups import TRAIN, assert_same_run, ends, environment, run_group, start_group
from tests.processes import PROG, SAMPLE, metrics

SMALL = ("--dataset", "sample", "--hidden", "32", "--lr", "0.1")
NAIVE, THREADED = "NaiveEngine", "ThreadedEnginePerDevice"


def exit_codes(results, workers=2):
    """Those of scheduler and servers, then those of the workers in order."""
    codes = [code for code, _, _ in results]
    return codes[:-workers] + sorted(codes[-workers:])


@pytest.mark.parametrize(
    ("workers", "servers", "engine", "flags"),
    [
        (2, 2, THREADED, ["--momentum", "0.9", "--schedule", "cosine", "--epochs", "2"]),
        (2, 1, NAIVE, ["--optimizer", "adam", "--lr", "0.01", "--epochs", "2", "--device",
                       "cpu:0,cpu:1,cpu:2"]),
        # Two examples are left for the last minibatch, so two of the workers get none.
        (4, 1, None, ["--batch-size", "1666", "--epochs", "3"]),
        (3, 1, None, ["--validation", "0.1", "--patience", "1", "--epochs", "9", "--lr", "1e-6"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)  # fmt: skip
@pytest.mark.slow
def test_workers_are_one_process(start, call, tmp_path, workers, servers, engine, flags):
    env = {"MXNET_ENGINE_TYPE": engine} if engine else {}
    flags = (*SMALL, *flags)
    group = run_group(start, workers, servers, *TRAIN, *flags, "--out", "group", **env)
    alone = call("-m", "d2l_mlp.train", *flags, "--out", "alone").stdout
    assert_same_run(tmp_path / "group", tmp_path / "alone", atol=1e-4)
    # One of them speaks, and as one that is alone does.
    assert [line[:9] for line in group.splitlines()] == [line[:9] for line in alone.splitlines()]


@pytest.mark.slow
@pytest.mark.usefixtures("full")
def test_workers_are_one_process_after_a_whole_epoch(start, call, tmp_path):
    flags = ("--dataset", "fashion-mnist", "--epochs", "1", "--lr", "0.1", "--activation", "tanh")
    run_group(start, 2, 1, *TRAIN, *flags, "--out", "group")
    call("-m", "d2l_mlp.train", *flags, "--out", "alone")
    assert_same_run(tmp_path / "group", tmp_path / "alone", atol=1e-4)


@pytest.mark.slow
def test_a_run_is_resumed_with_another_number_of_workers(start, call, tmp_path):
    flags = (*SMALL, "--momentum", "0.9", "--schedule", "constant")
    call(*SAMPLE, *flags[2:], "--epochs", 3, "--out", "alone")
    run_group(start, 2, 1, *TRAIN, *flags, "--epochs", "1", "--out", "group")
    # Only worker 0 needs the run's folder.
    run_group(start, 3, 1, *TRAIN, "--resume", "group", "--epochs", "2")
    call("-m", "d2l_mlp.train", "--resume", "group", "--epochs", 3)
    assert_same_run(tmp_path / "group", tmp_path / "alone", atol=1e-4)


@pytest.mark.slow
def test_a_run_starts_from_another_s_parameters_and_reports(start, call, tmp_path):
    call(*SAMPLE, "--hidden", 32, "--epochs", 1, "--out", "first")
    flags = ("--from", "first", "--lr", "0.01", "--epochs", "1")
    run_group(start, 2, 1, *TRAIN, *flags, "--report", "--tensorboard", "--out", "group")
    call("-m", "d2l_mlp.train", *flags, "--out", "alone")
    assert_same_run(tmp_path / "group", tmp_path / "alone", atol=1e-4)
    assert (tmp_path / "group" / "report.html").exists()
    assert list((tmp_path / "group" / "tensorboard").iterdir())


@pytest.mark.slow
def test_dropout_is_drawn_by_seed_epoch_and_worker(start, tmp_path):
    flags = (*SMALL, "--dropout", "0.3", "--epochs", "2")
    for out in ("a", "b"):
        run_group(start, 2, 1, *TRAIN, *flags, "--out", out)
    assert_same_run(tmp_path / "a", tmp_path / "b", atol=1e-6)


def test_all_end_when_worker_0_fails(start, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    results = ends(start_group(start, 2, 1, *TRAIN, *SMALL, "--out", "taken"))
    assert exit_codes(results) == [0, 0, 1, 3]
    first, second = sorted(error for _, _, error in results[2:])
    assert first.count("\n") == 1
    assert first.startswith(f"{PROG}: error: taken ")
    assert second == f"{PROG}: error: worker 0 has ended, and so does worker 1\n"


@pytest.mark.slow
def test_all_end_when_the_training_diverges_and_one_says_so(start):
    results = ends(start_group(start, 2, 1, *TRAIN, *SMALL[:-1], "1e30", "--out", "run"))
    assert exit_codes(results) == [0, 0, 3, 4]
    (error,) = filter(None, (error for _, _, error in results))
    assert "the training diverged in epoch 1" in error


@pytest.mark.slow
@pytest.mark.parametrize(("first", "signum"), [(True, signal.SIGINT), (False, signal.SIGTERM)])
def test_all_end_when_one_is_stopped_and_the_run_can_be_resumed(
    start, call, tmp_path, first, signum
):
    # "localhost" is resolved: it is no address that MXNet's scheduler could listen at.
    group = start_group(
        start, 2, 1, *TRAIN, *SMALL, "--epochs", "10000", "--out", "group",
        DMLC_PS_ROOT_URI="localhost",
    )  # fmt: skip
    folder = tmp_path / "group"
    metrics_file = folder / "metrics.csv"
    while not (metrics_file.exists() and "\n2," in metrics_file.read_text()):
        assert all(process.poll() is None for process in group)
        time.sleep(0.05)
    # Which of them is worker 0, the scheduler has decided: that one has the run's folder open.
    holds = [
        any(str(folder) in str(link.resolve()) for link in Path(f"/proc/{p.pid}/fd").iterdir())
        for p in group[2:]
    ]
    assert sorted(holds) == [False, True]
    stopped = group[2 + holds.index(first)]
    stopped.send_signal(signum)
    results = ends(group, timeout=20)
    assert exit_codes(results) == [0, 0, 3, 128 + signum]
    assert results[group.index(stopped)][0] == 128 + signum
    epochs = len(metrics(folder))
    call("-m", "d2l_mlp.train", "--resume", "group", "--epochs", epochs + 1)
    assert len(metrics(folder)) == epochs + 1


def listening_at(process):
    """The IPv4 addresses at which a process listens."""
    links = [fd.resolve().name for fd in Path(f"/proc/{process.pid}/fd").iterdir()]
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_, inode = row.split()[:10]
        if state == "0A" and f"socket:[{inode}]" in links:
            number = int(local.split(":")[0], 16)
            yield socket.inet_ntoa(number.to_bytes(4, sys.byteorder))


@pytest.mark.slow
def test_a_worker_that_waits_ends_after_a_signal(start):
    env = environment(2)
    group = [start(*TRAIN, DMLC_ROLE=role, **env) for role in ("scheduler", "server", "worker")]
    while not all(list(listening_at(process)) for process in group):
        assert all(process.poll() is None for process in group)
        time.sleep(0.1)
    assert all(set(listening_at(process)) == {"127.0.0.1"} for process in group)
    time.sleep(1)  # now they wait: there is one worker of two
    for process in group:
        process.send_signal(signal.SIGTERM)
    codes = [code for code, _, _ in ends(group, timeout=10)]
    assert codes == [-15, -15, 128 + 15]
