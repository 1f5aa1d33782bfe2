#!/usr/bin/env python3
"""An HTTP server that misbehaves on request, for the tests of kube/http.

    server.py DIR

Makes certificates in DIR, listens on free ports of 127.0.0.1 and prints one line of JSON with them. What a request gets
is told by its path; see Handler. Ends when its stdin does.
"""

import gzip
import http.server
import json
import os
import select
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse


class Counters:
    """What tests want to know of the server afterwards."""

    def __init__(self):
        self.lock = threading.Lock()
        self.values = {"connections": 0, "requests": 0, "proxied": 0, "tries": 0}

    def add(self, name):
        with self.lock:
            self.values[name] += 1
            return self.values[name]


counters = Counters()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def setup(self):
        super().setup()
        counters.add("connections")
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, ssl.SSLError):
            pass

    def dispatch(self):
        counters.add("requests")
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query))
        name = "get_" + url.path.strip("/").split("/")[-1].replace("-", "_")
        length = int(self.headers.get("Content-Length", 0))
        self.body = self.rfile.read(length)
        getattr(self, name, self.get_missing)()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = dispatch

    def answer(self, status, body, headers=()):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin_chunks(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def wait_for_client(self):
        """Until the client closes: a server that says nothing more."""
        select.select([self.connection], [], [], 60)
        self.close_connection = True

    # What paths do

    def get_missing(self):
        self.answer(404, "no such test: " + self.path)

    def get_echo(self):
        self.answer(200, json.dumps({
            "method": self.command, "path": self.path, "body": self.body.decode(),
            "headers": {name.lower(): self.headers.get_all(name) for name in self.headers},
        }))

    def get_counters(self):
        self.answer(200, json.dumps(counters.values))

    def get_stream(self):
        """Every byte of a text with characters of several bytes in a chunk of its own."""
        self.begin_chunks()
        for byte in self.query["text"].encode():
            self.chunk(bytes([byte]))
        self.chunk(b"")

    def get_large(self):
        self.begin_chunks()
        for _ in range(int(self.query["chunks"])):
            self.chunk(b"x" * 65536)
        self.chunk(b"")

    def get_trailers(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Trailer", "X-Checksum")
        self.end_headers()
        self.chunk(b"body")
        self.wfile.write(b"0\r\nX-Checksum: 1\r\n\r\n")

    def get_status(self):
        headers = [("Retry-After", self.query["retry"])] if "retry" in self.query else []
        self.answer(int(self.query["code"]), "slow down", headers)

    def get_redirect(self):
        self.answer(302, "", [("Location", "/counters")])

    def get_cut(self):
        """The connection ends in mid-answer."""
        if "length" in self.query:
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"ten bytes.")
        elif "silent" not in self.query:
            self.begin_chunks()
            self.chunk(b"ten bytes.")
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)

    def get_silent(self):
        """A little of an answer, and then nothing; or nothing at all."""
        if "headers" in self.query:
            self.begin_chunks()
            self.chunk(b"hello")
        self.wait_for_client()

    def get_slow(self):
        """A byte now and then: each within the idle timeout, all of them beyond."""
        self.begin_chunks()
        for _ in range(int(self.query["count"])):
            self.chunk(b".")
            time.sleep(float(self.query["pause"]))
        self.chunk(b"")

    def get_gzip(self):
        if "gzip" not in self.headers.get("Accept-Encoding", ""):
            self.answer(200, "plain")
            return
        self.answer(200, gzip.compress(b"packed " * 1000), [("Content-Encoding", "gzip")])

    def get_gzip_broken(self):
        self.answer(200, b"\x1f\x8b\x08\x00garbage of all sorts", [("Content-Encoding", "gzip")])

    def get_guarded(self):
        """200 only with the token that stands in DIR/wanted."""
        counters.add("tries")
        with open(os.path.join(directory, "wanted"), encoding="ascii") as file:
            wanted = "Bearer " + file.read().strip()
        if self.headers.get("Authorization") == wanted:
            self.answer(200, "welcome")
        else:
            self.answer(401, "Unauthorized")

    def get_peer(self):
        """Who the client's certificate says it is."""
        certificate = self.connection.getpeercert() or {}
        names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
        self.answer(200, names[0] if names else "nobody")

    def get_garbage(self):
        self.wfile.write(b"\x00\x01 this is no HTTP\r\n\r\n")
        self.close_connection = True

    def do_CONNECT(self):
        """The proxy: a tunnel, for whoever has the password where one is needed."""
        counters.add("proxied")
        if self.path.startswith("forbidden"):
            self.answer(403, "no")
            self.close_connection = True
            return
        assert not self.headers.get("Authorization"), "credentials for the API server went to the proxy"
        host, _, port = self.path.rpartition(":")
        host = "127.0.0.1" if host == "localhost" else host.strip("[]")  # a bare machine may have no /etc/hosts
        with socket.create_connection((host, int(port))) as upstream:
            self.send_response(200)
            self.end_headers()
            self.tunnel(upstream)
        self.close_connection = True

    def tunnel(self, upstream):
        ends = {self.connection: upstream, upstream: self.connection}
        while True:
            for readable in select.select(list(ends), [], [])[0]:
                data = readable.recv(65536)
                if not data:
                    return
                ends[readable].sendall(data)


class Http2Handler(socketserver.BaseRequestHandler):
    """HTTP/2 without its header compression: every request gets 200 and "conn=N stream=N", and then its stream stays
    open and silent. That is all that watches need, and enough to see how they share connections."""

    DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
    END_HEADERS = ACK = 1 << 0
    STATUS_200 = b"\x88"  # entry 8 of the static table

    def frame(self, kind, flags, stream, payload=b""):
        self.request.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) +
                             payload)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.request.recv(count - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def answer(self, stream, number):
        if stream >= 5 and self.server.ending in ("mute", "busy"):  # from the third on: taken, not answered
            if self.server.ending == "busy":
                self.frame(self.DATA, 0, 1, b" and more")
            return
        self.frame(self.HEADERS, 1 << 2, stream, self.STATUS_200)
        self.frame(self.DATA, 0, stream, b"conn=%d stream=%d" % (number, stream))
        if self.server.ending == "goaway" and stream == 5:  # the third: all of them go on, no further one comes
            self.frame(self.GOAWAY, 0, 0, struct.pack(">II", 2**31 - 1, 0))
        elif self.server.ending == "cut":
            self.request.unwrap()  # with TLS's own goodbye
            raise ConnectionError
        elif self.server.ending is not None and self.server.ending.startswith("reset"):
            self.frame(self.RST_STREAM, 0, stream, struct.pack(">I", int(self.server.ending[5:])))

    def handle(self):
        number = counters.add("connections")
        self.exactly(len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        self.frame(self.SETTINGS, 0, 0, struct.pack(">HI", 3, self.server.max_streams))
        while True:
            head = self.exactly(9)
            length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            stream = int.from_bytes(head[5:], "big")
            payload = self.exactly(length)
            if kind == self.SETTINGS and not flags & self.ACK:
                self.frame(self.SETTINGS, self.ACK, 0)
            elif kind == self.PING and not flags & self.ACK:
                self.frame(self.PING, self.ACK, 0, payload)
            elif kind == self.HEADERS:
                self.answer(stream, number)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128
    tls = None
    max_streams = 250
    ending = None

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError, TimeoutError)):
            super().handle_error(request, client_address)

    def finish_request(self, request, client_address):
        """The handshake is done in the connection's own thread."""
        if self.tls:
            request.settimeout(30)
            request = self.tls.wrap_socket(request, server_side=True)
            request.settimeout(None)
        super().finish_request(request, client_address)


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_authority(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-keyout", path(name + ".key"), "-out", path(name + ".crt"), "-subj", "/CN=" + name)


def make_certificate(name, authority, common_name, *extensions):
    with open(path(name + ".ext"), "w", encoding="ascii") as file:
        file.write("\n".join(extensions) + "\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", path(name + ".key"), "-out", path(name + ".csr"), "-subj", "/CN=" + common_name)
    openssl("x509", "-req", "-in", path(name + ".csr"), "-CA", path(authority + ".crt"), "-CAkey",
            path(authority + ".key"), "-days", "1", "-out", path(name + ".crt"), "-extfile", path(name + ".ext"))


def path(name):
    return os.path.join(directory, name)


def tls_context(certificate, client_ca=None, alpn="http/1.1"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path(certificate + ".crt"), path(certificate + ".key"))
    context.set_alpn_protocols([alpn])
    if client_ca:
        context.load_verify_locations(path(client_ca + ".crt"))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def listen(tls=None, handler=Handler, max_streams=250, ending=None):
    server = Server(("127.0.0.1", 0), handler)
    server.tls = tls
    server.max_streams = max_streams
    server.ending = ending
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def refused_port():
    """A port where nothing listens: bound, so that nobody else gets it, but never listened on."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held


def main():
    make_authority("ca")
    make_authority("other-ca")
    make_certificate("server", "ca", "server", "subjectAltName=DNS:localhost,DNS:api.test,IP:127.0.0.1")
    make_certificate("misnamed", "ca", "misnamed", "subjectAltName=DNS:elsewhere.test")
    make_certificate("client", "ca", "alice")
    make_certificate("client2", "ca", "bob")
    make_certificate("stranger", "other-ca", "mallory")
    held = refused_port()
    h2 = tls_context("server", alpn="h2")
    ports = {
        "plain": listen(),
        "tls": listen(tls_context("server")),
        "misnamed": listen(tls_context("misnamed")),
        "mutual": listen(tls_context("server", "ca")),
        "proxy": listen(),
        "h2": listen(h2, Http2Handler),
        "h2-narrow": listen(h2, Http2Handler, max_streams=10),
        "h2-goaway": listen(h2, Http2Handler, ending="goaway"),
        "h2-cut": listen(h2, Http2Handler, ending="cut"),
        "h2-mute": listen(h2, Http2Handler, ending="mute"),
        "h2-busy": listen(h2, Http2Handler, ending="busy"),
        "h2-reset-2": listen(h2, Http2Handler, ending="reset2"),
        "h2-reset-8": listen(h2, Http2Handler, ending="reset8"),
        "refused": held.getsockname()[1],
    }
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


directory = sys.argv[1]
main()
