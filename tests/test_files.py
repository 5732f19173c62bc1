import os

import pytest

from d2l_mlp.files import read_regular_file


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"four")
    return path


def test_a_file_may_be_as_large_as_it_may_be(path):
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
