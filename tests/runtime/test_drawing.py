"""Pictures where matplotlib's own settings are wrong, from commands as processes."""

FIGURE = ("-m", "d2l_mlp.figures", "tanh", "--output")
TRAIN = ("-m", "d2l_mlp.train", "--dataset", "sample", "--hidden", "8", "--epochs", "1", "--out")
SETTINGS = {
    "backend": b"backend: nonsense\n",
    "value": b"font.size: much\nlines.linewidth: 9\n",
    "encoding": b"font.family: \xff\n",
}


def test_figures_are_the_same_whatever_the_settings_say(run, tmp_path):
    run(*FIGURE, "plain")
    plain = (tmp_path / "plain" / "tanh.svg").read_bytes()
    for setting, content in SETTINGS.items():
        file = tmp_path / "settings"
        file.write_bytes(content)
        said = run(
            *FIGURE, setting, env={"MPLBACKEND": "nonsense", "MATPLOTLIBRC": str(file)}
        ).stderr
        assert (tmp_path / setting / "tanh.svg").read_bytes() == plain
        assert "Traceback" not in said
        if setting != "encoding":  # which comes first
            assert "matplotlib does without MPLBACKEND: Key backend: 'nonsense' is not" in said


def test_a_run_keeps_its_curves(run, tmp_path):
    own = {"MPLBACKEND": "nonsense"}
    done = run(*TRAIN, "run", env=own)
    assert done.stderr.count("\n") == 1
    assert "does without MPLBACKEND: Key backend: 'nonsense' is not a valid" in done.stderr
    assert "</svg>" in (tmp_path / "run" / "curves.svg").read_text("utf-8")


def test_a_wrong_file_in_the_current_folder_is_named(run, tmp_path):
    (tmp_path / "matplotlibrc").write_bytes(SETTINGS["encoding"])
    done = run(*FIGURE, "figures", code=1)
    assert "figures: error: matplotlib cannot read its settings: 'utf-8' codec" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_variables_are_as_before(run):
    code = "import os, d2l_mlp, matplotlib; print(os.environ['MPLBACKEND'])"
    assert run("-c", code, env={"MPLBACKEND": "nonsense"}).stdout == "nonsense\n"
    assert (
        run("-c", code + "; print(matplotlib.get_backend())", env={"MPLBACKEND": "svg"}).stdout
        == "svg\nsvg\n"
    )
