import contextlib
import gzip
import socket
import threading
import time

import pytest

from d2l_mlp.data import download
from d2l_mlp.data import download as mirrors
from d2l_mlp.data import fashion_mnist as places
from d2l_mlp.data.download import MIRRORS, DownloadError, download_release
from d2l_mlp.data.fashion_mnist import cache_dir, load_fashion_mnist, read_release
from d2l_mlp.data.releases import SAMPLE, SAMPLE_DIR
from tests import mirror as hostile
from tests.conftest import ROOT
from tests.mirror import PUBLISHED, Mirror, published

NAMES = [f"{name}.gz" for name in PUBLISHED]
IMAGES, LABELS = NAMES[0], NAMES[1]


@pytest.fixture(scope="session")
def publisher(full, tmp_path_factory):
    """The files as the publisher has them."""
    folder = tmp_path_factory.mktemp("publisher")
    for name in PUBLISHED:
        (folder / f"{name}.gz").write_bytes(published(name))
    return folder


@pytest.fixture
def serve():
    """Start servers of folders."""
    with contextlib.ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Mirror(*args, **options))


@pytest.fixture
def small(monkeypatch):
    """Let the embedded sample be what is downloaded, where the size does not matter."""
    monkeypatch.setattr(download, "CANONICAL", SAMPLE)
    monkeypatch.setattr(mirrors, "CANONICAL", SAMPLE)
    return SAMPLE_DIR


@pytest.fixture
def no_system_package(monkeypatch, tmp_path):
    monkeypatch.setattr(places, "SYSTEM_DIR", tmp_path / "nowhere")


def use(monkeypatch, *servers):
    monkeypatch.delenv("D2L_MLP_MIRROR")
    monkeypatch.setattr(mirrors, "MIRRORS", [server.url for server in servers])


def files(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_default_mirrors_are_encrypted():
    assert all(mirror.startswith("https://") for mirror in MIRRORS)


def test_own_mirror_and_then_the_cache(publisher, serve, monkeypatch, no_system_package):
    server = serve(publisher)
    monkeypatch.setenv("D2L_MLP_MIRROR", f" {server.url.rstrip('/')}\n")
    data = load_fashion_mnist("fashion-mnist")
    assert data.folder == cache_dir()
    assert len(data.train[1]) == 60_000
    assert server.asked == NAMES
    assert files(data.folder) == sorted(NAMES)
    assert (data.folder / IMAGES).read_bytes() == published(IMAGES[:-3])
    load_fashion_mnist()
    assert server.asked == NAMES  # and nothing more


def test_first_mirror_that_has_the_right_files_wins(publisher, serve, monkeypatch, tmp_path):
    portal = hostile.send(b"<html>Please log in to the hotel's network</html>")
    gone, liar, right = (
        serve(tmp_path / "gone"),
        serve(tmp_path, dict.fromkeys(NAMES, portal)),
        serve(publisher),
    )
    use(monkeypatch, gone, liar, right)
    download_release(tmp_path / "cache")
    assert (gone.asked, liar.asked, right.asked) == ([], NAMES[:1], NAMES)


def test_files_compressed_otherwise_are_right_when_their_content_is(serve, full, tmp_path):
    # As a distribution does it; and once more, in several members, with the fastest level.
    again = tmp_path / "again"
    again.mkdir()
    for name in NAMES:
        content = gzip.decompress((full.folder / name).read_bytes())
        parts = content[:1000], content[1000:]
        (again / name).write_bytes(b"".join(gzip.compress(part, 1) for part in parts))
    for folder in (full.folder, again):
        with pytest.MonkeyPatch.context() as monkeypatch:
            use(monkeypatch, serve(folder))
            cache = download_release(tmp_path / f"cache of {folder.name}")
        assert (read_release(cache, "fashion-mnist").train[0] == full.train[0]).all()


def test_broken_download_leaves_nothing_and_is_taken_up_again(small, serve, monkeypatch, tmp_path):
    raw = (small / NAMES[2]).read_bytes()
    half = {NAMES[2]: hostile.send(raw[: len(raw) // 2], len(raw))}
    server = serve(small, half)
    use(monkeypatch, server)
    with pytest.raises(DownloadError, match=rf"broke off in {NAMES[2]} \(after .* of [\d,]+ bytes"):
        download_release(tmp_path / "cache")
    assert files(tmp_path / "cache") == sorted(NAMES[:2])
    half.clear()
    server.requests.clear()
    download_release(tmp_path / "cache")
    assert server.asked == NAMES[2:]


def test_a_wrong_file_in_the_cache_is_replaced(small, serve, monkeypatch, tmp_path):
    use(monkeypatch, serve(small))
    cache = download_release(tmp_path / "cache")
    (cache / LABELS).write_bytes(b"not it")
    download_release(cache)
    assert (cache / LABELS).read_bytes() == (small / LABELS).read_bytes()


BOMB = gzip.compress(bytes(2**26))  # 64 MiB, in less than the file may have


@pytest.mark.parametrize(
    ("misbehave", "says"),
    [
        (hostile.endless, "sent more than 70,544 bytes as NAME"),
        (hostile.endless_gzip, "sent more than 70,544 bytes as NAME"),
        (hostile.send(BOMB), "has another NAME: it starts with the magic number 00000000"),
        (hostile.drip(), "sent NAME by less than 16,384 bytes/s"),
        (hostile.drip(first=60_000), "sent NAME by less than 16,384 bytes/s"),
        (hostile.drip_header, "did not answer within 0.5 s"),
        (hostile.silent, "broke off in NAME (timed out)"),
        (hostile.reset, "broke off in NAME (Connection reset by peer)"),
        (hostile.send(b"short", 10), "broke off in NAME (after 5 of 10 bytes)"),
        (hostile.send(b""), "has another NAME: it starts with nothing"),
        (hostile.send(b"not it"), "has another NAME: it starts with the magic number 6e6f7420"),
        (hostile.send(b"zz\r\nno chunk", Transfer_Encoding="chunked"), "broke off in NAME ("),
        (hostile.status(404), "answered 404 Not Found"),
        (hostile.status(500), "answered 500 Internal Server Error"),
        (hostile.status(204), "answered 204 No Content"),
    ],
)  # fmt: skip
def test_a_mirror_that_misbehaves_is_left(small, serve, monkeypatch, tmp_path, misbehave, says):
    # The first file is right: what answers well at first may still misbehave later.
    monkeypatch.setattr(download, "WINDOW", 0.5)
    bad = serve(small, {LABELS: misbehave})
    use(monkeypatch, bad)
    start = time.monotonic()
    with pytest.raises(DownloadError) as caught:
        download_release(tmp_path / "cache")
    assert time.monotonic() - start < 10
    expected = f"no mirror gave the files ({bad.host} {says.replace('NAME', LABELS)}"
    assert str(caught.value).startswith(expected)
    assert len(str(caught.value).splitlines()) == 1
    assert files(tmp_path / "cache") == [IMAGES]
    right = serve(small)
    use_both = [bad.url, right.url]
    monkeypatch.setattr(mirrors, "MIRRORS", use_both)
    download_release(tmp_path / "cache")
    assert right.asked == NAMES[1:]


@pytest.mark.parametrize(
    ("misbehave", "says"),
    [
        (hostile.status(404), "answered 404 Not Found"),
        (hostile.status(405), "answered 405 Method Not Allowed"),
        (hostile.status(403), "answered 403 Forbidden"),
        (hostile.drip_header, "did not answer within 0.5 s"),
        (hostile.status(302, Location="http://[/"), "cannot be asked, or redirects to what cannot"),
        (hostile.status(302, Location="http://a b:x/"), "cannot be asked, or redirects"),
        (hostile.status(302, Location="file:///etc/passwd"), "cannot be asked, or redirects"),
        (hostile.status(302, Location="http://127.0.0.1:9/"),
         "cannot be reached (Connection refused)"),
        (hostile.status(302, Location="/" + IMAGES), "redirects without end"),
        (hostile.status(302), "answered 302 Found"),
    ],
)  # fmt: skip
def test_a_mirror_that_does_not_begin_well(serve, monkeypatch, tmp_path, misbehave, says):
    server = serve(tmp_path, {IMAGES: misbehave})
    use(monkeypatch, server)
    with pytest.raises(DownloadError) as caught:
        download_release(
            tmp_path / "cache", patience=0.5 if misbehave is hostile.drip_header else 20
        )
    assert str(caught.value).startswith(f"no mirror gave the files ({server.host} {says}")
    assert len(str(caught.value).splitlines()) == 1


def test_a_certificate_that_nobody_signed(small, serve, monkeypatch, tmp_path):
    server = serve(small, certificate=ROOT / "tests" / "self-signed.pem")
    use(monkeypatch, server)
    with pytest.raises(DownloadError, match=r"certificate or TLS that is refused .*verify failed"):
        download_release(tmp_path / "cache")
    assert files(tmp_path / "cache") == []


def test_each_mirror_gives_its_reason(serve, monkeypatch, tmp_path):
    servers = [serve(tmp_path, {IMAGES: hostile.status(code)}) for code in (404, 500)]
    use(monkeypatch, *servers)
    with pytest.raises(DownloadError) as caught:
        download_release(tmp_path / "cache")
    assert str(caught.value) == (
        f"no mirror gave the files ({servers[0].host} answered 404 Not Found; "
        f"{servers[1].host} answered 500 Internal Server Error)"
    )


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("example.org/fashion", "example.org/fashion/ is no address; give D2L_MLP_MIRROR as https"),
        ("user:secret@example.org", "example.org/ is no address"),
        ("https://user:secret@exam ple.org/", "exam ple.org is no address"),
        ("https://user:secret@127.0.0.1:9/", "127.0.0.1:9 cannot be reached (Connection refused)"),
        ("https://user:secret@127.0.0.1:99999/", "127.0.0.1:99999 is no address"),
        ("https://user:secret@[::/", "[:: is no address"),
        ("ftp://user:secret@example.org/", "example.org/ is no address"),
        ("https:///secret", " is no address"),
        ("file:///srv/data", "file:///srv/data/ is a folder, not a mirror; name it by --data-dir"),
    ],
)
def test_addresses_that_are_none_and_passwords(
    monkeypatch, tmp_path, no_system_package, caplog, address, says
):
    caplog.set_level("DEBUG")
    monkeypatch.setenv("D2L_MLP_MIRROR", address)
    with pytest.raises(DownloadError) as caught:
        download_release(tmp_path / "cache")
    assert str(caught.value).startswith(f"no mirror gave the files ({says}")
    assert load_fashion_mnist().release == "sample"
    assert says in caplog.text
    assert "secret" not in caplog.text + str(caught.value)


def test_passwords_are_sent_and_not_said(small, serve, monkeypatch, tmp_path, caplog):
    given = []

    def ask_for_password(handler):
        given.append(handler.headers["Authorization"])
        hostile.status(401)(handler)

    caplog.set_level("DEBUG")
    server = serve(small, {LABELS: ask_for_password})
    monkeypatch.setenv("D2L_MLP_MIRROR", server.url.replace("://", "://user:secret@"))
    with pytest.raises(DownloadError, match=rf"\({server.host} answered 401 Unauthorized\)") as e:
        download_release(tmp_path / "cache")
    assert given == ["Basic dXNlcjpzZWNyZXQ="]
    assert "secret" not in caplog.text + str(e.value)


@pytest.mark.parametrize("place", ["file/cache", "x" * 300])
def test_unwritable_cache(small, serve, monkeypatch, tmp_path, place):
    use(monkeypatch, serve(small))
    (tmp_path / "file").write_text("")
    with pytest.raises(
        DownloadError, match=r"cannot take the download \((Not a dir|File name too)"
    ):
        download_release(tmp_path / place)


def test_hanging_mirror_costs_auto_less_than_five_seconds(
    monkeypatch, no_system_package, caplog, tmp_path
):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        monkeypatch.setenv("D2L_MLP_MIRROR", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        start = time.monotonic()
        data = load_fashion_mnist()
        assert time.monotonic() - start < 5
    assert data.release == "sample"
    assert "embedded sample" in caplog.text
    assert "did not answer within 4 s" in caplog.text


def test_two_downloads_at_once(small, serve, monkeypatch, tmp_path):
    use(monkeypatch, serve(small))
    threads = [
        threading.Thread(target=download_release, args=(tmp_path / "cache",)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files(tmp_path / "cache") == sorted(NAMES)
    read_release(tmp_path / "cache", "sample")
