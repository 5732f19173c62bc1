"""Reading a run, and what is no run."""

import os
import shutil

import mxnet
import numpy
import pytest
from mxnet import nd, np

from d2l_mlp.data.loaders import array_loaders
from d2l_mlp.runs.checkpoint import CheckpointError
from d2l_mlp.runs.config import RunError
from d2l_mlp.runs.reader import load_run
from d2l_mlp.training.metrics import evaluate_net
from tests import commands
from tests.processes import SAMPLE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("reader")
    flags = ("--hidden", 8, "--activation", "prelu", "--optimizer", "adam", "--lr", 0.01)
    commands.call(*SAMPLE, *flags, "--batch-size", 500, "--epochs", 3, "--out", "run", cwd=place)
    return place / "run"


def test_the_net_is_the_one_that_was_trained(folder, sample):
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
    run = load_run(folder)
    assert (run.folder, run.hyperparameters.hidden) == (folder, (8,))
    assert run.config["data"]["sha256"] == sample.sha256
    rows = (folder / "metrics.csv").read_text().splitlines()[1:]
    assert [row.split(",")[:1] for row in rows] == [[str(m.epoch)] for m in run.history]
    loss, accuracy = evaluate_net(run.net, array_loaders(sample, 500)[1])
    assert [loss, accuracy] == pytest.approx(run.history[-1][3:5], rel=1e-6)
    # The file that is there for the book's own nets holds the same.
    parameters = run.net._collect_params_with_prefix()
    for name, array in nd.load(str(folder / "model.params")).items():
        numpy.testing.assert_array_equal(array.asnumpy(), parameters[name].data().asnumpy())
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]} == before


def test_no_random_number_is_drawn(folder):
    mxnet.random.seed(3)
    expected = np.random.normal(size=(4,)).asnumpy()
    mxnet.random.seed(3)
    load_run(folder)
    assert (np.random.normal(size=(4,)).asnumpy() == expected).all()


@pytest.mark.parametrize(
    ("damage", "error", "says"),
    [
        (shutil.rmtree, RunError, "run is not a folder; name the folder of a run"),
        (lambda f: shutil.rmtree(f / "checkpoints"), RunError, "run has no folder checkpoints"),
        (lambda f: [c.unlink() for c in f.rglob("0*.npz")], CheckpointError,
         "holds no checkpoint"),
        (lambda f: [os.truncate(p, 9) for p in f.rglob("0*.npz")], CheckpointError,
         "npz is damaged: its SHA-256 is another than it ends with"),
    ],
)  # fmt: skip
def test_what_is_no_run(folder, tmp_path, damage, error, says):
    copy = shutil.copytree(folder, tmp_path / "run")
    damage(copy)
    with pytest.raises(error, match=says) as caught:
        load_run(copy)
    assert len(str(caught.value).splitlines()) == 1
