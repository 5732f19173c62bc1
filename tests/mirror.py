"""A mirror on this machine: the publisher's files, and a server that can misbehave with them."""

import http.server
import socket
import ssl
import struct
import threading
import time

from d2l_mlp.data.fashion_mnist import SYSTEM_DIR

# MD5 of the compressed files in the publisher's README, and the time their gzip headers carry.
PUBLISHED = {
    "train-images-idx3-ubyte": ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 1504176606),
    "train-labels-idx1-ubyte": ("25c81989df183df01b3e8a0aad5dffbe", 1504176606),
    "t10k-images-idx3-ubyte": ("bef4ecab320f06d8554ea6380940ec79", 1504176627),
    "t10k-labels-idx1-ubyte": ("bb300cfdad3c16e7a12a480ee83cd310", 1504176627),
}


def published(name):
    """The publisher's file, from the distribution's, which differs in its gzip header only."""
    header = b"\x1f\x8b\x08\x08" + struct.pack("<I", PUBLISHED[name][1]) + b"\x00\x03"
    return header + name.encode() + b"\0" + (SYSTEM_DIR / f"{name}.gz").read_bytes()[10:]


class Mirror(http.server.ThreadingHTTPServer):
    """Serves a folder over HTTP on 127.0.0.1, but for the files that it misbehaves with.

    `misbehave` maps names of files to functions of the request's handler, such as those below.
    `asked` has the requested names, without the first, by which a client sees who answers.
    """

    daemon_threads = True

    def __init__(self, folder, misbehave=None, certificate=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.misbehave, self.requests = folder, misbehave or {}, []
        self.finished = threading.Event()
        scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.host = f"127.0.0.1:{self.server_port}"
        self.url = f"{scheme}://{self.host}/"

    @property
    def asked(self):
        return self.requests[1:]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *args):
        self.finished.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, *args):
        """Clients that hang up are what is tested."""


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.strip("/")
        self.server.requests.append(name)
        if name in self.server.misbehave:
            self.server.misbehave[name](self)
        elif (self.server.folder / name).is_file():
            send((self.server.folder / name).read_bytes())(self)
        else:
            self.send_error(404)

    def log_message(self, *args):
        pass


def send(content, length=None, **headers):
    """Send a content, under any length."""

    def misbehave(handler):
        begin(handler, len(content) if length is None else length, **headers)
        handler.wfile.write(content)

    return misbehave


def status(code, **headers):
    """Answer by a status, with a body."""

    def misbehave(handler):
        begin(handler, 3, code, **headers)
        handler.wfile.write(b"no\n")

    return misbehave


def endless(handler):
    """Send what is no gzip file, for ever."""
    begin(handler, None)
    while not handler.server.finished.is_set():
        handler.wfile.write(bytes(2**16))


def drip_header(handler):
    """Never come to the end of the headers."""
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
    while not handler.server.finished.wait(0.05):
        handler.wfile.write(b"x")


def silent(handler):
    """Begin a body, and send nothing of it."""
    begin(handler, 10**6)
    handler.server.finished.wait()


def reset(handler):
    """Break the connection in the middle."""
    begin(handler, 10**6)
    handler.wfile.write(bytes(1000))
    time.sleep(0.1)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def begin(handler, length, code=200, **headers):
    """Send the headers."""
    handler.send_response(code)
    if length is not None:
        headers["Content-Length"] = length
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.flush()
