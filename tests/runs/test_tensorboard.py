"""The events of a run, as TensorBoard's own reader finds them."""

import sys

import numpy
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from d2l_mlp import train
from d2l_mlp.runs.config import RunError
from d2l_mlp.runs.tensorboard import EventLog
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.state import EpochMetrics
from tests.conftest import largest_file
from tests.processes import PROG, SAMPLE, metrics, wait_for

TRAIN = (*SAMPLE, "--hidden", 8, "--lr", 0.1)


def history(n, seed=0):
    values = numpy.random.RandomState(seed).rand(n, 8)
    return tuple(EpochMetrics(epoch, *row) for epoch, row in enumerate(values.tolist(), 1))


def read(folder):
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return events


def assert_same(events, rows):
    """Every epoch is there once, in float32, under the names of metrics.csv, when it ended."""
    _, *names, ended = rows[0]
    assert events.Tags()["scalars"] == names
    for name in names:
        points = events.Scalars(name)
        assert [point.step for point in points] == list(range(1, len(rows) + 1))
        times = [float(row[ended]) for row in rows]
        assert [point.wall_time for point in points] == pytest.approx(times, abs=0.02, rel=0)
        expected = numpy.array([row[name] for row in rows], dtype="float32")
        numpy.testing.assert_allclose([point.value for point in points], expected, rtol=1e-6)


@pytest.mark.parametrize("validation", [(), ("--validation", 0.2)])
def test_a_run_and_its_resumption(call, tmp_path, validation):
    call(*TRAIN, *validation, "--epochs", 2, "--tensorboard", "--out", "run")
    live = read(tmp_path / "run")
    assert_same(live, metrics(tmp_path / "run"))
    call("-m", "d2l_mlp.train", "--resume", "run", "--epochs", 3)  # without
    call("-m", "d2l_mlp.train", "--resume", "run", "--epochs", 5, "--tensorboard")
    rows = metrics(tmp_path / "run")
    assert len(rows) == 5
    assert_same(read(tmp_path / "run"), rows)
    live.Reload()  # as a TensorBoard does that was looking on all the time
    assert_same(live, rows)


def test_after_a_kill(call, start, tmp_path):
    args = map(str, (*TRAIN, "--epochs", 1000, "--tensorboard", "--out", "run"))
    process = start(*args)
    wait_for(process, "epoch    5/")
    process.kill()
    process.wait()
    done = len(metrics(tmp_path / "run"))
    call("-m", "d2l_mlp.train", "--resume", "run", "--epochs", done + 1, "--tensorboard")
    assert_same(read(tmp_path / "run"), metrics(tmp_path / "run"))


def test_the_hyperparameters_are_there(tmp_path):
    settings = Hyperparameters(hidden=(9, 8), lr=0.3, momentum=0.9)
    EventLog(tmp_path, settings, history(2)).close()
    content = read(tmp_path).SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    told = metadata.parse_session_start_info_plugin_data(content).hparams
    assert told["hidden"].string_value == "9 8"
    assert told["activation"].string_value == "relu"
    assert (told["lr"].number_value, told["momentum"].number_value) == (0.3, 0.9)


def test_runs_of_every_kind_name_the_metrics_of_all(tmp_path):
    # TensorBoard takes the names from any one of the runs in a folder.
    for name, settings in (("a", Hyperparameters()), ("b", Hyperparameters(validation=0.1))):
        (tmp_path / name).mkdir()
        EventLog(tmp_path / name, settings, ()).close()
        content = read(tmp_path / name).SummaryMetadata(metadata.EXPERIMENT_TAG).plugin_data.content
        infos = metadata.parse_experiment_plugin_data(content).metric_infos
        assert {"test_accuracy", "validation_accuracy", "train_loss", "learning_rate"} <= {
            info.name.tag for info in infos
        }


def test_an_epoch_is_there_as_soon_as_it_is_added(tmp_path):
    log = EventLog(tmp_path, Hyperparameters(), history(2))
    log.add(history(3)[2])
    assert [point.step for point in read(tmp_path).Scalars("test_accuracy")] == [1, 2, 3]
    log.close()


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tensorboard").symlink_to("elsewhere")
    EventLog(tmp_path, Hyperparameters(), history(1)).close()
    assert not list((tmp_path / "elsewhere").iterdir())


# Python closes the file that is full when nothing holds it any more.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"tensorboard cannot be written \(Not a directory\); fix"):
        EventLog(tmp_path / "file", Hyperparameters(), ())
    says = r"tensorboard cannot be written \(File too large\); fix that"
    with largest_file(20_000), pytest.raises(RunError, match=says):
        EventLog(tmp_path, Hyperparameters(), history(1000))


def test_without_tensorboardx(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(SystemExit) as exit_:
        train.main(["--tensorboard"])
    assert exit_.value.code == 2
    says = f"{PROG}: error: --tensorboard needs tensorboardX; install it with: pip install tensor"
    assert capsys.readouterr().err.startswith(says)
