"""Scheduler, servers and workers as processes on this machine, and what becomes of them."""

import numpy
import pytest
from mxnet import npx

from tests.processes import free_port, metrics

TRAIN = ("-m", "d2l_mlp.train", "--kvstore", "dist_sync")


def environment(workers, servers=1):
    """What every role is given, but for its name."""
    return {
        "DMLC_PS_ROOT_URI": "127.0.0.1", "DMLC_PS_ROOT_PORT": str(free_port()),
        "DMLC_NUM_WORKER": str(workers), "DMLC_NUM_SERVER": str(servers),
    }  # fmt: skip


def start_group(start, workers, servers, *args, **env):
    """Start all roles by the same command; the workers come last."""
    env = {**environment(workers, servers), **env}
    roles = ["scheduler"] + ["server"] * servers + ["worker"] * workers
    return [start(*args, DMLC_ROLE=role, **env) for role in roles]


def ends(processes, timeout=100):
    """Wait for all, and give exit code, standard output and standard error of each."""
    outputs = [process.communicate(timeout=timeout) for process in processes]
    return [(process.returncode, *output) for process, output in zip(processes, outputs)]


def run_group(start, workers, servers, *args, **env):
    """Wait for a group that has to succeed, and give what it has printed."""
    results = ends(start_group(start, workers, servers, *args, **env))
    assert [code for code, _, _ in results] == [0] * len(results), results
    for _, _, errors in results:  # MXNet names the engine that somebody has chosen
        assert [
            line for line in errors.splitlines() if "MXNet start using engine" not in line
        ] == []
    return "".join(output for _, output, _ in results)


def assert_same_run(folder, expected, atol):
    """Compare two runs: the parameters, and the metrics but for the time."""
    parameters, others = (npx.load(str(path / "model.params")) for path in (folder, expected))
    assert list(parameters) == list(others)
    for name, array in parameters.items():
        numpy.testing.assert_allclose(array.asnumpy(), others[name].asnumpy(), rtol=0, atol=atol)
    rows, other_rows = metrics(folder), metrics(expected)
    assert len(rows) == len(other_rows)
    for row, other in zip(rows, other_rows):
        for name in list(row)[:5]:
            assert float(row[name]) == pytest.approx(float(other[name]), abs=1e-3), name
