import os
from pathlib import Path

import pytest

from d2l_mlp.diagnosis import finding
from d2l_mlp.diagnosis.finding import Finding, ProbeError, ask, findings


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os; os.kill(os.getpid(), 11)", "its process died of SIGSEGV"),
        ("import time; time.sleep(60)", "no answer within 0.5 s"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "exit code 3"),
    ],
)
def test_another_python_that_fails(monkeypatch, code, says):
    if "sleep" in code:
        monkeypatch.setattr(finding, "PATIENCE", 0.5)
    with pytest.raises(ProbeError) as caught:
        ask(code)
    assert str(caught.value) == says


def test_another_python_answers():
    assert ask("print('noise'); print([1, 2])") == [1, 2]


def test_a_check_that_fails_is_a_note_and_the_next_one_runs():
    def broken():
        raise KeyError("x")
        yield

    def whole():
        yield Finding("ok", "whole", "")

    assert list(findings([broken, whole])) == [
        Finding("note", "broken", "not checked (KeyError: 'x')"),
        Finding("ok", "whole", ""),
    ]


@pytest.mark.parametrize(
    ("home", "text", "shown"),
    [
        ("/home/me", "/home/me/x and /home/me", "~/x and ~"),
        ("/home/me/", "'/home/me/x'", "'~/x'"),
        *[("/home/me", other, other) for other in ("/home/me.old", "/home/me2", "/x/home/me")],
        ("/", "/usr/lib", "/usr/lib"),
        ("", "/usr/lib", "/usr/lib"),
        ("/home/me", "https://me:word@host/x", "https://host/x"),
    ],
)
def test_the_home_is_a_tilde(monkeypatch, home, text, shown):
    monkeypatch.setenv("HOME", home)
    (found,) = findings([lambda: [Finding("ok", "", text, text)]])
    assert (found.text, found.remedy) == (shown, shown)


def test_a_home_that_is_a_link(monkeypatch, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    inside = Path(os.path.realpath(tmp_path)) / "there" / "x"
    (found,) = findings([lambda: [Finding("ok", "", str(inside))]])
    assert found.text == "~/x"
