"""The files of docs/distributed, and the page beside them."""

import os
import subprocess
import sys

import pytest
import yaml

from d2l_mlp.train import read_flags
from tests.conftest import ROOT
from tests.groups import assert_same_run
from tests.processes import SAMPLE

FOLDER = ROOT / "docs" / "distributed"

# What Slurm would do, on this machine as if it were two.
STAND_INS = {
    "scontrol": 'test "$*" = "show hostnames node[1-2]" && echo localhost && echo localhost',
    "srun": """
test "$1" = --kill-on-bad-exit=1 && shift
export SLURMD_NODENAME=localhost
"$@" & first=$!
"$@" || exit
wait $first
""",
}


@pytest.fixture
def sbatch(tmp_path, start):
    """Run a batch script where those are, and `python` is the one of the tests."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in STAND_INS.items():
        (programs / name).write_text(f"#!/bin/bash\n{script}\n")
        (programs / name).chmod(0o755)

    def sbatch(script, *args):
        (programs / "python").write_text('#!/bin/bash\nexec "$PYTHON" "$@"\n')
        (programs / "python").chmod(0o755)
        run_it = "import os, sys; os.execvp('bash', ['bash', *sys.argv[1:]])"
        process = start(
            "-c", run_it, script, *args, PATH=f"{programs}:{os.environ['PATH']}",
            PYTHON=sys.executable, SLURM_JOB_NODELIST="node[1-2]", SLURM_NTASKS="2",
            SLURM_JOB_ID=str(os.getpid()),
        )  # fmt: skip
        output, errors = process.communicate(timeout=100)
        return process.returncode, output, errors

    return sbatch


@pytest.mark.slow
def test_the_slurm_script_trains(sbatch, call, tmp_path):
    flags = ("--dataset", "sample", "--hidden", "16", "--epochs", "1", "--lr", "0.1")
    code, output, errors = sbatch(FOLDER / "train.slurm", *flags, "--out", "group")
    assert (code, errors) == (0, "")
    assert "saved in  group" in output
    call(*SAMPLE, *flags[2:], "--out", "alone")
    assert_same_run(tmp_path / "group", tmp_path / "alone", atol=1e-4)


@pytest.mark.slow
def test_the_slurm_script_fails_as_the_workers_do(sbatch, tmp_path):
    code, _, errors = sbatch(FOLDER / "train.slurm", "--dataset", "sample", "--resume", "nowhere")
    assert code != 0
    assert "error: " in errors


def test_the_slurm_script_is_plain_bash():
    subprocess.run(["bash", "-n", FOLDER / "train.slurm"], check=True)


def test_the_kubernetes_manifest_is_one_group():
    documents = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()))
    by_kind = {}
    for document in documents:
        by_kind.setdefault(document["kind"], []).append(document)
    (group,), (service,), (policy,) = (
        by_kind[kind] for kind in ("ConfigMap", "Service", "NetworkPolicy")
    )
    variables = group["data"]
    assert all(isinstance(value, str) for value in variables.values())
    assert variables["DMLC_PS_ROOT_URI"] == service["metadata"]["name"]
    assert [int(variables["DMLC_PS_ROOT_PORT"])] == [p["port"] for p in service["spec"]["ports"]]
    jobs = {job["metadata"]["name"]: job["spec"] for job in by_kind["Job"]}
    assert list(jobs) == ["scheduler", "server", "worker"]
    for role, job in jobs.items():
        number = variables.get(f"DMLC_NUM_{role.upper()}", "1")
        assert job.get("parallelism", 1) == job.get("completions", 1) == int(number)
        labels = job["template"]["metadata"]["labels"]
        assert labels == {"app": "d2l-mlp", "role": role}
        (container,) = job["template"]["spec"]["containers"]
        environment = {variable["name"]: variable for variable in container["env"]}
        assert environment["DMLC_ROLE"]["value"] == role
        assert container["envFrom"] == [{"configMapRef": {"name": group["metadata"]["name"]}}]
        assert container["command"][:3] == ["python", "-m", "d2l_mlp.train"]
        assert read_flags([*container["command"][3:], *container["args"]]).kvstore == "dist_sync"
        # A worker or server listens at its pod's address; the scheduler is behind the service.
        assert ("DMLC_NODE_HOST" in environment) == (role != "scheduler")
    assert service["spec"]["selector"] == {"app": "d2l-mlp", "role": "scheduler"}
    peers = [{"podSelector": policy["spec"]["podSelector"]}]
    assert policy["spec"]["ingress"] == [{"from": peers}]
