import http.server
import threading
import time
from functools import partial

import pytest

from d2l_mlp.data import download, fashion_mnist
from d2l_mlp.data.download import DownloadError, fetch
from tests.mirror import PUBLISHED, published

NAMES = [f"{name}.gz" for name in PUBLISHED]


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and misbehaves as its server says."""

    def do_GET(self):
        name = self.path.strip("/")
        self.server.asked.append(name)
        if name != self.server.broken:
            return super().do_GET()
        raw = (self.server.folder / name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", len(raw))
        self.end_headers()
        self.wfile.write(raw[: len(raw) // 2])

    def log_message(self, *args):
        pass


@pytest.fixture
def serve():
    """Start servers of folders."""
    servers = []

    def serve(folder, broken=None):
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(Handler, directory=str(folder))
        )
        server.folder, server.broken, server.asked = folder, broken, []
        server.url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def mirror(full, tmp_path_factory):
    """The files as the publisher has them."""
    folder = tmp_path_factory.mktemp("mirror")
    for name in PUBLISHED:
        (folder / f"{name}.gz").write_bytes(published(name))
    return folder


@pytest.fixture
def no_system_package(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion_mnist, "SYSTEM_DIR", tmp_path / "nowhere")


def mirrors(monkeypatch, *servers):
    monkeypatch.delenv("D2L_MLP_MIRROR")
    monkeypatch.setattr(download, "MIRRORS", [server.url for server in servers])


def test_own_mirror_and_then_the_cache(mirror, serve, monkeypatch, no_system_package):
    server = serve(mirror)
    monkeypatch.setenv("D2L_MLP_MIRROR", server.url.rstrip("/"))
    data = fashion_mnist.load("fashion-mnist")
    assert data.folder == fashion_mnist.cache_dir()
    assert len(data.train[1]) == 60_000
    assert server.asked == NAMES
    assert sorted(path.name for path in data.folder.iterdir()) == sorted(NAMES)
    fashion_mnist.load()
    assert server.asked == NAMES  # and nothing more


def test_first_mirror_that_has_the_right_files_wins(mirror, serve, monkeypatch, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    for name in NAMES:
        (wrong / name).write_bytes(b"<html>Please log in to the hotel's network</html>")
    gone, liar, right = serve(tmp_path / "gone"), serve(wrong), serve(mirror)
    mirrors(monkeypatch, gone, liar, right)
    fetch(tmp_path / "cache")
    assert (gone.asked, liar.asked, right.asked) == ([], NAMES[:1], NAMES)


def test_broken_download_leaves_nothing_and_is_taken_up_again(mirror, serve, monkeypatch, tmp_path):
    server = serve(mirror, broken=NAMES[2])
    mirrors(monkeypatch, server)
    with pytest.raises(DownloadError, match=r"broke off|served other content"):
        fetch(tmp_path / "cache")
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(NAMES[:2])
    server.broken, server.asked = None, []
    fetch(tmp_path / "cache")
    assert server.asked == NAMES[2:]


def test_wrong_content_is_not_kept(serve, monkeypatch, tmp_path):
    for name in NAMES:
        (tmp_path / name).write_bytes(b"not it")
    mirrors(monkeypatch, serve(tmp_path))
    with pytest.raises(DownloadError, match=f"served other content as {NAMES[0][:-3]}"):
        fetch(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_unwritable_cache(mirror, serve, monkeypatch, tmp_path):
    mirrors(monkeypatch, serve(mirror))
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="cannot take the download"):
        fetch(tmp_path / "file" / "cache")


def test_hanging_mirror_costs_auto_less_than_five_seconds(
    monkeypatch, no_system_package, caplog, tmp_path
):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        monkeypatch.setenv("D2L_MLP_MIRROR", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        start = time.monotonic()
        data = fashion_mnist.load()
        assert time.monotonic() - start < 5
    assert data.release == "sample"
    assert "embedded sample" in caplog.text
