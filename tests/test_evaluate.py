"""The command that measures a run, as a user starts it."""

import json

import pytest
from sklearn.metrics import classification_report

from d2l_mlp.data.releases import CLASSES
from tests.nets import written_out
from tests.processes import SAMPLE, metrics

EVALUATE = ("-m", "d2l_mlp.evaluate")


def test_what_is_told_is_what_the_net_does(run, call, tmp_path, sample):
    call(*SAMPLE, "--hidden", 16, "--epochs", 2, "--dropout", 0.2, "--out", "run")
    result = run(*EVALUATE, "run")
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "run       run, after epoch 2"
    assert lines[1].startswith("data      sample of Fashion-MNIST, 5,000 training and 1,000 test")
    last = metrics(tmp_path / "run")[-1]
    loss, accuracy = (float(last[f"test_{measure}"]) for measure in ("loss", "accuracy"))
    assert lines[2] == f"test loss {loss:.4f} accuracy {accuracy:.4f}"

    told = json.loads(call(*EVALUATE, "run", "--json").stdout)
    assert (told["run"], told["epoch"], told["data"]) == ("run", 2, "sample")
    assert [told["loss"], told["accuracy"]] == pytest.approx([loss, accuracy], rel=1e-5)
    for command in (EVALUATE, ("-m", "d2l_mlp.report", "-o", "page.html")):
        line = call(*command, "run", "--data-dir", "x", code=1).stderr
        assert line.endswith("sample is embedded and is not read from x; leave out the folder\n")
    images, labels = sample.test
    expected = classification_report(
        labels, written_out(tmp_path / "run", images), target_names=CLASSES, output_dict=True,
        zero_division=0,
    )  # fmt: skip
    assert list(told["classes"]) == list(CLASSES)
    for line, name in zip(lines[4:], CLASSES):
        values = [expected[name][key] for key in ("precision", "recall", "f1-score", "support")]
        assert list(told["classes"][name].values()) == pytest.approx(values, rel=1e-12)
        shown = [*(f"{value:.4f}" for value in values[:3]), f"{values[3]:.0f}"]
        assert line.replace(name, "").split() == shown


def test_the_best_epoch_s_parameters(call, tmp_path):
    call(*SAMPLE, "--hidden", 8, "--lr", 2, "--epochs", 9, "--quiet", "--out", "run")
    accuracies = [float(row["test_accuracy"]) for row in metrics(tmp_path / "run")]
    best = accuracies.index(max(accuracies))
    assert best < 8, "the last is the best: choose another learning rate"
    for flags, index in (((), 8), (("--best",), best)):
        told = json.loads(call(*EVALUATE, "run", "--json", *flags).stdout)
        assert (told["epoch"], told["accuracy"]) == (index + 1, pytest.approx(accuracies[index]))


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["nowhere"], 1, "nowhere is not a folder; name the folder of a run"),
        ([], 2, "the following arguments are required: RUN (see --help)"),
        (["run", "--device", "tpu"], 2, "argument --device: 'tpu' is not known"),
    ],
)
def test_wrong_input_is_one_line(call, args, code, says):
    result = call(*EVALUATE, *args, code=code)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"python -m d2l_mlp.evaluate: error: {says}")


def test_help_imports_nothing_heavy(run):
    run(
        "-c",
        "import sys, d2l_mlp.evaluate\n"
        "try: d2l_mlp.evaluate.main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'mxnet', 'numpy', 'matplotlib', 'tqdm'} & set(sys.modules)",
    )
