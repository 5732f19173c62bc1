"""Checkpoints and run folders, damaged in every way, in this process."""

import dataclasses
import json
import os
import random
import shutil
import tempfile
from pathlib import Path

import numpy
import pytest

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.runs.checkpoint import (
    BEST,
    MANIFEST,
    PARAMETERS,
    STATE,
    CheckpointError,
    fingerprint,
    load_checkpoint,
)
from d2l_mlp.runs.config import RunError, hyperparameters_of
from d2l_mlp.runs.net import new_net
from d2l_mlp.runs.reader import load_run
from d2l_mlp.runs.run import Run
from d2l_mlp.train import read_flags
from d2l_mlp.training.loop import fit
from d2l_mlp.training.state import initial_state
from tests.conftest import without_permission
from tests.damage import damage, lie

OLD, NEW = "checkpoints/000002", "checkpoints/000003"


def make_run(folder, *flags):
    """Train a small net on noise for three epochs, and keep every state by its epoch."""
    settings = read_flags(["--hidden", "3", "--epochs", "3", "--lr", "0.1", *flags]).hyperparameters
    configuration = {
        "hyperparameters": dataclasses.asdict(settings),
        "data": {"release": "sample", "sha256": {}},
    }
    net = new_net(settings)
    noise = numpy.random.RandomState(settings.seed)
    data = ArrayLoader(noise.rand(20, 784), noise.randint(0, 10, 20), 8)
    run = Run.start(folder, configuration, initial_state(net))
    states = [run.state]

    def on_epoch(state):
        run.save(state)
        states.append(state)

    fit(net, data, data, settings, epochs=3, on_epoch=on_epoch)
    run.write_parameters()
    run.close()
    return states


FLAGS = ("--momentum", "0.9", "--activation", "prelu")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "run"
    return folder, make_run(folder, *FLAGS)


@pytest.fixture
def run(made, tmp_path):
    """A copy of a run's folder, to be damaged."""
    return shutil.copytree(made[0], tmp_path / "run")


def resume(folder):
    run = Run.resume(folder)
    run.close()
    return run


def same(ours, theirs):
    return ours[::3] == theirs[::3] and all(
        a.keys() == b.keys() and all(a[name].tobytes() == b[name].tobytes() for name in a)
        for a, b in zip(arrays(ours), arrays(theirs))
    )


def arrays(state):
    optimizer = [state.optimizer[name] for name in sorted(state.optimizer)]
    return [state.parameters, state.best, *optimizer]


def sign(folder):
    """Let a checkpoint's manifest say what is there, as an enemy can."""
    files = {name: (folder / name).read_bytes() for name in FILES}
    manifest = {"format": 1, "files": {n: fingerprint(raw) for n, raw in files.items()}}
    (folder / MANIFEST).write_text(json.dumps(manifest))


MOMENTUM = "momentum.params"
FILES = (STATE, PARAMETERS, BEST, MOMENTUM)


def test_what_is_loaded_is_what_was_saved(made, caplog):
    folder, states = made
    assert same(resume(folder).state, states[3])
    assert states[3].optimizer.keys() == {"momentum"}
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == [
        "000002", "000003", "lock",
    ]  # fmt: skip
    shutil.copytree(folder, folder.parent / "older")
    shutil.rmtree(folder.parent / "older" / NEW)
    assert same(resume(folder.parent / "older").state, states[2])
    assert caplog.text == ""


@pytest.mark.parametrize("flags", [(), ("--hidden",), ("--hidden", "3", "2", "--seed", "4")])
def test_other_nets_and_no_momentum(tmp_path, flags):
    states = make_run(tmp_path / "run", *flags)
    assert same(resume(tmp_path / "run").state, states[3])
    assert states[3].optimizer == {}


def swap(folder):
    a, b = folder / PARAMETERS, folder / MOMENTUM
    raw = a.read_bytes()
    a.write_bytes(b.read_bytes())
    b.write_bytes(raw)


def edit(name, change):
    def damage(folder):
        content = json.loads((folder / name).read_text())
        change(content)
        (folder / name).write_text(json.dumps(content))
        if name != MANIFEST:
            sign(folder)

    return damage


def other_run(*flags):
    def damage(folder):
        make_run(folder.parent / "other", *flags)
        shutil.rmtree(folder)
        shutil.move(folder.parent / "other" / NEW, folder)
        shutil.rmtree(folder.parent / "other")

    return damage


def signed(name, raw):
    def damage(folder):
        (folder / name).write_bytes(raw)
        sign(folder)

    return damage


def linked(name):
    def damage(folder):
        (folder / name).rename(folder.parent / name)
        (folder / name).symlink_to(folder.parent / name)

    return damage


def hyperparameter(name, value):
    return edit(
        "state.json", lambda state: state["config"]["hyperparameters"].update({name: value})
    )


def flip(folder):
    path = folder / "model.params"
    raw = bytearray(path.read_bytes())
    raw[1000] ^= 4
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (flip, "model.params has another SHA-256 than its manifest says"),
        (lambda f: os.truncate(f / "model.params", 5000), "model.params has 5,000 bytes, and its"),
        (lambda f: os.truncate(f / "momentum.params", 0), "momentum.params has 0 bytes, and its"),
        (lambda f: os.truncate(f / "model.params", 2**40), "model.params has more than 9,871"),
        (lambda f: (f / "state.json").unlink(), "state.json is missing"),
        (lambda f: (f / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda f: os.truncate(f / "manifest.json", 0), "manifest.json is not JSON"),
        (lambda f: (f / "manifest.json").write_text("[" * 60_000), "manifest.json lacks what"),
        (lambda f: (f / "manifest.json").write_text("[]"), "manifest.json lacks what belongs"),
        (lambda f: (f / "manifest.json").write_text("{}"), "manifest.json lacks what belongs"),
        (lambda f: shutil.copy(f / "model.params", f / "momentum.params"),
         "momentum.params has another SHA-256"),
        (swap, "model.params has another SHA-256"),
        (linked("model.params"), "model.params is a symbolic link"),
        (linked("manifest.json"), "manifest.json is a symbolic link"),
        (lambda f: (f / "state.json").unlink() or os.mkfifo(f / "state.json"),
         "state.json is not a regular file"),
        (lambda f: (f / "state.json").unlink() or (f / "state.json").mkdir(),
         "state.json is not a regular file"),
        (lambda f: shutil.rmtree(f) or f.write_text(""), "000003 is not a folder"),
        (lambda f: f.symlink_to(f.rename(f.parent / "x")), "000003 is not a folder"),
        (edit("manifest.json", lambda m: m.update(format=2)),
         "manifest.json has the format version 2; this d2l_mlp reads 1"),
        (edit("manifest.json", lambda m: m["files"]["state.json"].update(size=-1)),
         "bytes, and its manifest says -1"),
        (edit("manifest.json", lambda m: m["files"]["model.params"].update(size=-1)),
         "model.params has not the 9,871 bytes of the parameters of such a net"),
        (edit("manifest.json", lambda m: m["files"].pop("momentum.params")),
         "momentum.params lacks what belongs there (KeyError('momentum.params'))"),
        (other_run(*FLAGS, "--seed", "9"), "state.json has another configuration than config"),
        (other_run("--activation", "tanh"), "state.json has another configuration than config"),
        (signed("model.params", b""), "model.params has not the 9,871 bytes of the parameters"),
        (signed("momentum.params", bytes(9871)), "momentum.params does not hold 0.weight of shape"),
        (signed("state.json", b"{}"), "state.json lacks what belongs there (KeyError('config'))"),
        (edit("state.json", lambda s: s["history"].pop()), "state.json is not of the first 3"),
        (edit("state.json", lambda s: s.update(best_epoch=4)), "the best epoch is 4 of 3"),
        (edit("state.json", lambda s: s.update(best_epoch=0)), "the best epoch is 0 of 3"),
        (edit("state.json", lambda s: s.update(best_epoch=None)), "the best epoch is None of 3"),
        (edit("state.json", lambda s: s["history"][2].__setitem__(3, float("nan"))),
         "state.json has a metric that is not finite in single precision"),
        (edit("state.json", lambda s: s["history"][2].__setitem__(1, 1e308)), "is not finite in"),
        (hyperparameter("activation", "step"), "state.json is no run's configuration: activation "
         "is 'step'; give one of relu, "),
        (hyperparameter("lr", float("nan")), "lr is nan; give a number greater than 0"),
        (hyperparameter("workers", 10**6), "workers is 1000000; give an integer of at least 0 and"),
        (hyperparameter("hidden", ["--help"]), "hidden is ['--help']; give a sequence of values"),
        (hyperparameter("dropout_of_tomorrow", 1), "unexpected keyword argument 'dropout_of_tomo"),
        (edit("state.json", lambda s: s["config"]["hyperparameters"].pop("lr")), "it lacks lr"),
        (hyperparameter("hidden", [10**9]), "another configuration"),
    ],
)  # fmt: skip
def test_damage_is_named_and_the_checkpoint_before_it_taken(run, made, caplog, damage, says):
    damage(run / NEW)
    state = resume(run).state
    assert same(state, made[1][2])
    (record,) = caplog.records
    line = record.getMessage()
    assert says in line
    assert line.startswith(str(run / NEW))
    assert line.endswith(f"; going back to {run / OLD}")
    assert "\n" not in line

    shutil.rmtree(run / OLD)
    with pytest.raises(CheckpointError) as caught:
        resume(run)
    assert says in str(caught.value)


def test_what_claims_a_net_larger_than_the_memory(run):
    for path in (*run.glob("checkpoints/*/state.json"), run / "config.json"):
        content = json.loads(path.read_text())
        content.get("config", content)["hyperparameters"]["hidden"] = [10**9, 10**9]
        path.write_text(json.dumps(content))
        if path.name == "state.json":
            for file in path.parent.glob("*.params"):
                os.truncate(file, 2**20)  # no size that is claimed is believed
            sign(path.parent)
    with pytest.raises(CheckpointError, match=r"the net is too large: 0\.weight of shape"):
        resume(run)


def test_what_readers_keep_beside_checkpoints_stays(run, made):
    for name in ("20261125", "part", "old"):
        shutil.copytree(run / OLD, run / "checkpoints" / name)
        (run / "checkpoints" / name / "manifest.json").unlink()
        (run / "checkpoints" / name / "notes").write_text(name)
    (run / OLD / "notes").write_text("of an epoch")
    opened = Run.resume(run)
    opened.save(made[1][2])
    opened.save(made[1][3])
    opened.close()
    kept = {path.read_text() for path in (run / "checkpoints").glob("*/notes")}
    assert kept == {"20261125", "part", "old", "of an epoch"}
    assert same(resume(run).state, made[1][3])


def test_no_checkpoint_at_all(run):
    shutil.rmtree(run / NEW)
    shutil.rmtree(run / OLD)
    with pytest.raises(CheckpointError, match="checkpoints holds no checkpoint"):
        resume(run)
    with pytest.raises(RunError, match="nowhere is not a folder; name the folder of a run"):
        resume(run.parent / "nowhere")


def test_checkpoints_that_may_not_be_looked_at(run):
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o711)  # unlike pytest's folders, so that it is the next one that is closed
        folder = Path(shutil.move(str(run / "checkpoints"), name))
        for closed, mode, says in [
            (folder, 0o444, r"000002 cannot be read \(Permission denied\)"),
            (place, 0o000, r"checkpoints cannot be read \(Permission denied\)"),
        ]:
            with without_permission(closed, mode), pytest.raises(CheckpointError, match=says):
                load_checkpoint(folder)
        says = r"cannot be read \(Permission denied\)"
        with without_permission(place), pytest.raises(RunError, match=says):
            load_run(place / "run")


def test_a_bad_checkpoint_is_replaced_and_its_leftovers_go(run, made, caplog):
    flip(run / NEW)
    (run / "checkpoints" / "000099").mkdir()
    shutil.copytree(run / NEW, run / "checkpoints" / "000004.0123abcd")
    (run / ".metrics.csv.part").write_text("torn")
    opened = Run.resume(run)
    assert len(caplog.records) == 2
    assert not (run / "checkpoints" / "000004.0123abcd").exists()
    opened.save(made[1][3])
    opened.close()
    caplog.clear()
    assert same(resume(run).state, made[1][3])
    assert caplog.text == ""
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        "000002", "000003", "lock",
    ]  # fmt: skip
    assert not (run / ".metrics.csv.part").exists()


def test_configuration_that_is_lost_comes_from_the_checkpoint(run, made, caplog):
    for content in (None, "", "[]", '{"hyperparameters": {}}', "[" * 100_000):
        (run / "config.json").unlink()
        if content is not None:
            (run / "config.json").write_text(content)
        caplog.clear()
        assert same(resume(run).state, made[1][3])
        assert "config.json cannot be used (" in caplog.text
        (run / "config.json").write_text("")


@pytest.mark.parametrize(
    "name", ["config.json", "metrics.csv", "model.params", ".config.json.part"]
)
def test_no_link_leads_out_of_the_folder(run, tmp_path, name):
    outside = tmp_path / "outside"
    outside.write_text("precious")
    if (run / name).exists():
        (run / name).unlink()
    (run / name).symlink_to(outside)
    opened = Run.resume(run)
    opened.write_config(opened.config)
    opened.save(opened.state)
    opened.write_parameters()
    opened.write_curves()
    opened.close()
    assert outside.read_text() == "precious"
    assert not any(path.is_symlink() for path in run.rglob("*"))


def test_linked_folders_and_lock_are_refused(run, tmp_path):
    (run / "checkpoints").rename(tmp_path / "outside")
    (run / "checkpoints").symlink_to(tmp_path / "outside")
    before = sorted((tmp_path / "outside").rglob("*"))
    with pytest.raises(RunError, match="has no folder checkpoints"):
        resume(run)
    assert sorted((tmp_path / "outside").rglob("*")) == before
    (run / "checkpoints").unlink()
    (tmp_path / "outside").rename(run / "checkpoints")
    (run / "checkpoints" / "lock").unlink()
    (run / "checkpoints" / "lock").symlink_to(tmp_path / "outside")
    with pytest.raises(RunError, match="cannot be written"):
        resume(run)
    assert not (tmp_path / "outside").exists()


def attempt(folder):
    """Give the run, or the message that says why it cannot be resumed."""
    try:
        return resume(folder), None
    except CheckpointError as error:
        return None, str(error)


def contents(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_every_file_damaged_at_random(run, made, caplog, fuzz_size):
    whole = contents(run)
    outcomes = {"newest": 0, "previous": 0, "refused": 0}
    for path, content in whole.items():
        rand = random.Random(path.name)
        for _ in range(fuzz_size):
            caplog.clear()
            path.write_bytes(damage(rand, content, list(whole.values())))
            opened, error = attempt(run)
            path.write_bytes(content)
            if error:  # as good as another run's: a digit of a hyperparameter is another one
                assert path.name == "config.json"
                assert "another configuration than config.json" in error
                outcomes["refused"] += 1
                continue
            newest = same(opened.state, made[1][3])
            outcomes["newest" if newest else "previous"] += 1
            if not newest:
                assert same(opened.state, made[1][2])
                assert str(path.parent) in caplog.text
                assert "going back to" in caplog.text
            assert opened.config["hyperparameters"]["activation"] == "prelu"
    print(f"{fuzz_size} x {len(whole)} files: {outcomes}")
    assert outcomes["previous"] > 2 * fuzz_size


def test_every_file_damaged_at_random_and_signed(run, made, caplog, fuzz_size):
    # An enemy can write any numbers into the net, but nothing else.
    outcomes = {"accepted": 0, "refused": 0}
    shutil.rmtree(run / OLD)
    for name in (*FILES, "manifest.json", "config.json"):
        path = run / ("" if name == "config.json" else NEW) / name
        content, rand = path.read_bytes(), random.Random(name)
        for _ in range(fuzz_size):
            if name.endswith(".json") and rand.random() < 0.9:
                path.write_bytes(lie(rand, content))
            else:
                path.write_bytes(damage(rand, content, [b"{}"]))
            if name in FILES:
                sign(run / NEW)
            opened, error = attempt(run)
            if error:
                assert len(error.splitlines()) == 1
                outcomes["refused"] += 1
            else:
                outcomes["accepted"] += 1
                for name_, array in opened.state.parameters.items():
                    assert array.shape == made[1][3].parameters[name_].shape
                    assert array.dtype == numpy.float32
                    assert numpy.isfinite(array).all()
                assert hyperparameters_of(opened.config).hidden == (3,)
            path.write_bytes(content)
            sign(run / NEW)
    print(f"{fuzz_size} x 5 signed files: {outcomes}")
    assert outcomes["refused"] > fuzz_size
