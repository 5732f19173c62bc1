"""Runs that are interrupted in every way, as processes."""

import http.server
import json
import random
import signal
import threading
import time
from itertools import zip_longest
from pathlib import Path

import numpy
import pytest

from d2l_mlp import train
from d2l_mlp.runs.checkpoint import Checkpoint, dump_checkpoint, load_checkpoint
from d2l_mlp.runs.run import Run
from tests.processes import (
    PROG,
    SAMPLE,
    in_own_mounts,
    metrics,
    wait_for,
    wait_for_the_end_of_the_group,
)

TINY = (*SAMPLE, "--hidden", "8", "--momentum", "0.9", "--lr", "0.05", "--batch-size", "500")
ENDLESS = (*TINY, "--epochs", "100000", "--out", "run")


def outcome(folder):
    """Everything a run computes, without the times."""
    rows = [list(row.values())[:5] for row in metrics(folder)]
    files = [(folder / name).read_bytes() for name in ("model.params", "best.params")]
    with numpy.load(folder / "checkpoints" / f"{len(rows):06}.npz") as archive:
        arrays = {name: archive[name].tobytes() for name in archive if name != "run"}
    return rows, files, arrays


@pytest.mark.slow
@pytest.mark.parametrize("kills", [20])
def test_killed_at_random_moments_it_ends_bit_identical(call, start, tmp_path, caplog, kills):
    epochs = 4 * kills
    flags = (*TINY, "--epochs", epochs, "--schedule", "cosine")
    call(*flags, "--out", "whole")
    moments = random.Random(6)
    args = (*flags, "--out", "killed")
    done = set()
    for _ in range(kills):
        process = start(*args)
        for beginning in ["model", "epoch", "epoch"][: moments.randint(1, 3)]:
            wait_for(process, beginning)
        time.sleep(moments.uniform(0, 0.05))
        process.kill()
        process.communicate()
        saved = load_checkpoint(tmp_path / "killed" / "checkpoints")
        done.add(len(saved.state.history))
        args = ("-m", "d2l_mlp.train", "--resume", "killed")
    assert caplog.text == ""  # the newest checkpoint was good each time
    assert kills / 3 < len(done) <= max(done) + 1 <= epochs
    call(*args)
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


@pytest.mark.slow
def test_a_stopped_run_resumes_and_may_be_made_longer(run, start, call, tmp_path):
    flags = (*TINY, "--loader", "d2l")
    process = start(*flags, "--epochs", 10000, "--out", "run")
    wait_for(process, "epoch     1/")
    process.send_signal(signal.SIGTERM)
    process.communicate()
    epochs = len(metrics(tmp_path / "run")) + 2
    assert epochs >= 3
    result = run("-m", "d2l_mlp.train", "--resume", "run", "--epochs", epochs)
    assert result.stderr == ""
    assert f"resumed   run, after epoch {epochs - 2}\n" in result.stdout
    call(*flags, "--epochs", epochs, "--out", "whole")
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def test_a_run_that_was_made_longer_keeps_its_epochs_when_it_is_stopped_at_once(call, tmp_path):
    call(*TINY, "--epochs", 2, "--out", "run")
    run = Run.resume(tmp_path / "run")  # as a process does that ends before its first new epoch
    run.config["hyperparameters"]["epochs"] = 4
    run.write_config(run.config)
    run.close()
    result = call("-m", "d2l_mlp.train", "--resume", "run")
    assert "epoch 4/4" in result.stdout


def test_a_finished_run_is_finished_again(call, tmp_path, caplog):
    call(*TINY, "--epochs", 2, "--out", "run")
    before = outcome(tmp_path / "run")
    for name in ("model.params", "metrics.csv", "curves.svg"):  # killed before it wrote them
        (tmp_path / "run" / name).unlink()
    newest = tmp_path / "run" / "checkpoints" / "000002.npz"
    result = call("-m", "d2l_mlp.train", "--resume", "run")
    assert (
        "finished  run has all of its 2 epochs; a larger --epochs makes it longer\n"
        in result.stdout
    )
    assert (tmp_path / "run" / "curves.svg").exists()
    assert outcome(tmp_path / "run") == before

    newest.write_bytes(newest.read_bytes()[:-1])
    assert caplog.text == ""
    call("-m", "d2l_mlp.train", "--resume", "run", "--quiet")
    (line,) = caplog.messages
    assert line.startswith("run/checkpoints/000002.npz is damaged")
    assert line.endswith("; going back to run/checkpoints/000001.npz")
    assert outcome(tmp_path / "run") == before


def test_flags_that_the_run_has_already(capsys):
    with pytest.raises(SystemExit) as exit_:
        train.main(["--resume", "run", "--lr", "1", "--seed", "0", "--hidden", "--device", "cpu"])
    assert exit_.value.code == 2
    assert capsys.readouterr().err == (
        f"{PROG}: error: --resume takes the run's own configuration; leave out --lr, --seed, "
        "--hidden (see --help)\n"
    )


def test_what_cannot_be_resumed(call, tmp_path):
    def error(*args):
        (line,) = call("-m", "d2l_mlp.train", "--resume", *args, code=1).stderr.splitlines()
        assert line.startswith(f"{PROG}: error: ")
        return line

    call(*TINY, "--epochs", 2, "--schedule", "cosine", "--out", "run")
    assert "--epochs 3 would change; leave it out" in error("run", "--epochs", 3)
    assert "run has trained 2 epochs; give --epochs 2 or more" in error("run", "--epochs", 1)
    config = tmp_path / "run" / "config.json"
    config.write_text(config.read_text().replace('"epochs": 2', '"epochs": 3'))
    assert "has another configuration than config.json" in error("run")


def test_a_failed_drawing_is_logged(call, tmp_path, monkeypatch, caplog):
    # As with a broken matplotlib; the run does not fail.
    monkeypatch.setattr("d2l_mlp.runs.run.plot_history", lambda *args: 1 / 0)
    result = call(*TINY, "--epochs", 1, "--out", "run")
    assert caplog.messages == [
        "curves.svg cannot be drawn (division by zero); metrics.csv has the numbers"
    ]
    assert "saved in  run" in result.stdout
    assert (tmp_path / "run" / "model.params").exists()


def test_other_data_are_refused(call, tmp_path, sample):
    call(*TINY, "--epochs", 1, "--out", "run")
    sha256 = next(iter(sample.sha256.values()))
    path = tmp_path / "run" / "config.json"
    path.write_text(path.read_text().replace(sha256, 64 * "0"))
    for path in (tmp_path / "run" / "checkpoints").glob("*.npz"):
        saved = load_checkpoint(path.parent)
        config = json.loads(json.dumps(saved.config).replace(sha256, 64 * "0"))
        path.write_bytes(dump_checkpoint(Checkpoint(config, saved.state)))
    before = (tmp_path / "run" / "config.json").read_bytes()
    (line,) = call("-m", "d2l_mlp.train", "--resume", "run", code=1).stderr.splitlines()
    assert "run was trained on another sample than that of this d2l_mlp" in line
    assert (tmp_path / "run" / "config.json").read_bytes() == before


def test_other_threads_are_logged(call, tmp_path, caplog):
    call(*TINY, "--epochs", 1, "--out", "run")
    path = tmp_path / "run" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "threads": "64 processors"}))
    call("-m", "d2l_mlp.train", "--resume", "run")
    (line,) = caplog.messages
    assert line.endswith("started with other threads; the last bits of the result may differ")


def test_one_process_a_run_and_the_lock_dies_with_it(call, start, tmp_path):
    process = start(*ENDLESS, "--loader", "d2l")
    wait_for(process, "epoch      1/")
    result = call("-m", "d2l_mlp.train", "--resume", "run", code=1)
    (line,) = result.stderr.splitlines()
    assert line == f"{PROG}: error: run is in use by another process; wait for its end or stop it"
    assert "run is not empty" in call(*ENDLESS, code=1).stderr
    process.kill()
    process.wait()
    epochs = len(metrics(tmp_path / "run")) + 1
    result = call("-m", "d2l_mlp.train", "--resume", "run", "--epochs", epochs)
    assert f"epoch {epochs}/{epochs}" in result.stdout
    wait_for_the_end_of_the_group(process.pid)


def test_read_only_folder(call, tmp_path):
    call(*TINY, "--epochs", 1, "--out", "run")
    before = outcome(tmp_path / "run")
    result = in_own_mounts(
        'mount --bind . . && mount -o remount,ro,bind . || exit 99; cd "$PWD" && "$@"',
        "-c",
        "from d2l_mlp import train\n"
        "from d2l_mlp.runs.reader import load_run\n"
        "print(len(load_run('run').history))\n"
        "assert train.main(['--resume', 'run', '--epochs', '2']) == 1\n"
        "assert train.main(['--dataset', 'sample', '--out', 'new']) == 1\n",
        cwd=tmp_path,
    )
    assert (result.returncode, result.stdout[:2]) == (0, "1\n")
    for name, line in zip_longest(("run", "new"), result.stderr.splitlines()):
        assert line.startswith(f"{PROG}: error: {name} cannot be written (Read-only file system)")
    assert outcome(tmp_path / "run") == before


@pytest.mark.slow
@pytest.mark.parametrize("epochs", [60])
def test_a_long_run_leaks_nothing(start, epochs):
    # Else their number follows what others do on the machine: see d2l_mlp.hardware.openmp.
    steady = {"OMP_WAIT_POLICY": "passive"}
    flags = ("--hidden", 32, "--momentum", 0.9, "--epochs", epochs, "--out", "run")
    process = start(*SAMPLE, *flags, **steady)
    process_dir, seen = Path("/proc") / str(process.pid), []
    for epoch in (10, epochs - 1):
        wait_for(process, f"epoch {epoch:{len(str(epochs))}}/")
        status = (process_dir / "status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in status)
        children = process_dir / "task" / str(process.pid) / "children"
        gathered = (
            fields["Threads"],
            len(list((process_dir / "fd").iterdir())),
            children.read_text(),
        )
        seen.append((int(fields["VmRSS"].split()[0]) / 1024, gathered))
    print(seen)
    (memory, gathered), (memory_later, gathered_later) = seen
    assert abs(memory_later - memory) < 20
    assert gathered_later == gathered


# Sends itself the signal when it comes to a function, in one run after the other.
INTERRUPT = """
import os, signal, sys
from d2l_mlp import train
for phase in sys.argv[1].split():
    file, function, calls = phase.split(":")
    calls = int(calls)
    def profile(frame, event, arg):
        global calls
        code = frame.f_code
        if event == "call" and code.co_name == function and code.co_filename.endswith(file):
            calls -= 1
            if not calls:
                sys.setprofile(None)
                os.kill(os.getpid(), signal.SIGINT)
    sys.setprofile(profile)
    assert train.main([*sys.argv[2:], "--out", function]) == 130, phase
"""


@pytest.mark.parametrize(
    "phases",
    [
        {"core/_internal.py:<module>:1": None},  # imported by C code
        {
            "fashion_mnist.py:load_fashion_mnist:1": None,
            "futures/thread.py:submit:2": None,  # a file being read, another waiting
            "run.py:start:1": 0,
            "checks.py:check_data:1": 0,
            "metrics.py:measure:1": 0,
            "checkpoint.py:save_checkpoint:2": 1,
            "files.py:write_atomically:6": 1,
            "style.py:render_figure:1": 2,
        },
    ],
)
def test_ctrl_c_in_every_phase(run, tmp_path, phases):
    result = run("-c", INTERRUPT, " ".join(phases), *TINY[2:], "--epochs", 2)
    assert result.stderr == len(phases) * f"{PROG}: stopped by Ctrl-C\n"
    for phase, saved in phases.items():
        folder = tmp_path / phase.split(":")[1]
        if saved is None:
            assert not folder.exists()
        else:
            assert len(load_checkpoint(folder / "checkpoints").state.history) == saved
            assert len(metrics(folder)) == saved
            assert (folder / "model.params").exists()
            names = [path.suffix + path.stem[-4:] for path in folder.rglob("*")]
            assert not [name for name in names if "part" in name]


def test_ctrl_c_in_a_download_that_stands_still(start, tmp_path):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(bytes(1000))
            self.wfile.flush()
            asked.set()
            finished.wait()

        def log_message(self, *args):
            pass

    asked, finished = threading.Event(), threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        process = start(
            "-c",
            "from pathlib import Path; import sys\n"
            "from d2l_mlp import train; from d2l_mlp.data import fashion_mnist\n"
            "fashion_mnist.SYSTEM_DIR = Path('nowhere')\n"
            "sys.exit(train.main(['--dataset', 'fashion-mnist']))",
            D2L_MLP_MIRROR=f"http://127.0.0.1:{server.server_port}/",
            MXNET_HOME=str(tmp_path / "home"),
        )
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == ("", f"{PROG}: stopped by Ctrl-C\n")
        finished.set()
        server.shutdown()
    assert process.returncode == 130
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
