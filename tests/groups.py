"""Distributed trainings as processes: their roles, how they end, and whether any is left."""

import time
from contextlib import suppress
from pathlib import Path

import numpy
import pytest

from tests.processes import free_port, marked, metrics

TRAIN = ("-m", "d2l_mlp.train", "--kvstore", "dist_sync")
MARK = "D2L_MLP_TEST_GROUP"


def environment(workers, servers=1):
    """The variables that all roles share."""
    return {
        "DMLC_PS_ROOT_URI": "127.0.0.1", "DMLC_PS_ROOT_PORT": str(free_port()),
        "DMLC_NUM_WORKER": str(workers), "DMLC_NUM_SERVER": str(servers),
    }  # fmt: skip


def start_group(start, workers, servers, *args, worker=None, **env):
    """Start all roles by the same command, or the workers by another; the workers come last."""
    env = {**environment(workers, servers), **env}
    processes = [
        start(*args, DMLC_ROLE=role, **env) for role in ["scheduler"] + ["server"] * servers
    ]
    return processes + [start(*(worker or args), DMLC_ROLE="worker", **env) for _ in range(workers)]


def ends(processes, timeout=100):
    """Wait for all, and return exit code, standard output and standard error of each."""
    outputs = [process.communicate(timeout=timeout) for process in processes]
    return [(process.returncode, *output) for process, output in zip(processes, outputs)]


def run_group(start, workers, servers, *args, **env):
    """Wait for a group that has to succeed, and return what it has printed."""
    results = ends(start_group(start, workers, servers, *args, **env))
    assert [code for code, _, _ in results] == [0] * len(results), results
    for _, _, errors in results:  # MXNet names an engine that is not the default
        assert [
            line for line in errors.splitlines() if "MXNet start using engine" not in line
        ] == []
    return "".join(output for _, output, _ in results)


def assert_same_run(folder, expected, atol):
    """Compare two runs: the parameters, and the metrics but for the time."""
    from mxnet import npx  # not above: children of these tests import this module too

    parameters, others = (npx.load(str(path / "model.params")) for path in (folder, expected))
    assert list(parameters) == list(others)
    for name, array in parameters.items():
        numpy.testing.assert_allclose(array.asnumpy(), others[name].asnumpy(), rtol=0, atol=atol)
    rows, other_rows = metrics(folder), metrics(expected)
    assert len(rows) == len(other_rows)
    for row, other in zip(rows, other_rows):
        for name in list(row)[:5]:
            assert float(row[name]) == pytest.approx(float(other[name]), abs=1e-3), name


def new_mark():
    return str(time.time_ns())


def launched_process(mark, name, timeout=20):
    """Wait for a role of a marked launch, and return its process; workers count by ports."""
    kind, _, number = name.partition(" ")
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        found = {}
        for pid in marked(MARK, mark) & marked("DMLC_ROLE", kind):
            with suppress(OSError):  # it has ended
                environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                variables = dict(item.split(b"=", 1) for item in environment if item)
                found[int(variables.get(b"PORT", 0))] = pid
        if len(found) > int(number or 0):
            return found[sorted(found)[int(number or 0)]]
        time.sleep(0.1)
    raise AssertionError(f"there is no {name}")


def assert_none_is_left(mark, timeout=10):
    end = time.monotonic() + timeout
    while marked(MARK, mark):
        assert time.monotonic() < end, "a process is left"
        time.sleep(0.05)
