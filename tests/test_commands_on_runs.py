"""What evaluate, predict, export and report have in common: flags, errors, --help."""

import pytest

HEAVY = {"mxnet", "numpy", "matplotlib", "PIL", "onnx", "jinja2", "tqdm"}


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
        ("export", "nowhere -o m.onnx", 1, "nowhere is not a folder"),
        ("report", "", 2, "the following arguments are required: RUN"),
        ("report", "nowhere", 1, "nowhere is not a folder"),
    ],
)
def test_wrong_input_is_one_line(call, command, args, code, says):
    result = call("-m", f"d2l_mlp.{command}", *args.split(), code=code)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"python -m d2l_mlp.{command}: error: {says}")


@pytest.mark.parametrize("command", ["evaluate", "predict", "export", "report"])
def test_help_imports_nothing_heavy(run, command):
    run(
        "-c",
        f"import sys, d2l_mlp.{command}\n"
        f"try: d2l_mlp.{command}.main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        f"assert not {HEAVY} & set(sys.modules)",
    )
