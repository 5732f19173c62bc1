import errno
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from d2l_mlp.files import Folder, write_atomically


@pytest.mark.parametrize("alone", [True, False])
def test_a_file_is_replaced_and_no_part_left(tmp_path, alone):
    path = tmp_path / "name"
    for content in (b"first", b""):
        Folder(tmp_path).replace("name", content, alone)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("alone", [True, False])
def test_a_failure_leaves_no_part(tmp_path, alone):
    folder = tmp_path / "name"
    folder.mkdir()
    with pytest.raises(OSError, match="directory") as error:
        Folder(tmp_path).replace("name", b"content", alone)
    assert error.value.errno == errno.EISDIR
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_killed_process_has_left_is_removed(tmp_path):
    left = [".name.part", ".name.0123abcd.part", ".name.89abcdef.part"]
    for name in left:
        (tmp_path / name).write_text("torn")
    os.utime(tmp_path / left[1], (0, 0))
    with Folder(tmp_path) as folder:
        folder.replace("name", b"whole", alone=False)
        assert sorted(folder.names()) == [left[2], left[0], "name"]  # in case somebody writes them
        folder.replace("name", b"whole")
        assert folder.names() == ["name"]


def test_several_may_write_one_file(tmp_path):
    path = tmp_path / "name"
    contents = [bytes([65 + i]) * 100_000 * (i + 1) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: write_atomically(path, content), contents * 5))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_written_where_it_has_moved_to(tmp_path):
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    with Folder(tmp_path / "outer") as outer, Folder("inner", outer) as inner:
        assert outer.is_in_place()
        (tmp_path / "outer").rename(tmp_path / "moved")
        (tmp_path / "outer").mkdir()
        assert not outer.is_in_place()
        assert inner.is_in_place()  # in the folder it was opened in
        inner.replace("name", b"content")
        (tmp_path / "moved" / "inner").rename(tmp_path / "inner")
        (tmp_path / "moved" / "inner").symlink_to(tmp_path / "inner")
        assert not inner.is_in_place()
    assert (tmp_path / "inner" / "name").read_bytes() == b"content"
    assert list((tmp_path / "outer").iterdir()) == []
