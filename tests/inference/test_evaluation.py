import numpy
import pytest
from mxnet import autograd, np
from sklearn import metrics

from d2l_mlp.data.releases import DatasetError
from d2l_mlp.inference import evaluation as evaluation_module
from d2l_mlp.inference.evaluation import (
    class_scores,
    confusion_matrix,
    evaluate_run,
    inspect_run,
)
from d2l_mlp.inference.prediction import predict_image
from d2l_mlp.runs.reader import load_run
from tests import commands
from tests.processes import SAMPLE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("evaluation")
    flags = ("--hidden", 16, 8, "--dropout", 0.2, "--epochs", 1)
    commands.call(*SAMPLE, *flags, "--out", "run", cwd=place)
    return place / "run"


@pytest.fixture
def saved(folder):
    return load_run(folder)


@pytest.mark.parametrize("batch_size", [1000, 300])
def test_like_plain_numpy(saved, sample, monkeypatch, batch_size):
    monkeypatch.setattr(evaluation_module, "_BATCH_SIZE", batch_size)
    first = saved.net[0]
    first.bias.set_data(np.array([-1e6, *first.bias.data().asnumpy()[1:]]))  # dead
    found = inspect_run(saved, sample)
    images, labels = sample.test
    H = images.reshape(len(images), -1) / numpy.float32(255)
    for i in (0, 2, 4):
        W, b = (p.data().asnumpy() for p in (saved.net[i].weight, saved.net[i].bias))
        H = H @ W.T + b
        if i < 4:
            H = numpy.maximum(H, 0)
            layer = found.layers[i // 2]
            assert layer.mean == pytest.approx(H.mean(), rel=1e-4)
            assert layer.std == pytest.approx(H.std(), rel=1e-4)
            assert layer.active == pytest.approx((H > 0).mean(axis=0), abs=2e-3)
            assert layer.dead == sum(not (unit > 0).any() for unit in H.T)
    assert found.layers[0].dead >= 1
    E = numpy.exp(H - H.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    assert (found.predicted == P.argmax(axis=1)).mean() > 0.998  # but for ties in the last bit
    assert found.confidence == pytest.approx(P.max(axis=1), rel=1e-3)
    evaluation = found.evaluation
    assert evaluation.accuracy == pytest.approx((found.predicted == labels).mean())
    assert evaluation.loss == pytest.approx(-numpy.log(P[range(1000), labels]).mean(), rel=1e-4)
    assert str(evaluation) == str(evaluate_run(saved, sample))


@pytest.mark.parametrize("scope", [autograd.record, autograd.train_mode])
def test_dropout_drops_nothing_in_any_scope(saved, sample, scope):
    expected = evaluate_run(saved, sample), predict_image(saved.net, sample.test[0][0])
    with scope():
        assert str(evaluate_run(saved, sample)) == str(expected[0])
        found = predict_image(saved.net, sample.test[0][0])
    assert found.probabilities.tolist() == expected[1].probabilities.tolist()


def test_examples_are_ordered_by_confidence(saved, sample):
    found = inspect_run(saved, sample)
    _, labels = sample.test
    for i, j in ((6, 0), (9, 9)):
        indices = found.examples(i, j)
        assert len(indices) == found.matrix[i, j]
        assert (labels[indices] == i).all()
        assert (found.predicted[indices] == j).all()
        assert (numpy.diff(found.confidence[indices]) <= 0).all()
    assert len(found.mistakes()) == found.matrix.sum() - found.matrix.trace()
    equal = found._replace(confidence=numpy.repeat([0.5, 0.9], 500))
    wrong = numpy.flatnonzero(labels != found.predicted)
    assert equal.mistakes().tolist() == [*wrong[wrong >= 500], *wrong[wrong < 500]]


def test_other_data_are_refused(saved, sample):
    other = sample._replace(release="fashion-mnist")
    for measure in (evaluate_run, inspect_run):
        with pytest.raises(DatasetError, match="trained on other data than Fashion-MNIST, 5,000"):
            measure(saved, other)


@pytest.mark.parametrize(
    ("labels", "predicted", "num_classes", "message"),
    [
        ([0, 1], [0], 3, "2 labels but 1 predictions; give as many"),
        ([0, 3], [0, 0], 3, "example 1 has the label 3; give whole numbers from 0 to 2, as"),
        ([0, 0], [0, -1], 3, "example 1 has the label -1; give whole numbers"),
        ([0, 1], [[0], [1]], 3, r"labels have the shape \(2, 1\); give one integer an example"),
        (2, 2, 3, r"labels have the shape \(\); give one integer an example: y.reshape\(-1\)"),
        ([0], [0], 0, "num_classes is 0; give an integer of at least 1"),
    ],
)
def test_what_is_no_label_is_refused(labels, predicted, num_classes, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(labels, predicted, num_classes)


@pytest.mark.parametrize(("n", "num_classes"), [(1000, 10), (30, 10), (3, 10), (1, 2)])
def test_scores_are_scikit_learn_s(n, num_classes):
    random = numpy.random.RandomState(n)
    labels, predicted = random.randint(num_classes, size=(2, n))
    predicted[::2] = labels[::2]
    matrix = confusion_matrix(labels, predicted, num_classes)
    expected = metrics.confusion_matrix(labels, predicted, labels=range(num_classes))
    assert (matrix == expected).all()
    scores = class_scores(matrix)
    expected = metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(num_classes), zero_division=0
    )
    for given, value in zip(scores, expected):
        numpy.testing.assert_allclose(given, value, rtol=1e-15)
    assert scores.support.dtype == "int64"
    assert class_scores(matrix.tolist()).f1.tolist() == scores.f1.tolist()


def test_scores_of_many_examples_and_of_small_integers_do_not_wrap():
    scores = class_scores([[2**32, 0], [2**32, 5]])
    assert scores.support.tolist() == [2**32, 2**32 + 5]
    assert scores.f1[0] == pytest.approx(2 / 3)
    scores = class_scores(numpy.array([[200, 100], [100, 50]], dtype="uint8"))
    assert scores.f1 == pytest.approx([2 / 3, 1 / 3])
