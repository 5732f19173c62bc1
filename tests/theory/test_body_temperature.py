import numpy
import pytest

from d2l_mlp.theory.body_temperature import MODELS, compare, make_data


@pytest.fixture(scope="module")
def models():
    return compare(seed=0)


def test_data_have_the_chapters_shape():
    temperatures, labels = make_data(10_000, seed=0)
    assert 34 <= temperatures.min() < 34.01 < 39.99 < temperatures.max() <= 40
    assert labels.mean() == pytest.approx(0.5, abs=0.02)
    rising, falling = temperatures > 37, temperatures < 37
    assert numpy.corrcoef(temperatures[rising], labels[rising])[0, 1] > 0.8
    assert numpy.corrcoef(temperatures[falling], labels[falling])[0, 1] < -0.8
    assert abs(numpy.corrcoef(temperatures, labels)[0, 1]) < 0.05


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_mlp_errs_a_tenth_as_often(seed):
    models = compare(seed)
    assert models["MLP"].error <= models["linear"].error / 10
    # And even than the best of all linear models, found by trying every threshold.
    temperatures, labels = make_data(2000, seed + 1)
    labels = labels[numpy.argsort(temperatures)]
    below = numpy.concatenate([[0], numpy.cumsum(labels)])
    wrong = below + (1 - labels).sum() - (numpy.arange(2001) - below)
    best = min(wrong.min(), (2000 - wrong).min()) / 2000
    assert best == pytest.approx(0.25, abs=0.03)
    assert models["linear"].error >= best
    assert models["MLP"].error <= best / 10
    # The chapter's preprocessing makes the problem linear.
    assert models["linear in the distance"].error <= best / 10


def test_error_is_that_of_the_predicted_risk(models):
    temperatures, labels = make_data(2000, seed=1)
    assert list(models) == list(MODELS)
    for model in models.values():
        wrong = (model.risk(temperatures) > 0.5) != labels
        assert wrong.mean() == pytest.approx(model.error, abs=1e-6)


def test_only_the_linear_model_is_monotonic(models):
    temperatures = numpy.linspace(34, 40, 601)
    signs = {
        name: set(numpy.sign(numpy.diff(model.risk(temperatures).astype("float64"))))
        for name, model in models.items()
    }
    assert len(signs["linear"]) == 1
    assert {-1, 1} <= signs["MLP"]
    assert {-1, 1} <= signs["linear in the distance"]


def test_seed_makes_the_models(models):
    temperatures = numpy.linspace(34, 40, 7)
    again, other = compare(seed=0), compare(seed=1)
    for name, model in models.items():
        assert (model.risk(temperatures) == again[name].risk(temperatures)).all()
        assert (model.risk(temperatures) != other[name].risk(temperatures)).any()
