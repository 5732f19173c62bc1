"""The command that measures a run, as a user starts it."""

import json
import re

import pytest
from mxnet import nd
from PIL import Image
from sklearn.metrics import classification_report

from d2l_mlp.data.releases import CLASSES
from tests.nets import written_out
from tests.processes import SAMPLE, metrics

EVALUATE = ("-m", "d2l_mlp.evaluate")


def test_the_scores_are_those_of_the_net(run, call, tmp_path, sample):
    call(*SAMPLE, "--hidden", 16, "--epochs", 2, "--dropout", 0.2, "--out", "run")
    result = run(*EVALUATE, "run")
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "run       run, after epoch 2"
    assert lines[1].startswith("data      sample of Fashion-MNIST, 5,000 training and 1,000 test")
    last = metrics(tmp_path / "run")[-1]
    loss, accuracy = (float(last[f"test_{measure}"]) for measure in ("loss", "accuracy"))
    assert lines[2] == f"test loss {loss:.4f} accuracy {accuracy:.4f}"

    scores = json.loads(call(*EVALUATE, "run", "--json").stdout)
    assert (scores["run"], scores["epoch"], scores["data"]) == ("run", 2, "sample")
    assert [scores["loss"], scores["accuracy"]] == pytest.approx([loss, accuracy], rel=1e-5)
    for command in (EVALUATE, ("-m", "d2l_mlp.report", "-o", "page.html")):
        line = call(*command, "run", "--data-dir", "x", code=1).stderr
        assert line.endswith("the sample is embedded; leave out the folder 'x'\n")
    images, labels = sample.test
    expected = classification_report(
        labels, written_out(tmp_path / "run", images), target_names=CLASSES, output_dict=True,
        zero_division=0,
    )  # fmt: skip
    assert list(scores["classes"]) == list(CLASSES)
    for line, name in zip(lines[4:], CLASSES):
        values = [expected[name][key] for key in ("precision", "recall", "f1-score", "support")]
        assert list(scores["classes"][name].values()) == pytest.approx(values, rel=1e-12)
        shown = [*(f"{value:.4f}" for value in values[:3]), f"{values[3]:.0f}"]
        assert line.replace(name, "").split() == shown


def test_the_best_epoch_s_parameters(call, tmp_path):
    call(*SAMPLE, "--hidden", 8, "--lr", 2, "--epochs", 9, "--quiet", "--out", "run")
    accuracies = [float(row["test_accuracy"]) for row in metrics(tmp_path / "run")]
    best = accuracies.index(max(accuracies)) + 1
    assert best < 9, "the last is the best: choose another learning rate"
    for flags, epoch in (((), 9), (("--last",), 9), (("--best",), best)):
        scores = json.loads(call(*EVALUATE, "run", "--json", *flags).stdout)
        assert scores["epoch"] == epoch
        assert scores["accuracy"] == pytest.approx(accuracies[epoch - 1])


def test_a_validation_set_makes_the_best_epoch_the_default(call, tmp_path, sample):
    flags = ("--hidden", 8, "--lr", 2, "--epochs", 9, "--validation", 0.2, "--report")
    lines = call(*SAMPLE, *flags, "--out", "run").stdout.splitlines()
    Image.fromarray(sample.test[0][0]).save(tmp_path / "a.png")
    best, measured = re.search(r"\(epoch (\d)\), .* test set is (0\.\d+);", lines[-2]).groups()
    assert best != "9", "the last is the best: choose another learning rate"
    name = f"run       run, after epoch {best}, the best of 9"
    lines = call(*EVALUATE, "run").stdout.splitlines()
    assert lines[0] == name
    assert lines[2].endswith(f" accuracy {measured}")
    assert call("-m", "d2l_mlp.predict", "run", "a.png").stdout.splitlines()[0] == name
    assert call("-m", "d2l_mlp.export", "run", "-o", "m.json").stdout.splitlines()[0] == name
    bias = nd.load(str(tmp_path / "run" / "best.params"))["1.bias"].asnumpy()
    exported = nd.load(str(tmp_path / "m-0000.params"))["arg:1.bias"].asnumpy()
    assert (exported == bias).all()
    call("-m", "d2l_mlp.report", "run")
    for page in (tmp_path / "report.html", tmp_path / "run" / "report.html"):
        assert f"After epoch {best} of 9" in page.read_text()
    assert call(*EVALUATE, "run", "--last").stdout.startswith("run       run, after epoch 9\n")
