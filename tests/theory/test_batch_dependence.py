import numpy
import pytest
from mxnet import autograd, np, npx

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.gradients import value_and_grad
from d2l_mlp.theory.batch_dependence import influence, split_gap, standardize

X = numpy.random.RandomState(0).randn(12, 3) * [1, 5, 0.2] + [0, 3, -7]


def mx(X):
    return np.array(X, dtype="float64")


@pytest.mark.parametrize("eps", [0.0, 1e-5, 0.1])
def test_standardize_is_the_formula(eps):
    expected = (X - X.mean(axis=0)) / numpy.sqrt(X.var(axis=0) + eps)
    numpy.testing.assert_allclose(standardize(mx(X), eps).asnumpy(), expected, rtol=1e-12)


def test_standardized_columns_have_mean_0_and_deviation_1():
    Z = standardize(mx(X), eps=0).asnumpy()
    numpy.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-13)
    numpy.testing.assert_allclose(Z.std(axis=0), 1, rtol=1e-13)


def test_an_example_depends_on_its_neighbours():
    weights = influence(standardize, mx(X), 4).asnumpy()
    assert weights.shape == (12,)
    assert (weights > 1e-3).all()
    moved = X.copy()
    moved[7] += 1  # another example
    before, after = (standardize(mx(X))[4].asnumpy() for X in (X, moved))
    assert abs(before - after).min() > 1e-3


def test_influence_is_the_derivative():
    # Of standardized features only the derivative after a feature's own column is not 0.
    step, expected = 1e-6, numpy.zeros(X.shape)
    for i, j in numpy.ndindex(*X.shape):
        change = numpy.zeros(X.shape)
        change[i, j] = step
        difference = standardize(mx(X + change)) - standardize(mx(X - change))
        expected[i, j] = difference[4].sum().item() / (2 * step)
    numpy.testing.assert_allclose(
        influence(standardize, mx(X), 4).asnumpy(), abs(expected).max(axis=1), rtol=1e-6
    )


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=list(ACTIVATIONS))
def test_an_activation_function_has_none_of_the_problems(activation):
    own = influence(activation.function, mx(X), 4).asnumpy()
    expected = abs(activation.derivative(mx(X)).asnumpy()[4]).max()
    assert own[4] == pytest.approx(expected, rel=1e-6)
    assert not numpy.delete(own, 4).any()
    for batch_size in (1, 5, 12):
        assert split_gap(activation.function, mx(X), batch_size) == 0
    assert value_and_grad(activation.function, mx(X))[0].shape == X.shape


def test_softmax_acts_on_rows_and_so_on_one_example_at_a_time():
    assert not numpy.delete(influence(npx.softmax, mx(X), 4).asnumpy(), 4).any()
    assert split_gap(npx.softmax, mx(X), 5) == 0


def test_nothing_is_left_of_a_minibatch_of_one():
    for example in X:
        assert standardize(mx(example[None])).tolist() == [[0, 0, 0]]
    assert numpy.isnan(standardize(mx(X[:1]), eps=0).asnumpy()).all()
    assert influence(standardize, mx(X[:1]), 0).tolist() == [0]  # no gradient: nothing to learn


def test_training_in_minibatches_and_testing_on_all_differ():
    whole = standardize(mx(X)).asnumpy()
    for batch_size in (1, 4, 5, 11):
        parts = [standardize(mx(X[i : i + batch_size])) for i in range(0, 12, batch_size)]
        expected = abs(numpy.concatenate([p.asnumpy() for p in parts]) - whole).max()
        assert split_gap(standardize, mx(X), batch_size) == pytest.approx(expected)
        assert expected > 0.1
    assert split_gap(standardize, mx(X), 12) == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_the_gap_has_no_sign(sign):
    assert split_gap(lambda X: 0 * X + sign * len(X), mx(X), 5) == 10


def test_a_gradient_of_the_minibatch_stays_as_it_is():
    x = mx(X)
    x.attach_grad()
    with autograd.record():
        y = (3 * x).sum()
    influence(standardize, x, 4)
    y.backward()
    assert (x.grad == 3).all()


def test_it_is_not_elementwise():
    with pytest.raises(ValueError, match="f is not elementwise"):
        value_and_grad(standardize, mx(X))


@pytest.mark.parametrize("shape", [(3,), (0, 3), (2, 3, 4)])
def test_only_minibatches_are_looked_at(shape):
    for look in (
        standardize,
        lambda X: influence(np.tanh, X, 0),
        lambda X: split_gap(np.tanh, X, 1),
    ):
        with pytest.raises(ValueError, match=r"X has the shape .*; give a minibatch"):
            look(np.zeros(shape))


def test_integers_have_no_derivative():
    with pytest.raises(ValueError, match="features are int32; give floats"):
        influence(np.square, np.array([[1, 2], [3, 4]], dtype="int32"), 0)


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True])
def test_batch_size_is_refused(batch_size):
    with pytest.raises(ValueError, match=f"batch size is {batch_size}; give an integer"):
        split_gap(standardize, mx(X), batch_size)
