import math

import pytest

from d2l_mlp.hardware.memory import available_memory, check_array_memory
from d2l_mlp.runs.net import parameter_shapes
from d2l_mlp.training.hyperparameters import Hyperparameters

MEMINFO = "MemTotal:       2000 kB\nMemFree:        100 kB\nMemAvailable:   1000 kB\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, math.inf),
        ({"proc/meminfo": MEMINFO}, 1_024_000),
        # A container sees its own group as the top.
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "5000\n",
          "sys/fs/cgroup/memory.current": "2000\n", "proc/meminfo": MEMINFO}, 3000),
        # The group above may be the narrower.
        ({"proc/self/cgroup": "0::/a/b\n",
          "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/b/memory.current": "7\n",
          "sys/fs/cgroup/a/memory.max": "100\n", "sys/fs/cgroup/a/memory.current": "120\n"}, 0),
        ({"proc/self/cgroup": "4:cpu:/x\n3:memory:/a\n",
          "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9000\n",
          "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "1000\n"}, 8000),
        # Copies of files, as Docker and Kubernetes do, are not counted as used.
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "5000\n",
          "sys/fs/cgroup/memory.current": "4900\n",
          "sys/fs/cgroup/memory.stat": "anon 900\ninactive_file 4000\nactive_file 0\n"}, 4100),
        ({"proc/self/cgroup": "3:memory:/a\n",
          "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9000\n",
          "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "9000\n",
          "sys/fs/cgroup/memory/a/memory.stat":
          "inactive_file 1\ntotal_inactive_file 700\n"}, 700),
    ],
)  # fmt: skip
def test_the_least_of_what_the_system_tells(tmp_path, files, expected):
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert available_memory(tmp_path) == expected


def test_this_machine_tells():
    assert 2**20 < available_memory() < 2**50


@pytest.mark.parametrize(
    ("hidden", "of_one_array"),
    [((10**6, 10**6), True), ((2**31,), True), ((10**30,), True), ((2_700_000, 1), False)],
)
def test_a_net_that_is_too_large_is_refused_before_anything_is_allocated(hidden, of_one_array):
    shapes = parameter_shapes(Hyperparameters(hidden=hidden))
    count = sum(a * b + b for a, b in zip((784, *hidden), (*hidden, 10)))
    with pytest.raises(ValueError, match="the net is too large: ") as caught:
        check_array_memory(shapes, 4, 2**33)
    line = str(caught.value)
    assert f"takes at least {16 * count // 2**20:,} MiB of memory, of which 8,192 MiB are" in line
    assert ("elements, and an array of MXNet has 2,147,483,646 at most" in line) == of_one_array
    if not of_one_array:
        check_array_memory(shapes, 1, 2**34)
