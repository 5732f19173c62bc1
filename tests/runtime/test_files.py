import errno
from concurrent.futures import ThreadPoolExecutor

import pytest

from d2l_mlp.runtime import files


@pytest.mark.parametrize("alone", [True, False])
def test_a_file_is_replaced_and_no_part_left(tmp_path, alone):
    path = tmp_path / "name"
    for content in (b"first", b""):
        files.replace(path, content, alone)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("alone", [True, False])
def test_a_failure_leaves_no_part(tmp_path, alone):
    folder = tmp_path / "name"
    folder.mkdir()
    with pytest.raises(OSError, match="directory") as error:
        files.replace(folder, b"content", alone)
    assert error.value.errno == errno.EISDIR
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_killed_process_has_left_is_removed(tmp_path):
    (tmp_path / ".name.part").write_text("torn")
    files.replace(tmp_path / "name", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


def test_several_may_write_one_file_if_they_say_so(tmp_path):
    path = tmp_path / "name"
    contents = [bytes([65 + i]) * 100_000 * (i + 1) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: files.replace(path, content, alone=False), contents * 5))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]
