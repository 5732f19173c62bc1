import statistics
from pathlib import Path

import pytest

from d2l_mlp.pages.report import differing, spreads
from d2l_mlp.runs.reader import SavedRun
from d2l_mlp.training.hyperparameters import Hyperparameters


def saved(release="sample", epochs_done=0, **settings):
    config = {"data": {"release": release}}
    history = (None,) * epochs_done
    return SavedRun(Path("x"), config, Hyperparameters(**settings), history, epochs_done, None)


def test_only_what_differs_is_shown():
    runs = [saved(lr=0.5), saved(lr=0.1, hidden=(8, 8), batch_size=32), saved("fashion-mnist")]
    assert differing(runs) == {
        "hidden": ["256 256", "8 8", "256 256"],
        "batch size": ["256", "32", "256"],
        "lr": ["0.5", "0.1", "0.5"],
        "data": ["sample", "sample", "fashion-mnist"],
    }
    assert differing(runs[:1]) == {}


def test_a_run_that_is_going_on_differs():
    assert differing([saved(), saved(epochs_done=2)]) == {"epochs done": ["0", "2"]}


def test_mean_and_spread_where_only_the_seed_differs():
    # The last has the seed of the first, and counts no second time.
    runs = [saved(seed=0), saved(seed=1), saved(seed=2, lr=0.1), saved(seed=3), saved(seed=0)]
    losses, accuracies = (0.5, 0.6, 0.1, 0.9, 0.5), (0.8, 0.7, 0.99, 0.75, 0.8)
    (spread,) = spreads("abcde", runs, list(zip(losses, accuracies)))
    assert spread.runs == ("a", "b", "d")
    for given, values in ((spread.loss, losses), (spread.accuracy, accuracies)):
        chosen = [values[i] for i in (0, 1, 3)]
        assert given == pytest.approx((statistics.mean(chosen), statistics.stdev(chosen)))


@pytest.mark.parametrize(
    "other", [{"seed": 0}, {"seed": 1, "lr": 0.1}, {"seed": 1, "epochs_done": 1},
              {"seed": 1, "release": "fashion-mnist"}],
)  # fmt: skip
def test_no_spread_of_other_runs(other):
    assert spreads("ab", [saved(seed=0), saved(**other)], [(0.5, 0.8), (0.6, 0.7)]) == []
