"""The cores of a process, as its affinity and its container leave them."""

import os
from pathlib import Path

import pytest

CODE = "from d2l_mlp.hardware.cpu import count_cores; print(count_cores())"
CPU = Path("/sys/fs/cgroup/cpu")


def test_a_process_bound_to_one_processor_has_one(run):
    bound = f"import os; os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}}); {CODE}"
    assert run("-c", bound).stdout == "1\n"


@pytest.fixture
def group():
    """Make a control group; yield its folder and a function that sets its share."""
    if os.getuid():
        pytest.skip("a control group of one's own takes root")
    folder = (CPU if CPU.exists() else Path("/sys/fs/cgroup")) / f"d2l-mlp-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("control groups are mounted read-only")

    def share(quota, period):
        if (folder / "cpu.cfs_quota_us").exists():
            (folder / "cpu.cfs_period_us").write_text(str(period))
            (folder / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (folder / "cpu.max").write_text(f"{'max' if quota < 0 else quota} {period}")

    try:
        yield folder, share
    finally:
        folder.rmdir()


@pytest.mark.parametrize(
    ("quota", "most"), [(-1, 10**6), (150_000, 1), (100_000, 1), (20_000, 1), (2**30, 10**6)]
)
def test_the_share_of_a_container(run, group, quota, most):
    folder, share = group
    try:
        share(quota, 100_000)
    except OSError:
        pytest.skip("this machine's control groups have no share to set")
    join = f"open('{folder}/cgroup.procs', 'w').write('0'); {CODE}"
    alone = int(run("-c", CODE).stdout)
    assert int(run("-c", join).stdout) == min(alone, most)
