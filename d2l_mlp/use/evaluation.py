"""Measuring a saved run on the test set of the data that it was trained on."""

from typing import Any, Dict, NamedTuple

import numpy

from d2l_mlp.data.canonical import CLASSES
from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.data.reader import FashionMNIST
from d2l_mlp.data.verified_files import DatasetError
from d2l_mlp.runs.reader import SavedRun
from d2l_mlp.runtime.device import device_of
from d2l_mlp.training.class_scores import ClassScores, class_scores
from d2l_mlp.training.evaluation import confusion_matrix, evaluate, predict


class RunEvaluation(NamedTuple):
    """What a run's net is worth on the test set."""

    loss: float
    """Mean cross-entropy, in nats."""
    accuracy: float
    classes: ClassScores

    def as_dict(self) -> Dict[str, Any]:
        """Give it as what JSON can hold."""
        classes = {
            name: dict(zip(ClassScores._fields, (value.item() for value in values)))
            for name, *values in zip(CLASSES, *self.classes)
        }
        return {"loss": self.loss, "accuracy": self.accuracy, "classes": classes}

    def __str__(self) -> str:
        lines = [
            f"test loss {self.loss:.4f} accuracy {self.accuracy:.4f}",
            f"{'class':12}{'precision':>11}{'recall':>9}{'F1':>9}{'images':>9}",
        ]
        for name, precision, recall, f1, support in zip(CLASSES, *self.classes):
            lines.append(f"{name:12}{precision:11.4f}{recall:9.4f}{f1:9.4f}{support:9,}")
        return "\n".join(lines)


def evaluate_run(run: SavedRun, data: FashionMNIST) -> RunEvaluation:
    """Measure a run's net on the test set.

    Parameters
    ----------
    run : SavedRun
        As `d2l_mlp.runs.reader.load` gives it.
    data : FashionMNIST
        The release that it was trained on.

    Returns
    -------
    RunEvaluation
        Loss, accuracy, and the scores of each class.

    Raises
    ------
    DatasetError
        If the run was trained on other data.
    """
    if run.config["data"]["sha256"] != data.sha256:
        raise DatasetError(
            f"{run.folder} was trained on other data than {data.describe()}; "
            "give the release whose SHA-256 its config.json holds"
        )
    images, labels = data.test
    device = device_of(run.net)
    test_iter = ArrayLoader(images, labels, batch_size=1000, device=device)
    loss, accuracy = evaluate(run.net, test_iter)
    predicted = numpy.concatenate([predict(run.net, X) for X, _ in test_iter])
    return RunEvaluation(loss, accuracy, class_scores(confusion_matrix(labels, predicted)))
