import os
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    """Build the driver, and give the folder that it is in."""
    if not shutil.which("cc"):
        reason = "needs a C compiler: apt-get install gcc"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    folder = tmp_path_factory.mktemp("driver")
    source = Path(__file__).with_name("libcuda.c")
    command = ["cc", "-shared", "-fPIC", "-nostdlib", "-o", folder / "libcuda.so.1", source]
    subprocess.run(command, check=True)
    return folder
