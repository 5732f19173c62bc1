"""Several seeds in one command, and a run repeated by its configuration."""

import json

import numpy
import pytest

from d2l_mlp import train
from tests.processes import SAMPLE, metrics


def outcome(folder):
    rows = [list(row.values())[:5] for row in metrics(folder)]
    return rows, (folder / "model.params").read_bytes()


def test_each_seed_is_the_run_that_it_is_alone(run, call, tmp_path):
    flags = (*SAMPLE, "--hidden", 16, "--epochs", 2, "--dropout", 0.2, "--lr", 0.2)
    lines = run(*flags, "--seeds", 3, 0, 5, "--out", "all", "--quiet").stdout.splitlines()
    run(*flags, "--seed", 0, "--out", "alone")
    assert outcome(tmp_path / "all" / "seed-0") == outcome(tmp_path / "alone")
    finals = [
        float(metrics(tmp_path / "all" / f"seed-{seed}")[-1]["test_accuracy"]) for seed in (3, 0, 5)
    ]
    assert len(set(finals)) > 1
    assert lines[3:] == [
        f"mean of 3 final test accuracies {numpy.mean(finals):.4f}, standard deviation "
        f"{numpy.std(finals, ddof=1):.4f}, {min(finals):.4f} to {max(finals):.4f}; saved in all"
    ]
    # The configuration of one of them repeats it; a flag overrides.
    config = "all/seed-5/config.json"
    run("-m", "d2l_mlp.train", "--config", config, "--out", "again", "--quiet")
    assert outcome(tmp_path / "again") == outcome(tmp_path / "all" / "seed-5")
    call("-m", "d2l_mlp.train", "--config", config, "--lr", 0.3, "--out", "other", "--quiet")
    was, now = (
        json.loads((tmp_path / name).read_text())["hyperparameters"]
        for name in (config, "other/config.json")
    )
    assert now == {**was, "lr": 0.3}


def test_what_is_taken_is_found_before_anything_is_trained(call, tmp_path):
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


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--seeds", "1", "1"], "--seeds excludes --seed, and names each seed once"),
        (["--seeds", "1", "--seed", "2"], "--seeds excludes --seed, and names each seed once"),
        (["--seeds", "-1"], "argument --seeds: '-1' is not allowed; give an integer of at least 0"),
        (["--config", "a", "--from", "b"], "--config and --from exclude each other"),
        (["--config", "nowhere/config.json"], "nowhere/config.json is missing; name the folder"),
    ],
)
def test_flags_that_make_no_sense(capsys, args, says):
    with pytest.raises(SystemExit) as exit_:
        train.main(args)
    assert exit_.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"python -m d2l_mlp.train: error: {says}")


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
    assert "best.json is not the configuration of a run: it does not name the data's release" in error(
        ["--config", "best.json"]
    )
