"""Scripts that end with loaders in whatever state."""

import pytest

BOOK = """
import d2l_mlp
from d2l import mxnet as d2l
from d2l_mlp.data.fashion_mnist import load_fashion_mnist
from d2l_mlp.data.d2l_loader import use_verified_data
use_verified_data(load_fashion_mnist("sample"))
train_iter, test_iter = d2l.load_data_fashion_mnist(512)
"""
GLUON = """
import d2l_mlp
from mxnet import np
from mxnet.gluon.data import ArrayDataset, DataLoader
train_iter = DataLoader(ArrayDataset(np.arange(60.0)), 4, num_workers=3)
"""
STATES = {
    "untouched": "",
    "in its middle": "minibatches = iter(train_iter); next(minibatches)",
    "exhausted": "list(train_iter)",
    "in a cycle": "cycle = [train_iter]; cycle.append(cycle); del train_iter",
    "in a function": "def f(loader=train_iter):\n    return next(iter(loader))\nf()",
    "deleted": "del train_iter",
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("beginning", [BOOK, GLUON], ids=["book", "gluon"])
def test_a_script_ends_without_a_word(run, beginning, state):
    result = run("-W", "error", "-c", beginning + STATES[state])
    assert result.stdout + result.stderr == ""


def test_the_exit_code_and_the_error_stay(run):
    result = run("-c", BOOK + "next(iter(train_iter)); 1 / 0", code=1)
    assert result.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert "Exception ignored" not in result.stderr


def test_a_loader_that_is_refused_says_why_and_no_more(run):
    result = run("-c", GLUON + "DataLoader(ArrayDataset(np.arange(6.0)))", code=1)
    assert result.stderr.splitlines()[-1].startswith("ValueError: batch_size must be specified")
    assert "Exception ignored" not in result.stderr
