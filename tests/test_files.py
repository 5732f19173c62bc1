import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from d2l_mlp.files import expanded, printable, read_regular_file, write_atomically


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"four")
    return path


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Läufe → 数", "Läufe → 数"),
        ("a\nb\t\x1b[1m\x07\u202e", r"a\nb\t\x1b[1m\x07\u202e"),
        (os.fsdecode(b"\xff"), r"\udcff"),
    ],
)
def test_text_from_outside_stays_in_its_line(text, shown):
    assert printable(text) == shown


def test_the_home_is_looked_up(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert [str(expanded(p)) for p in ("~/x", "~", "~nobody-here.png", "a/~", "/b")] == [
        "/home/me/x", "/home/me", "~nobody-here.png", "a/~", "/b",
    ]  # fmt: skip
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 54321)  # who is not in the list of users
    with pytest.raises(ValueError, match="~/x is nowhere: there is no such home"):
        expanded("~/x")


def test_a_file_has_at_most_so_many_bytes(path):
    assert read_regular_file(path, 4) == b"four"
    with pytest.raises(ValueError, match="has more than 3 bytes"):
        read_regular_file(path, 3)


def link_to_file(path):
    path.rename(path.with_name("other"))
    path.symlink_to("other")


def pipe(path):
    path.unlink()
    os.mkfifo(path)


def folder(path):
    path.unlink()
    path.mkdir()


def device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def loop(path):
    path.unlink()
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("damage", "refused", "followed"),
    [
        (link_to_file, "is a symbolic link", None),
        (device, "is a symbolic link", "is not a regular file"),
        (loop, "is a symbolic link", "is a symbolic link"),
        (pipe, "is not a regular file", "is not a regular file"),
        (folder, "is not a regular file", "is not a regular file"),
        (lambda path: path.unlink(), "is missing", "is missing"),
        (lambda path: os.truncate(path, 2**40), "has more than 100 bytes",
         "has more than 100 bytes"),
    ],
)  # fmt: skip
def test_only_regular_files_are_read(path, damage, refused, followed):
    damage(path)
    with pytest.raises(ValueError, match=refused):
        read_regular_file(path, 100)
    if followed is None:
        assert read_regular_file(path, 100, follow=True) == b"four"
    else:
        with pytest.raises(ValueError, match=followed):
            read_regular_file(path, 100, follow=True)


def test_a_file_is_replaced_and_no_part_left(path):
    for content in (b"first", b""):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_link_is_replaced_and_not_followed(path):
    link = path.with_name("link")
    link.symlink_to(path)
    write_atomically(link, b"new")
    assert (link.is_symlink(), link.read_bytes(), path.read_bytes()) == (False, b"new", b"four")


def test_a_failure_leaves_no_part(tmp_path):
    folder = tmp_path / "name"
    folder.mkdir()
    with pytest.raises(OSError, match="directory") as error:
        write_atomically(folder, b"content")
    assert error.value.errno == errno.EISDIR
    assert list(tmp_path.iterdir()) == [folder]


def test_a_refusal_to_confirm_passes_through(path):
    class MovedError(OSError):
        pass

    def confirm():
        raise MovedError("the folder was moved")

    with pytest.raises(MovedError, match=r"^the folder was moved$"):
        write_atomically(path, b"new", confirm)
    assert path.read_bytes() == b"four"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "age", "removed"),
    [
        (".f[i]le.0123abcd.part", 3700, True),
        (".f[i]le.0123abcd.part", 3500, False),  # somebody may be writing it
        (".f[i]le.mine.part", 3700, False),
        (".file.0123abcd.part", 3700, False),  # of another file
    ],
)
def test_an_old_part_of_a_killed_process_is_removed(tmp_path, name, age, removed):
    part = tmp_path / name
    part.write_text("torn")
    os.utime(part, (0, time.time() - age))
    write_atomically(tmp_path / "f[i]le", b"whole")
    assert part.exists() is not removed


def test_several_may_write_one_file(path):
    contents = [bytes([65 + i]) * 100_000 * (i + 1) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: write_atomically(path, content), contents * 5))
    assert path.read_bytes() in contents
    assert list(path.parent.iterdir()) == [path]


def test_a_name_that_is_too_long_stands_in_the_error(tmp_path):
    path = tmp_path / ("x" * 300)
    with pytest.raises(OSError, match="name too long") as error:
        write_atomically(path, b"content")
    assert error.value.filename == str(path)
