import contextlib
import hashlib
import socket
import threading
import time

import pytest

from d2l_mlp.data import download, fashion_mnist
from d2l_mlp.data.download import MIRRORS, DownloadError, download_release
from d2l_mlp.data.fashion_mnist import cache_dir, load_fashion_mnist, read_release
from d2l_mlp.data.releases import SAMPLE_DIR
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
    """Download the embedded sample, where the size does not matter."""
    for name in NAMES:
        raw = (SAMPLE_DIR / name).read_bytes()
        monkeypatch.setitem(download.PUBLISHED, name, (len(raw), hashlib.sha256(raw).hexdigest()))
    return SAMPLE_DIR


@pytest.fixture
def no_system_package(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion_mnist, "SYSTEM_DIR", tmp_path / "nowhere")


def use(monkeypatch, *servers):
    monkeypatch.delenv("D2L_MLP_MIRROR", raising=False)
    monkeypatch.setattr(download, "MIRRORS", [server.url for server in servers])


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


def test_broken_download_leaves_nothing_and_is_taken_up_again(small, serve, monkeypatch, tmp_path):
    raw = (small / NAMES[2]).read_bytes()
    half = {NAMES[2]: hostile.send(raw[: len(raw) // 2], len(raw))}
    server = serve(small, half)
    use(monkeypatch, server)
    with pytest.raises(DownloadError, match=rf" \({NAMES[2]}\)\)$"):
        download_release(tmp_path / "cache")
    assert files(tmp_path / "cache") == sorted(NAMES[:2])
    half.clear()
    server.requests.clear()
    (tmp_path / "cache" / LABELS).write_bytes(b"damaged since")
    download_release(tmp_path / "cache")
    assert server.asked == NAMES[1:]
    read_release(tmp_path / "cache", "sample")


@pytest.mark.parametrize(
    ("misbehave", "says"),
    [
        (hostile.endless, "more than SIZE bytes"),
        (hostile.silent, "timed out"),
        (hostile.reset, "Connection reset by peer"),
        (hostile.send(b"short", 10), ""),
        (hostile.send(b"not it"), "SHA256 hash of downloaded file (NAME) does not match"),
        (hostile.send(b"zz\r\nno chunk", Transfer_Encoding="chunked"), "invalid literal"),
        (hostile.status(404), "answered 404 Not Found"),
        (hostile.status(500), "answered 500 Internal Server Error"),
    ],
)  # fmt: skip
def test_a_mirror_that_misbehaves_is_left(small, serve, monkeypatch, tmp_path, misbehave, says):
    # The first file is right: a mirror that answers well at first may still misbehave later.
    monkeypatch.setattr(download, "SILENCE", 0.5)
    bad = serve(small, {LABELS: misbehave})
    use(monkeypatch, bad)
    start = time.monotonic()
    with pytest.raises(DownloadError) as caught:
        download_release(tmp_path / "cache")
    assert time.monotonic() - start < 10
    says = says.replace("NAME", LABELS).replace("SIZE", f"{download.PUBLISHED[LABELS][0]:,}")
    assert str(caught.value).startswith(f"no mirror has the files ({bad.host}: {says}")
    assert str(caught.value).endswith(f"({LABELS}))")
    assert len(str(caught.value).splitlines()) == 1
    assert files(tmp_path / "cache") == [IMAGES]
    right = serve(small)
    use(monkeypatch, bad, right)
    download_release(tmp_path / "cache")
    assert right.asked == NAMES[1:]


@pytest.mark.parametrize(
    ("misbehave", "says"),
    [
        (hostile.status(404), "answered 404 Not Found"),
        (hostile.drip_header, "no answer within 0.5 s"),
        (hostile.send(b"<html>", Content_Type="text/html"),
         "answered with a web page, as a network does before a login"),
        (hostile.status(302, Location="http://[/"), "Invalid IPv6 URL"),
        (hostile.status(302, Location="file:///etc/passwd"), "InvalidSchema"),
        (hostile.status(302, Location="http://127.0.0.1:9/"), "Connection refused"),
        (hostile.status(302, Location="/" + IMAGES), "answered 302 Found"),
    ],
)  # fmt: skip
def test_each_mirror_that_does_not_begin_well_gives_its_reason(
    serve, monkeypatch, tmp_path, misbehave, says
):
    servers = serve(tmp_path, {IMAGES: misbehave}), serve(tmp_path)
    use(monkeypatch, *servers)
    with pytest.raises(DownloadError) as caught:
        download_release(tmp_path / "cache", patience=0.5 if "0.5" in says else 20)
    assert str(caught.value) == (
        f"no mirror has the files ({servers[0].host}: {says}; "
        f"{servers[1].host}: answered 404 Not Found)"
    )


def test_a_certificate_that_nobody_signed_unless_the_user_trusts_it(
    small, serve, monkeypatch, tmp_path
):
    certificate = ROOT / "tests" / "self-signed.pem"
    use(monkeypatch, serve(small, certificate=certificate))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DownloadError, match="certificate verify failed"):
        download_release(tmp_path / "cache")
    assert files(tmp_path / "cache") == []
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    with pytest.raises(DownloadError, match=r"SSL_CERT_FILE names .*none, which is missing"):
        download_release(tmp_path / "cache")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    download_release(tmp_path / "cache")
    assert files(tmp_path / "cache") == sorted(NAMES)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there(monkeypatch, tmp_path, scheme):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(f"{scheme}_proxy", "http://user:secret@127.0.0.1:9")
    monkeypatch.setenv("D2L_MLP_MIRROR", f"{scheme}://example.org/")
    with pytest.raises(DownloadError, match=r"\(example.org: the proxy: Connection refused\)") as e:
        download_release(tmp_path / "cache")
    assert "secret" not in str(e.value)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("user:secret@example.org", "example.org: "),
        ("https://user:secret@exam ple.org/", "exam ple.org: "),
        ("https://user:secret@127.0.0.1:9/", "127.0.0.1:9: Connection refused"),
        ("https://user:secret@127.0.0.1:99999/", "127.0.0.1:99999: "),
        ("https://user:secret@[::/", "[::: "),
        ("ftp://user:secret@example.org/", "example.org: InvalidSchema"),
        ("file:///srv/data", ": InvalidSchema"),
    ],
)
def test_wrong_addresses_and_passwords(
    monkeypatch, tmp_path, no_system_package, caplog, address, says
):
    caplog.set_level("DEBUG")
    monkeypatch.setenv("D2L_MLP_MIRROR", address)
    with pytest.raises(DownloadError, match="D2L_MLP_MIRROR has to be https://HOST/F") as caught:
        download_release(tmp_path / "cache")
    assert str(caught.value).startswith(f"no mirror has the files ({says}")
    assert load_fashion_mnist().release == "sample"
    assert says in caplog.text
    assert "secret" not in caplog.text + str(caught.value)


def test_passwords_are_sent_and_not_printed(small, serve, monkeypatch, tmp_path, caplog):
    given = []

    def ask_for_password(handler):
        given.append(handler.headers["Authorization"])
        hostile.status(401)(handler)

    caplog.set_level("DEBUG")
    server = serve(small, {LABELS: ask_for_password})
    monkeypatch.setenv("D2L_MLP_MIRROR", server.url.replace("://", "://user:secret@"))
    with pytest.raises(DownloadError, match=rf"\({server.host}: answered 401 Unauthorized") as e:
        download_release(tmp_path / "cache")
    assert given == ["Basic dXNlcjpzZWNyZXQ="]
    assert "secret" not in caplog.text + str(e.value)


@pytest.mark.parametrize("place", ["file/cache", "x" * 300])
def test_unwritable_cache(small, serve, monkeypatch, tmp_path, place):
    use(monkeypatch, serve(small))
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match=r"cannot take the download \("):
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
