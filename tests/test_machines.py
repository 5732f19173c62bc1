"""README, the container, the dev container and Binder install by the same lines."""

import json
import re
import shlex

import pytest

from d2l_mlp.compat.importer import INSTALLED_LAST
from d2l_mlp.compat.native_libs import LIBRARY_PACKAGES, ON_ARM
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
ARM = {LIBRARY_PACKAGES[name][1] for name in ON_ARM.values() if name in LIBRARY_PACKAGES}
NEEDED = {package for command, package in LIBRARY_PACKAGES.values() if command[:3] == "apt"} - ARM


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md", "Dockerfile", "binder/postBuild"])
def test_mxnet_and_d2l_come_last(path):
    text = (ROOT / path).read_text("utf-8")
    first, last = re.findall(r"pip install( --no-deps mxnet.*| [^&\n]*\.[^&\n]*)", text)[:2]
    assert shlex.split(first)[-1].startswith(".")
    assert shlex.split(last) == ["--no-deps", *INSTALLED_LAST.values()]


def test_the_system_libraries_are_named_everywhere():
    (line,) = re.findall("apt-get install (.*?) *#", README)
    (image,) = re.findall("apt-get install -y --no-install-recommends (.*)", DOCKERFILE)
    on_arm, elsewhere = re.findall('own="?([^"]*?)"? ;;', DOCKERFILE)
    packages = {*image.strip(" \\").replace("$own", elsewhere).split()}
    assert {*line.split()} == {"python3-venv", *NEEDED}
    assert packages == {"python3-venv", "dataset-fashion-mnist", *NEEDED}
    installing = (ROOT / "docs" / "installing.md").read_text("utf-8")
    (arm,) = re.findall("apt-get install (.*)", installing)
    assert {*on_arm.split()} == ARM
    assert {*arm.split()} == {"python3-venv", "libgomp1", *ARM}
    assert {*(ROOT / "binder" / "apt.txt").read_text().split()} == packages - {"python3-venv"}


def test_a_change_of_the_code_reuses_the_installed_packages():
    names_packages, code = (
        DOCKERFILE.index("pip install '"),
        DOCKERFILE.index("COPY --chown=reader . "),
    )
    assert names_packages < code
    assert "--no-deps" in DOCKERFILE[code:].split("pip install", 1)[1].split("&&")[0]


def test_the_dev_container_is_the_image():
    folder = ROOT / ".devcontainer"
    settings = json.loads((folder / "devcontainer.json").read_text())
    assert (folder / settings["build"]["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert settings["remoteUser"] == re.search("^USER (.*)", DOCKERFILE, re.MULTILINE)[1]
    assert str(settings["forwardPorts"][0]) in re.findall("^EXPOSE (.*)", DOCKERFILE, re.MULTILINE)
