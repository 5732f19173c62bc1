import pytest

from d2l_mlp.data.releases import DatasetError
from d2l_mlp.inference.evaluation import evaluate_run
from d2l_mlp.mlp import build_mlp
from d2l_mlp.runs.reader import SavedRun
from d2l_mlp.training.hyperparameters import Hyperparameters


def test_other_data_than_the_run_s_are_refused(tmp_path, sample):
    config = {"data": {"sha256": sample.sha256}}
    run = SavedRun(tmp_path, config, Hyperparameters(), (), 0, build_mlp(num_inputs=784))
    assert evaluate_run(run, sample).classes.support.sum() == 1000
    with pytest.raises(DatasetError, match="was trained on other data than Fashion-MNIST, 5,000"):
        evaluate_run(run, sample._replace(release="fashion-mnist"))
