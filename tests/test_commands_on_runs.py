"""What the commands have in common: flags, paths, errors, --help."""

import os

import pytest

from d2l_mlp.__main__ import COMMANDS

HEAVY = {"mxnet", "d2l", "numpy", "matplotlib", "PIL", "onnx", "jinja2", "tqdm"}
LONG = "x" * 300


@pytest.mark.parametrize(
    ("command", "args", "code", "says"),
    [
        ("evaluate", "", 2, "the following arguments are required: RUN (see --help)"),
        ("evaluate", "run --device tpu", 2, "argument --device: 'tpu' is not known"),
        ("evaluate", "nowhere", 1, "nowhere is not a folder; name the folder of a run"),
        ("predict", "run", 2, "the following arguments are required: IMAGE"),
        ("predict", "run a.png --show a.txt", 2, "argument --show: 'a.txt' must end in .svg, .png"),
        ("predict", "run a.png --show ./a.png", 2, "--show a.png would replace an image; name"),
        ("predict", "nowhere a.png", 1, "nowhere is not a folder"),
        ("export", "run", 2, "the following arguments are required: -o/--output"),
        ("export", "run -o m.pt", 2, "argument -o/--output: 'm.pt' must end in .onnx or .json"),
        (
            "export",
            "run -o no/m.onnx",
            2,
            "argument -o/--output: 'no/m.onnx' cannot be written: no",
        ),
        (
            "report",
            "run -o no/a.html",
            2,
            "argument -o/--output: 'no/a.html' cannot be written: no",
        ),
        ("predict", "run a.png --show ..", 2, "argument --show: '..' must end in .svg, .png or"),
        ("report", "run -o ..", 2, "argument -o/--output: '..' is a folder; name a file"),
        ("export", "nowhere -o m.onnx", 1, "nowhere is not a folder"),
        ("report", "", 2, "the following arguments are required: RUN"),
        ("report", "nowhere", 1, "nowhere is not a folder"),
        ("report", "no\x1b[1mwhere", 1, r"no\x1b[1mwhere is not a folder"),
        ("train", "--resume no\x07where", 1, r"no\x07where is not a folder"),
        ("train", f"--config {LONG}", 2, f"{LONG} cannot be read (File name too long); name a"),
        ("figures", "relu --output " + "x" * 4000, 1, "cannot write 'xxx"),
    ],
)
def test_wrong_input_is_one_line(call, command, args, code, says):
    result = call("-m", f"d2l_mlp.{command}", *args.split(), code=code)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"python -m d2l_mlp.{command}: error: {says}")


def test_wrong_flags_of_a_launched_training_are_refused_by_it(call):
    result = call("-m", "d2l_mlp.launch", *f"--workers 1 -- --config {LONG}".split(), code=2)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"python -m d2l_mlp.train: error: {LONG} cannot be read (File name")


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("evaluate", "~/x"), ("predict", "~/x a.png"), ("predict", "run ~/a.png"),
        ("predict", "run a.png --show ~/a.svg"), ("export", "run -o ~/a.onnx"),
        ("report", "~/x"), ("report", "run -o ~/a.html"), ("figures", "--output ~/x"),
        ("train", "--out ~/x"), ("train", "--resume ~/x"), ("train", "--from ~/x"),
        ("train", "--config ~/x"), ("launch", "--workers 1 -- --out ~/x"),
    ],
)  # fmt: skip
def test_every_path_may_begin_with_the_home(call, monkeypatch, command, args):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 54321)  # who is not in the list of users
    result = call("-m", f"d2l_mlp.{command}", *args.split(), code=2)
    assert "is nowhere: there is no such home (HOME is not set)" in result.stderr


def test_a_user_without_a_home_draws_figures(run, tmp_path):
    run(
        "-c",
        "import os, sys\n"
        "os.environ.pop('HOME')\n"
        "os.getuid = lambda: 54321\n"
        "from d2l_mlp.figures import main\n"
        "sys.exit(main(['relu']))",
    )
    assert (tmp_path / "figures" / "relu.svg").is_file()


def test_help_imports_nothing_heavy(run):
    """Each command's, one after another in one process."""
    run(
        "-c",
        "import importlib, sys\n"
        f"for name in {sorted(COMMANDS)}:\n"
        "    try: importlib.import_module(f'd2l_mlp.{name}').main(['--help'])\n"
        "    except SystemExit as end: assert end.code == 0\n"
        "    else: raise AssertionError(name)\n"
        f"    assert not {HEAVY} & set(sys.modules), name",
    )
