"""The main job, as a user starts it."""

import hashlib
import json
import os
import shlex
import signal
import xml.etree.ElementTree as ElementTree

import numpy
import pytest
from mxnet import np
from mxnet.gluon import nn

import d2l_mlp
from d2l_mlp import mlp, train
from d2l_mlp.cli.command import Signals
from d2l_mlp.data import fashion_mnist
from d2l_mlp.data.loaders import array_loaders
from d2l_mlp.hardware.cpu import count_cores
from d2l_mlp.runs.params import dump_parameters
from d2l_mlp.training.distributed import Workers
from d2l_mlp.training.loop import fit
from tests.conftest import largest_file
from tests.processes import PROG, SAMPLE, metrics, wait_for, wait_for_the_end_of_the_group


def outcome(folder):
    rows = [list(row.values())[:5] for row in metrics(folder)]
    return rows, (folder / "model.params").read_bytes()


def book_accuracy(path, hidden, data):
    """Load parameters into a net as the chapter writes it, and return its test accuracy."""
    book = nn.Sequential()
    book.add(nn.Dense(hidden, activation="relu"), nn.Dense(10))
    book.load_parameters(str(path))
    images, labels = data.test
    logits = book(np.array(images.astype("float32") / 255, dtype="float32")).asnumpy()
    return (logits.argmax(axis=1) == labels).mean()


@pytest.fixture
def error(call):
    """Give the command wrong input, and return its one line."""

    def error(*args, code):
        result = call("-m", "d2l_mlp.train", *args, code=code)
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"{PROG}: error: ")
        return line

    return error


@pytest.mark.parametrize(
    ("flags", "model", "layers"),
    [
        ([], "784-10, no activation, 7,850 parameters", ["0 dense 784 -> 10 7,850"]),
        ([8, "--dropout", 0.25], "784-8-10, relu, 6,370 parameters",
         ["0 dense 784 -> 8, relu 6,280", "1 dropout 0.25 0", "2 dense 8 -> 10 90"]),
    ],
)  # fmt: skip
def test_the_net_and_the_measure_are_described(call, flags, model, layers):
    result = call(*SAMPLE, "--hidden", *flags, "--epochs", 1, "--monitor", "loss", "--out", "a b")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[3] == f"model {model}, xavier, seed 0"
    assert lines[4 : 4 + len(layers)] == [f"layer {layer} parameters" for layer in layers]
    assert " (epoch 1, by loss); " in lines[-2]


def test_what_a_run_prints_and_writes(run, tmp_path, sample):
    result = run(*SAMPLE, "--hidden", 32, "--epochs", 3, "--seed", 5, "--out", "here")
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0].startswith("data      sample of Fashion-MNIST, 5,000 training and 1,000 test")
    cpus = len(os.sched_getaffinity(0))
    assert lines[1] == f"device    cpu, {cpus} processors, up to {count_cores()} threads"
    assert lines[2].startswith(f"versions  d2l_mlp {d2l_mlp.__version__}, mxnet 1.9.1, d2l ")
    assert lines[3] == "model     784-32-10, relu, 25,450 parameters, xavier, seed 5"
    assert lines[4:6] == [
        "layer     0  dense 784 -> 32, relu  25,120 parameters",
        "layer     1  dense 32 -> 10            330 parameters",
    ]
    assert [line[:9] for line in lines[6:9]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert lines[9].startswith("final test accuracy 0.")
    assert lines[10:] == ["saved in  here"]

    folder = tmp_path / "here"
    assert sorted(path.name for path in folder.iterdir()) == [
        "best.params", "checkpoints", "config.json", "curves.svg", "metrics.csv", "model.params",
    ]  # fmt: skip
    config = json.loads((folder / "config.json").read_text())
    assert config["hyperparameters"] == {
        "hidden": [32], "activation": "relu", "dropout": 0.0, "init": "xavier", "epochs": 3,
        "batch_size": 256, "optimizer": "sgd", "lr": 0.5, "momentum": 0.0, "wd": 0.0,
        "schedule": "constant", "warmup": 0.0, "validation": 0.0, "patience": 0,
        "monitor": "accuracy", "min_delta": 0.0, "seed": 5,
        "loader": "arrays",
    }  # fmt: skip
    assert config["data"]["release"] == "sample"
    assert config["data"]["sha256"] == sample.sha256
    rows = metrics(folder)
    assert list(rows[0]) == [
        "epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "seconds",
        "examples_per_second", "learning_rate", "ended",
    ]  # fmt: skip
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert {row["learning_rate"] for row in rows} == {"0.5"}

    # A net written as the chapter writes it has the printed accuracy with these parameters.
    measured = book_accuracy(folder / "model.params", 32, sample)
    assert measured == float(rows[-1]["test_accuracy"])
    svg = ElementTree.parse(folder / "curves.svg").getroot()
    assert svg.tag.endswith("svg")


def test_two_runs_are_identical_but_for_the_time(run, call, tmp_path):
    args = (*SAMPLE, "--hidden", 64, "--seed", 3, "--epochs", 2, "--momentum", 0.9, "--lr", 0.1)
    run(*args, "--out", "a")
    call(*args, "--out", "b")  # in this process, which has trained before
    call(*args, "--seed", 4, "--out", "c")

    assert outcome(tmp_path / "a") == outcome(tmp_path / "b")
    assert outcome(tmp_path / "a")[0] != outcome(tmp_path / "c")[0]
    assert outcome(tmp_path / "a")[1] != outcome(tmp_path / "c")[1]


def test_d2l_loader_gives_the_same_run(call, tmp_path):
    args = (*SAMPLE, "--hidden", 16, "--epochs", 1, "--out")
    call(*args, "ours")
    assert call(*args, "theirs", "--loader", "d2l").stderr == ""
    ours, theirs = (list(metrics(tmp_path / out)[0].values())[:5] for out in ("ours", "theirs"))
    assert ours == theirs


def test_the_book_s_loader_is_for_one_worker(tmp_path):
    workers = Workers()
    workers.size = 2
    flags = train.read_flags(["--dataset", "sample", "--loader", "d2l", "--out", str(tmp_path)])
    with Signals() as signals, pytest.raises(ValueError, match="d2l is for a single worker"):
        train.train_run(flags, signals, workers)


def test_quiet_softmax_regression_in_a_default_folder(call, tmp_path):
    result = call(*SAMPLE, "--hidden", "--epochs", 1, "--quiet", "--schedule", "cosine")
    (folder,) = (tmp_path / "runs").iterdir()
    assert result.stdout.splitlines()[1:] == [f"saved in  runs/{folder.name}"]
    assert folder.name.endswith("-softmax")


def test_help_shows_every_default(call):
    text = call("-m", "d2l_mlp.train", "--help").stdout
    flags = [action for action in train.parser()._actions if action.dest != "help"]
    shown = [action for action in flags if action.option_strings[0] in text]
    assert shown == flags
    assert text.count("default:") == sum(action.nargs != 0 for action in flags)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--epochs", "0"], "argument --epochs: '0' is not allowed; give an integer of at least 1"),
        (["--lr", "nan"], "argument --lr: 'nan' is not allowed; give a number greater than 0"),
        (["--hidden", "256", "0"], "argument --hidden: '0' is not allowed"),
        (["--activation", "step"], "argument --activation: 'step' is not allowed; give one of re"),
        (["--seed", "4294967296"], "argument --seed: '4294967296' is not allowed; give an integer "
         "of at least 0 and at most 4294967295"),
        (["--dataset", "mnist"], "argument --dataset: invalid choice: 'mnist'"),
        (["--momentum", "0.9", "--optimizer", "adam"], "momentum is 0.9, but the optimizer is"),
        (["--data-dir", "x", "--dataset", "sample"], "--data-dir and --dataset sample exclude"),
        (["--patience", "3"], "--patience needs --validation: the test set must not decide when"),
        (["--best"], "--best and --last need --from"),
        (["--best", "--last", "--from", "x"], "argument --last: not allowed with argument --best"),
        (["--learning-rate", "1"], "unrecognized arguments: --learning-rate 1"),
        (["--device", "tpu"], "argument --device: 'tpu' is not known; choose one of auto, cpu, "
         "gpu, cpu:N, gpu:N"),
        (["--device", "cpu:0,tpu"], "argument --device: 'tpu' is not known; choose one of auto"),
        (["--kvstore", "local"], "argument --kvstore: invalid choice: 'local'"),
        (["--kvstore", "dist_sync", "--seeds", "1", "2"], "--seeds and --kvstore exclude each"),
        (["--seeds", "1", "1"], "--seeds excludes --seed, and names each seed once"),
        (["--seeds", "1", "--seed", "2"], "--seeds excludes --seed, and names each seed once"),
        (["--seeds", "-1"], "argument --seeds: '-1' is not allowed; give an integer of at least 0"),
        (["--config", "a", "--from", "b"], "--config and --from exclude each other"),
        (["--config", "nowhere/config.json"], "nowhere/config.json is missing; name a run"),
    ],
)  # fmt: skip
def test_bad_flags(capsys, args, says):
    with pytest.raises(SystemExit) as exit_:
        train.main(args)
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith(f"{PROG}: error: {says}")


def test_a_net_that_is_too_large_for_the_memory(error):
    line = error(*SAMPLE[2:], "--hidden", *[40_000] * 100, code=1)
    assert "the net is too large: it takes at least " in line


def test_absent_gpu(error):
    line = error("--device", "gpu:1", code=1)
    assert "device gpu:1 cannot be used: the CUDA driver " in line


def test_missing_data(error, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty/train-images-idx3-ubyte.gz is missing" in error("--data-dir", "empty", code=1)
    assert not (tmp_path / "runs").exists()


def test_full_set_neither_found_nor_downloadable(error, monkeypatch, tmp_path):
    monkeypatch.setattr(fashion_mnist, "SYSTEM_DIR", tmp_path / "nowhere")
    line = error("--dataset", "fashion-mnist", code=1)
    assert "Fashion-MNIST is not on this machine and no mirror has the files (127.0.0.1:9: " in line


def test_output_folder_that_is_not_empty(error, tmp_path):
    (tmp_path / "precious").write_text("")
    assert "precious" in error("--dataset", "sample", "--out", "precious", code=1)
    line = error("--dataset", "sample", "--out", ".", code=1)
    assert ". is not empty, and a run overwrites nothing; name another folder with --out" in line
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.parametrize("out", ["/proc/run", "/dev/null/run", "file/run"])
def test_unwritable_output_folder(error, tmp_path, out):
    (tmp_path / "file").write_text("")
    line = error("--dataset", "sample", "--out", out, code=1)
    assert f"{out} cannot be written (" in line


@pytest.mark.parametrize("limit", [100, 10_000])
def test_full_disk(call, tmp_path, limit):
    with largest_file(limit):
        result = call(*SAMPLE, "--epochs", 1, "--out", "run", code=1)
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{PROG}: error: run cannot be written (")
    assert not (tmp_path / "run" / "model.params").exists()


def test_divergence_keeps_the_last_good_parameters_and_names_how_to_start_from_them(call, tmp_path):
    result = call(*SAMPLE, "--hidden", 8, "--lr", "1e20", "--out", "run 1", code=4)
    (line,) = result.stderr.splitlines()
    assert "the training diverged in epoch 1: a loss (" in line
    assert "is not finite; lower the learning rate (1e+20)" in line
    net = mlp.build_mlp(num_inputs=784, hidden=(8,))
    net.load_parameters(str(tmp_path / "run 1" / "model.params"))
    assert all(numpy.isfinite(p.data().asnumpy()).all() for p in net.collect_params().values())
    command = line.split("such as with: ")[1]
    assert command == f"{PROG} --from 'run 1' --lr 0.5"
    args = shlex.split(command)[1:]
    call(*args, "--epochs", 1, "--out", "again")
    assert len(metrics(tmp_path / "again")) == 1


def test_a_validation_set_decides_and_the_test_set_is_measured_once(call, tmp_path, sample, caplog):
    flags = (
        *SAMPLE, "--hidden", 8, "--lr", 0.1, "--validation", 0.1, "--patience", 2, "--epochs", 40,
    )  # fmt: skip
    lines = call(*flags, "--out", "run").stdout.splitlines()
    rows = metrics(tmp_path / "run")
    assert list(rows[0])[3:5] == ["validation_loss", "validation_accuracy"]
    accuracies = [float(row["validation_accuracy"]) for row in rows]
    best = accuracies.index(max(accuracies)) + 1
    assert best == len(rows) - 2 < 38
    assert lines[-3] == "stopped   no better accuracy in 2 epochs"
    assert all(" val loss " in line for line in lines[6:-3])

    measured = book_accuracy(tmp_path / "run" / "best.params", 8, sample)
    assert (
        f"best {max(accuracies):.4f} (epoch {best}), which on the test set is {measured:.4f};"
        in lines[-2]
    )
    again = call("-m", "d2l_mlp.train", "--resume", "run").stdout.splitlines()
    assert f"run has stopped after epoch {len(rows)}; --epochs N resumes it up to N" in again[6]
    assert again[-2].split(";")[0] == lines[-2].split(";")[0]
    assert len(metrics(tmp_path / "run")) == len(rows)
    svg = (tmp_path / "run" / "curves.svg").read_text()
    assert "validation accuracy" in svg
    assert "test accuracy" not in svg
    more = call("-m", "d2l_mlp.train", "--from", "run", "--epochs", 1, "--out", "next")
    assert f"from      run, after epoch {best}\n" in more.stdout
    config = json.loads((tmp_path / "next" / "config.json").read_text())
    assert config["from"]["epoch"] == best
    longer = len(rows) + 4
    call("-m", "d2l_mlp.train", "--resume", "run", "--epochs", longer)
    assert f"run had stopped early; it now trains all of its {longer} epochs" in caplog.text
    assert len(metrics(tmp_path / "run")) == longer
    call(*flags[:-4], "--epochs", longer, "--out", "never_stopped")
    assert outcome(tmp_path / "run") == outcome(tmp_path / "never_stopped")


def test_a_run_that_starts_with_the_parameters_of_another(call, error, tmp_path):
    call(*SAMPLE, "--hidden", 8, "--epochs", 2, "--momentum", 0.9, "--lr", 0.1, "--out", "first")
    call(
        "-m", "d2l_mlp.train", "--from", "first", "--optimizer", "adam", "--epochs", 1, "--out", "b"
    )
    config = json.loads((tmp_path / "b" / "config.json").read_text())
    given = {
        key: config["hyperparameters"][key] for key in ("hidden", "optimizer", "lr", "momentum")
    }
    assert given == {"hidden": [8], "optimizer": "adam", "lr": 0.001, "momentum": 0.0}
    assert config["data"]["release"] == "sample"
    model = (tmp_path / "first" / "model.params").read_bytes()
    sha256 = hashlib.sha256(model).hexdigest()
    assert config["from"] == {"run": str(tmp_path / "first"), "epoch": 2, "sha256": sha256}
    with numpy.load(tmp_path / "b" / "checkpoints" / "000000.npz") as archive:
        begun = {n[11:]: array for n, array in archive.items() if n.startswith("parameters/")}
    assert dump_parameters(begun) == model

    call("-m", "d2l_mlp.train", "--resume", "b", "--epochs", 2, "--quiet")
    assert json.loads((tmp_path / "b" / "config.json").read_text())["from"] == config["from"]
    for parent in (["--from", "first"], ["--config", "first/config.json"]):
        assert "--patience needs --validation" in error(*parent, "--patience", 1, code=2)
    # With dropout, Gluon numbers the layers differently; the parameters are the same.
    for parent, rate in (("first", 0.3), ("dropped", 0)):
        flags = ("--from", parent, "--dropout", rate, "--last", "--lr", 1e-30, "--epochs", 1)
        call("-m", "d2l_mlp.train", *flags, "--out", "dropped" if rate else "undropped")
    assert (tmp_path / "undropped" / "model.params").read_bytes() == model
    line = error("--from", "first", "--hidden", 9, code=1)
    assert "--from first: the parameters are 0.weight float32 (8, 784)" in line
    assert "but the net has 0.weight float32 (9, 784)" in line
    line = error("--from", "first", "--epochs", 1, "--warmup", 1, code=2)
    assert "give less; what no flag gives is that of first/config.json (see --help)" in line
    assert "nowhere/config.json is missing; name a run's folder" in error(
        "--from", "nowhere", code=2
    )


def test_a_loss_that_only_the_evaluation_meets_is_divergence_too(call, tmp_path):
    # The one step is taken after the training loss was measured, which is finite.
    flags = ("--lr", "1e20", "--batch-size", 5000, "--hidden", 8, "--epochs", 1)
    result = call(*SAMPLE, *flags, "--out", "run", code=4)
    (line,) = result.stderr.splitlines()
    assert "the training diverged in epoch 1: a loss (" in line
    assert "is not finite; lower the learning rate (1e+20)" in line
    assert metrics(tmp_path / "run") == []


def test_each_of_several_seeds_is_the_run_of_that_seed_alone(call, tmp_path):
    flags = (*SAMPLE, "--hidden", 16, "--epochs", 2, "--dropout", 0.2, "--lr", 0.2)
    lines = call(*flags, "--seeds", 3, 0, 5, "--out", "all", "--quiet").stdout.splitlines()
    call(*flags, "--seed", 0, "--out", "alone")
    assert outcome(tmp_path / "all" / "seed-0") == outcome(tmp_path / "alone")
    finals = [
        float(metrics(tmp_path / "all" / f"seed-{seed}")[-1]["test_accuracy"]) for seed in (3, 0, 5)
    ]
    assert len(set(finals)) > 1
    assert lines[6:] == [
        f"mean of 3 final test accuracies {numpy.mean(finals):.4f}, standard deviation "
        f"{numpy.std(finals, ddof=1):.4f}, {min(finals):.4f} to {max(finals):.4f}",
        "saved in  all",
    ]
    # The configuration of one of them repeats it; a flag overrides.
    config = "all/seed-5/config.json"
    call("-m", "d2l_mlp.train", "--config", config, "--out", "again", "--quiet")
    assert outcome(tmp_path / "again") == outcome(tmp_path / "all" / "seed-5")
    call("-m", "d2l_mlp.train", "--config", config, "--lr", 0.3, "--out", "other", "--quiet")
    was, now = (
        json.loads((tmp_path / name).read_text())["hyperparameters"]
        for name in (config, "other/config.json")
    )
    assert now == {**was, "lr": 0.3}


def test_used_folders_are_found_before_any_seed_is_trained(call, tmp_path):
    for seed in (1, 2):
        (tmp_path / "all" / f"seed-{seed}" / "checkpoints").mkdir(parents=True)
        (tmp_path / "all" / f"seed-{seed}" / "config.json").touch()
    (tmp_path / "all" / "seed-3").mkdir()
    result = call(*SAMPLE, "--seeds", 0, 3, 2, 1, "--out", "all", code=1)
    assert result.stderr.startswith(
        "python -m d2l_mlp.train: error: all/seed-2, all/seed-1: not empty, and a run overwrites "
        "nothing; leave these seeds out,"
    )
    assert result.stdout == ""
    assert not (tmp_path / "all" / "seed-0").exists()


def test_a_configuration_is_any_file(call, tmp_path):
    def error(flags):
        return call("-m", "d2l_mlp.train", *flags, code=2).stderr

    call(*SAMPLE, "--hidden", 2, "--epochs", 1, "--out", "run")
    content = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "best.json").write_text(json.dumps(content))
    # Both are read: it is the other flag that is refused.
    for name in ("best.json", "run"):
        assert "error: momentum is 0.5" in error(
            ["--config", name, "--optimizer", "adam", "--momentum", 0.5]
        )
    assert "error: run/config.json/config.json cannot be read (Not a directory)" in error(
        ["--from", "run/config.json"]
    )
    (tmp_path / "broken.json").write_text("x")
    assert "broken.json is not the configuration of a run (Expecting value" in error(
        ["--config", "broken.json"]
    )
    del content["data"]["release"]
    (tmp_path / "best.json").write_text(json.dumps(content))
    assert "best.json is not the configuration of a run: data.release is None" in error(
        ["--config", "best.json"]
    )


@pytest.mark.parametrize(
    ("loader", "signum", "code", "name"),
    [
        ("arrays", signal.SIGINT, 130, "Ctrl-C"),
        pytest.param("d2l", signal.SIGTERM, 143, "SIGTERM", marks=pytest.mark.slow),
    ],
)
def test_signals_stop_at_a_minibatch_and_save_what_is_printed(
    start, tmp_path, sample, loader, signum, code, name
):
    flags = ("--epochs", "100000", "--out", "run", "--loader", loader, "--hidden", "16")
    process = start(*SAMPLE, *flags)
    wait_for(process, "epoch      2/")
    (os.kill if signum == signal.SIGTERM else os.killpg)(process.pid, signum)
    out, err = process.communicate(timeout=60)
    assert err == f"{PROG}: stopped by {name}\n"
    assert process.returncode == code
    said, saved, go_on = out.splitlines()[-3:]
    assert saved == "saved in  run"
    assert go_on == f"resume    {PROG} --resume run"
    # The file has the parameters of the printed epoch, from which a resumed run continues.
    rows = metrics(tmp_path / "run")
    assert len(rows) >= 2
    accuracy = float(rows[-1]["test_accuracy"])
    assert said.startswith(f"test accuracy {accuracy:.4f} after epoch {len(rows)}, best 0.")
    measured = book_accuracy(tmp_path / "run" / "model.params", 16, sample)
    assert measured == accuracy
    wait_for_the_end_of_the_group(process.pid)


def test_ctrl_c_before_training(start):
    process = start("-X", "importtime", *SAMPLE)
    while "mxnet.base" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert [line for line in err.splitlines() if "import time:" not in line] == [
        f"{PROG}: stopped by Ctrl-C"
    ]
    assert process.returncode == 130


def test_all_sixty_thousand_images(full):
    train_iter, test_iter = array_loaders(full, 256)
    history = fit(mlp.build_mlp(num_inputs=784), train_iter, test_iter, epochs=2)
    assert history[-1].val_accuracy >= 0.80
