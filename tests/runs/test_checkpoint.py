"""Checkpoints and run folders, damaged in every way."""

import dataclasses
import hashlib
import io
import json
import os
import random
import shutil
import tempfile
from pathlib import Path

import numpy
import pytest

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.runs import checkpoint
from d2l_mlp.runs.checkpoint import CheckpointError, load_checkpoint
from d2l_mlp.runs.config import RunError, hyperparameters_of
from d2l_mlp.runs.net import new_net
from d2l_mlp.runs.reader import load_run
from d2l_mlp.runs.run import Run
from d2l_mlp.train import read_flags
from d2l_mlp.training.loop import fit
from d2l_mlp.training.state import initial_state
from tests.conftest import without_permission
from tests.damage import damage, lie

OLD, NEW = "checkpoints/000002.npz", "checkpoints/000003.npz"


def make_run(folder, *flags):
    """Train a small net on noise for three epochs, and keep every state by its epoch."""
    settings = read_flags(["--hidden", "3", "--epochs", "3", "--lr", "0.1", *flags]).hyperparameters
    configuration = {
        "hyperparameters": dataclasses.asdict(settings),
        "data": {"release": "sample", "folder": "x", "sha256": {}},
        "versions": {}, "device": "cpu", "threads": "1",
    }  # fmt: skip
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


def sign(content):
    """Let an archive end with its hash, as an attacker can."""
    content = content[:-2] + (64).to_bytes(2, "little")
    return content + hashlib.sha256(content).hexdigest().encode()


def forge(change, save=numpy.savez):
    """Return a damage that changes the JSON and the arrays of a checkpoint and signs it again."""

    def damage(path):
        with numpy.load(path) as archive:
            arrays = dict(archive)
        run = json.loads(arrays["run"].item())
        change(run, arrays)
        arrays["run"] = numpy.array(json.dumps(run).encode())
        stream = io.BytesIO()
        save(stream, **arrays)
        path.write_bytes(sign(stream.getvalue()))

    return damage


def hyperparameter(name, value):
    return forge(lambda run, _: run["config"]["hyperparameters"].update({name: value}))


def test_what_is_loaded_is_what_was_saved(made, caplog, tmp_path):
    folder, states = made
    assert same(resume(folder).state, states[3])
    assert states[3].optimizer.keys() == {"momentum"}
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == [
        "000002.npz", "000003.npz", "lock",
    ]  # fmt: skip
    shutil.copytree(folder, tmp_path / "older")
    (tmp_path / "older" / NEW).unlink()
    assert same(resume(tmp_path / "older").state, states[2])
    assert caplog.text == ""
    with numpy.load(folder / NEW) as archive:
        assert json.loads(archive["run"].item())["config"]["hyperparameters"]["momentum"] == 0.9
        for name, array in states[3].parameters.items():
            assert archive[f"parameters/{name}"].tobytes() == array.tobytes()


@pytest.mark.parametrize(
    "flags",
    [
        (), ("--hidden",), ("--hidden", "3", "2", "--seed", "4"),
        ("--monitor", "loss", "--min-delta", "9"),  # which has no say in the best epoch
    ],
)  # fmt: skip
def test_other_nets_and_no_momentum(tmp_path, flags):
    states = make_run(tmp_path / "run", *flags)
    assert same(resume(tmp_path / "run").state, states[3])
    assert states[3].optimizer == {}


def test_checkpoints_that_a_run_has_replaced_meanwhile(made, monkeypatch, caplog):
    numbers, stale = checkpoint.checkpoint_numbers, iter([[1, 0]])
    monkeypatch.setattr(checkpoint, "checkpoint_numbers", lambda f: next(stale, None) or numbers(f))
    assert same(load_checkpoint(made[0] / "checkpoints").state, made[1][3])
    assert caplog.text == ""


# Of the parameters, those of the best epoch and the momentum, beside which there may be 64 MiB.
LARGEST = 3 * 4 * (784 * 3 + 3 + 1 + 3 * 10 + 10) + 2**26


def flip(path, position=1000):
    raw = bytearray(path.read_bytes())
    raw[position] ^= 4
    path.write_bytes(raw)


def zero(path):
    path.write_bytes(path.read_bytes()[:8192] + bytes(path.stat().st_size - 8192))


def other_run(*flags):
    def damage(path):
        make_run(path.parent / "other", *flags)
        (path.parent / "other" / NEW).replace(path)
        shutil.rmtree(path.parent / "other")

    return damage


def link(path):
    path.rename(path.with_name("outside"))
    path.symlink_to("outside")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (flip, "is damaged: its SHA-256 is another"),
        (lambda path: flip(path, -1), "is damaged"),
        (lambda path: flip(path, -65), "is damaged"),
        (zero, "is damaged"),
        (lambda path: os.truncate(path, 5000), "is damaged"),
        (lambda path: os.truncate(path, 0), "is damaged"),
        (lambda path: os.truncate(path, 2**40), f"has more than {LARGEST:,} bytes"),
        (link, "is a symbolic link"),
        (lambda path: path.unlink() or path.symlink_to("nowhere"), "is a symbolic link"),
        (lambda path: path.unlink() or os.mkfifo(path), "is not a regular file"),
        (lambda path: shutil.copy(path.parent / "000002.npz", path), "is of 2 epochs, which is"),
        (other_run(*FLAGS, "--seed", "9"), "has another configuration than config.json"),
        (other_run("--activation", "tanh"), "has another configuration than config.json"),
        (lambda path: path.write_bytes(sign(b"no archive")), "npz "),
        (forge(lambda run, _: run.update(format=2)),
         "has the format version 2; this d2l_mlp reads 1"),
        (forge(lambda run, _: run.clear()), "is not a checkpoint (KeyError('format'))"),
        (forge(lambda run, _: run["history"].pop()), "is of 2 epochs"),
        (forge(lambda run, _: run["history"][1].pop()), "is not a checkpoint (TypeError("),
        (forge(lambda _, arrays: arrays.pop("momentum/0.bias")), "of another net or optimizer"),
        (forge(lambda _, arrays: arrays.update({"best/0.bias": numpy.ones(4, "float32")})),
         "holds arrays of another net or optimizer"),
        (forge(lambda _, arrays: arrays.update({"best/0.bias": numpy.ones(3)})),
         "holds arrays that are not float32"),
        (forge(lambda _, arrays: arrays.update({"best/0.bias": numpy.array([len])})),
         "Object arrays cannot be loaded"),
        (forge(lambda _, arrays: arrays.update({"best/0.bias": numpy.zeros(10**6)}),
               numpy.savez_compressed), "is compressed, which no checkpoint is"),
        (forge(lambda run, _: run["history"][1].__setitem__(0, 10**9)), "metrics that no run has"),
        (forge(lambda run, _: run["history"][1].__setitem__(3, float("nan"))), "that no run has"),
        (forge(lambda run, _: run["config"].pop("versions")), "of a run: versions is None"),
        (forge(lambda run, _: run["config"]["data"].pop("release")), "data.release is None"),
        (forge(lambda run, _: run["config"].update({"from": [1]})), "of a run: from is [1]"),
        (forge(lambda run, _: run["config"]["data"]["sha256"].update(x=1)), "data.sha256.x is 1"),
        (hyperparameter("activation", "step"), "is not the configuration of a run: activation "
         "is 'step'; give one of relu, "),
        (hyperparameter("lr", float("nan")), "lr is nan; give a number greater than 0"),
        (hyperparameter("hidden", ["--help"]), "hidden is ['--help']; give a sequence of values"),
        (hyperparameter("dropout_of_tomorrow", 1), "unexpected keyword argument 'dropout_of_tomo"),
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

    (run / OLD).unlink()
    with pytest.raises(CheckpointError) as caught:
        resume(run)
    assert says in str(caught.value)


def test_a_hyperparameter_newer_than_a_run_has_its_default(run, made, caplog):
    forge(lambda saved, _: saved["config"]["hyperparameters"].pop("min_delta"))(run / NEW)
    config = json.loads((run / "config.json").read_text())
    del config["hyperparameters"]["min_delta"]
    (run / "config.json").write_text(json.dumps(config))
    resumed = resume(run)
    assert same(resumed.state, made[1][3])
    assert hyperparameters_of(resumed.config) == hyperparameters_of(resume(made[0]).config)
    assert caplog.text == ""


@pytest.mark.parametrize("name", ["999999999.npz", "0000003.npz"])
def test_a_name_is_neither_believed_nor_a_size(run, made, name):
    (run / NEW).rename(run / "checkpoints" / name)
    assert same(resume(run).state, made[1][2])


def test_many_that_cannot_be_used_are_one_line_and_folders_none(run, made, caplog):
    for number in range(1000, 1500):
        (run / "checkpoints" / f"{number:06}.npz").touch()
        (run / "checkpoints" / f"{number + 500:06}.npz").mkdir()
    opened = Run.resume(run)
    assert len(caplog.records) == 1
    assert "001499.npz is damaged" in caplog.text
    assert f" (and 499 more); going back to {run / NEW}" in caplog.text
    opened.save(made[1][3])
    opened.close()
    assert len(list((run / "checkpoints").iterdir())) == 503


def test_a_checkpoint_of_a_net_larger_than_the_memory(run):
    def grow(config):
        config["hyperparameters"]["hidden"] = [10**9, 10**9]

    for path in run.glob("checkpoints/*.npz"):
        forge(lambda run, _: grow(run["config"]))(path)
    config = json.loads((run / "config.json").read_text())
    grow(config)
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"the net is too large: 0\.weight of shape"):
        resume(run)


def test_a_sparse_file_is_not_read_without_the_configuration_either(run, made, caplog):
    (run / "config.json").unlink()
    os.truncate(run / NEW, 2**42)
    assert same(resume(run).state, made[1][2])
    assert "000003.npz has more than" in caplog.text


def test_what_users_keep_beside_checkpoints_stays(run, made):
    notes = ["20261125", "000001", "notes.npz", ".notes.part", "3.npz", "0000004.npz"]
    for name in notes:
        (run / "checkpoints" / name).write_text(name)
    opened = Run.resume(run)
    opened.save(made[1][2])
    opened.save(made[1][3])
    opened.close()
    assert {path.name for path in (run / "checkpoints").iterdir()} == {
        *notes, "000002.npz", "000003.npz", "lock",
    }  # fmt: skip
    assert same(resume(run).state, made[1][3])


@pytest.mark.parametrize(
    ("step", "left"),
    [
        ("dump_checkpoint", ["000002.npz", "000003.npz", "lock"]),  # before it is written
        ("write_atomically", ["000001.npz", "lock"]),
    ],
)
def test_a_run_that_replaces_the_folder_during_a_write_stays_as_it_is(
    run, made, tmp_path, monkeypatch, step, left
):
    other = shutil.copytree(run, tmp_path / "other")
    do = getattr(checkpoint, step)
    before = {path.name: path.read_bytes() for path in (other / "checkpoints").iterdir()}

    def do_and_replace(*args):
        result = do(*args)
        run.rename(tmp_path / "moved")
        other.rename(run)
        return result

    opened = Run.resume(run)
    monkeypatch.setattr(checkpoint, step, do_and_replace)
    with pytest.raises(RunError, match="was moved, deleted or replaced"):
        opened.save(made[1][1])
    opened.close()
    after = {path.name: path.read_bytes() for path in (run / "checkpoints").iterdir()}
    assert after == before
    assert sorted(path.name for path in (tmp_path / "moved" / "checkpoints").iterdir()) == left


def test_checkpoints_that_may_not_be_read(run):
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o711)  # unlike pytest's folders, so that it is the next one that is closed
        folder = Path(shutil.move(str(run / "checkpoints"), name))
        says = r"cannot be read \(Permission denied\)"
        for closed, mode in [(folder, 0o311), (place, 0o000)]:
            with without_permission(closed, mode), pytest.raises(CheckpointError, match=says):
                load_checkpoint(folder)
        with without_permission(place), pytest.raises(RunError, match=says):
            load_run(place / "run")


def test_a_bad_checkpoint_is_replaced_and_leftovers_go(run, made, caplog):
    flip(run / NEW)
    (run / "checkpoints" / "000099.npz").touch()
    parts = [run / "checkpoints" / ".000004.npz.0123abcd.part", run / ".metrics.csv.89abcdef.part"]
    for part in parts:
        part.write_text("torn")
    opened = Run.resume(run)
    assert len(caplog.records) == 1
    assert not any(part.exists() for part in parts)
    opened.save(made[1][3])
    opened.close()
    caplog.clear()
    assert same(resume(run).state, made[1][3])
    assert caplog.text == ""
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        "000002.npz", "000003.npz", "lock",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content", [None, "", "[]", '{"hyperparameters": {}}', "[" * 100_000, f'["{"x" * 100_000}"]']
)
def test_a_lost_configuration_comes_from_the_checkpoint(run, made, caplog, content):
    (run / "config.json").unlink()
    if content is not None:
        (run / "config.json").write_text(content)
    assert same(resume(run).state, made[1][3])
    assert "config.json cannot be used (" in caplog.text
    assert len(caplog.text) < 1000


def test_no_link_leads_out_of_the_folder(run, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("precious")
    for name in ("config.json", "metrics.csv", "model.params", "curves.svg"):
        (run / name).unlink(missing_ok=True)
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
    """Return the resumed run, or the message that says why it cannot be resumed."""
    try:
        return resume(folder), None
    except CheckpointError as error:
        return None, str(error)


def test_every_file_damaged_at_random(run, made, caplog, fuzz_size):
    whole = {p: p.read_bytes() for p in sorted(run.rglob("*")) if p.is_file()}
    outcomes = {"newest": 0, "previous": 0, "refused": 0}
    for path, content in whole.items():
        rand = random.Random(path.name)
        for _ in range(4 * fuzz_size if path == run / NEW else fuzz_size):
            caplog.clear()
            damaged = damage(rand, content, list(whole.values()))
            path.write_bytes(damaged)
            opened, error = attempt(run)
            path.write_bytes(content)
            if error:  # as good as another run's: a digit of a hyperparameter is another one
                assert path.name == "config.json"
                assert "another configuration than config.json" in error
                outcomes["refused"] += 1
                continue
            newest = same(opened.state, made[1][3])
            outcomes["newest" if newest else "previous"] += 1
            assert newest == (path != run / NEW or damaged == content)
            if not newest:
                assert same(opened.state, made[1][2])
                assert str(path) in caplog.text
                assert "going back to" in caplog.text
            assert opened.config["hyperparameters"]["activation"] == "prelu"
    print(f"{fuzz_size} x {len(whole)} files: {outcomes}")
    assert outcomes["previous"] > 2 * fuzz_size


def test_every_file_damaged_at_random_and_signed(run, made, fuzz_size):
    # An attacker can write any numbers into the net, but nothing else.
    def lie_in_run(run, _):
        told = json.loads(lie(rand, json.dumps(run)))
        run.clear()
        run.update(told)

    outcomes = {"accepted": 0, "refused": 0}
    (run / OLD).unlink()
    path, rand = run / NEW, random.Random(1)
    content, config = path.read_bytes(), (run / "config.json").read_bytes()
    for _ in range(3 * fuzz_size):
        kind = rand.randrange(3)
        if kind == 0:
            path.write_bytes(sign(damage(rand, content[:-64], [b"{}"])))
        elif kind == 1:
            forge(lie_in_run)(path)
        else:
            (run / "config.json").write_bytes(lie(rand, config))
        opened, error = attempt(run)
        if error:
            assert len(error.splitlines()) == 1
            outcomes["refused"] += 1
        else:
            outcomes["accepted"] += 1
            for name, array in opened.state.parameters.items():
                assert array.shape == made[1][3].parameters[name].shape
                assert array.dtype == numpy.float32
            assert hyperparameters_of(opened.config).hidden == (3,)
        path.write_bytes(content)
        (run / "config.json").write_bytes(config)
    print(f"{3 * fuzz_size} signed files: {outcomes}")
    assert outcomes["refused"] > fuzz_size
