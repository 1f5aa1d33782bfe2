#!/usr/bin/env python3
"""Requests that are wrong as HTTP, byte by byte: each is answered once, with the code and the Status that it deserves, what is
behind it is never taken for a request, and the server goes on."""

import json
import re
import socket
import unittest

from bench import Bench

MAPS = "/api/v1/namespaces/default/configmaps"
LIMIT = 3 << 20
BODY = '{"metadata":{"name":"smuggled"}}'
BEHIND = f"POST {MAPS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"


def request(*headers, method="GET", path="/api", host="localhost", body=""):
    lines = [f"{method} {path} HTTP/1.1", *([f"Host: {host}"] if host else []), *headers]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def post(*headers, body=BODY):
    return request("Content-Type: application/json", *headers, method="POST", path=MAPS, body=body)


# What is sent, the code, and a part of the Status's message; None where the answer is none of the API's.
REFUSED = [
    (request(host=None), 400, "missing: Host"),
    (request("Host: elsewhere"), 400, "twice: Host"),
    (request("Origin: http://localhost", "origin: http://elsewhere"), 400, "twice: origin"),
    (request("Authorization: Bearer a", "Authorization: Bearer b"), 400, "twice: Authorization"),
    (request("Origin: http://elsewhere"), 403, "another origin"),
    (request("Origin: null"), 403, "another origin"),
    (request("Impersonate-User: admin"), 403, "impersonated"),
    (request("Transfer-Encoding : chunked", body=BEHIND), 400, "no name of a header"),
    (request("X: a\rHost: elsewhere"), 400, "control characters"),
    (request("X: \x7f"), 400, "control characters"),
    (request("nonsense"), 400, None),
    (request(f"X: {'y' * 100000}"), 431, None),
    (request(*["X: y"] * 20000), 431, None),
    (request(path="/" + "x" * 200000), 414, None),
    (request("Connection: close", method="F" * 100, path=MAPS), 405, "does not allow this method"),
    (request("Connection: close", method="HEAD", path="/api/v1/pods"), 405, None),
    ("GET /api\r\n\r\n", 400, None),
    ("GET /api HTTP/9.9\r\nHost: localhost\r\n\r\n", 505, None),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, None),
    # Two lengths, or one that is none: where does the request end?
    (post("Content-Length: 5", "Transfer-Encoding: chunked", body="0\r\n\r\n" + BEHIND), 400, "one of the two"),
    (post("Transfer-Encoding: chunked", "Content-Length: 5", body="0\r\n\r\n" + BEHIND), 400, "one of the two"),
    (post("Content-Length: 0", f"Content-Length: {len(BODY)}"), 400, "twice: Content-Length"),
    (post("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body="0\r\n\r\n" + BEHIND), 400, "twice: Transfer-Encoding"),
    (post("Transfer-Encoding: xchunked", body="0\r\n\r\n" + BEHIND), 501, "only chunked"),
    (post("Transfer-Encoding: gzip, chunked", body="0\r\n\r\n" + BEHIND), 501, "only chunked"),
    (post("Content-Length: -1"), 400, None),
    (post("Content-Length: +32"), 400, None),
    (post("Content-Length: 32, 32"), 400, None),
    (post("Content-Length: 0x20"), 400, None),
    (post("Content-Length: 99999999999999999999999"), 413, None),
    (post("Transfer-Encoding: chunked", body="zz\r\n" + BODY), 400, None),
    (post("Transfer-Encoding: chunked", body="fffffffffffffffff\r\n" + BODY), 413, None),
    # Bodies that are not taken.
    (post(f"Content-Length: {LIMIT + 1}"), 413, f"limit is {LIMIT}"),
    (post("Connection: close", "Transfer-Encoding: chunked", body=f"{LIMIT + 1:x}\r\n{' ' * (LIMIT + 1)}\r\n0\r\n\r\n"), 413,
     f"limit is {LIMIT}"),
    (post("Content-Encoding: gzip", f"Content-Length: {len(BODY)}"), 415, "Content-Encoding: gzip"),
]


class Http(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.kubeconfig = self.bench.directory / "kubeconfig"
        self.process = self.bench.program("minicluster", "--kubeconfig-out", self.kubeconfig)
        self.bench.wait("its kubeconfig is there", self.kubeconfig.exists)
        self.port = int(re.search(r"server:.*:(\d+)", self.kubeconfig.read_text(encoding="utf-8")).group(1))

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.addCleanup(connection.close)
        return connection

    def answer(self, text):
        """All that comes back until the server ends the connection."""
        connection, received = self.connect(), b""
        try:
            connection.sendall(text.encode("latin-1"))
        except OSError:
            pass  # it has heard enough
        try:
            while chunk := connection.recv(1 << 16):
                received += chunk
        except ConnectionResetError:
            pass
        return received.decode()

    def maps(self):
        head, _, body = self.answer(request("Connection: close", path=MAPS)).partition("\r\n\r\n")
        self.assertIn(" 200 ", head)
        return sorted(re.findall(r'"metadata":{"name":"([^"]*)', body))

    def test_each_is_refused_and_changes_nothing(self):
        before = self.maps()
        for text, code, message in REFUSED:
            with self.subTest(text[:150]):
                answer = self.answer(text)
                head, _, body = answer.partition("\r\n\r\n")
                self.assertRegex(head, rf"^HTTP/1\.[01] {code} ")
                self.assertEqual({int(each) for each in re.findall(r"HTTP/1\.[01] (\d+)", answer)}, {code})
                if message:
                    status = json.loads(body)
                    self.assertEqual((status["kind"], status["code"]), ("Status", code))
                    self.assertIn(message, status["message"])
        self.assertEqual(self.maps(), before)
        self.assertTrue(self.process.running())

    def unread(self):
        """Bytes that wait in the kernel for the server."""
        lines = [line.split() for line in open("/proc/net/tcp", encoding="ascii")][1:]
        return sum(int(line[4].split(":")[1], 16) for line in lines if int(line[1].split(":")[1], 16) == self.port and line[3] != "0A")

    def test_a_body_that_nobody_asked_for_is_not_kept(self):
        before = self.process.resident_bytes()
        connections = [self.connect() for _ in range(40)]
        for connection in connections:
            connection.sendall(request(f"Content-Length: {LIMIT}", "Connection: close", path="/livez", body=" " * (LIMIT - 1)).encode())
        self.bench.wait("all is read", lambda: self.unread() == 0)
        self.assertLess(self.process.resident_bytes() - before, 10 * LIMIT)
        for connection in connections:
            connection.sendall(b" ")
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200 "))

    def test_a_long_header_is_taken(self):
        self.assertIn(" 200 ", self.answer(request("Connection: close", f"X: {'y' * 16000}")).partition("\r\n")[0])

    def test_what_is_right_is_taken_byte_by_byte_and_in_a_row(self):
        connection = self.connect()
        for byte in request(path="/livez").encode():
            connection.sendall(bytes([byte]))
        chunks = "".join(f"{len(BODY[i:i + 5]):x}\r\n{BODY[i:i + 5]}\r\n" for i in range(0, len(BODY), 5))
        connection.sendall((post("Transfer-Encoding: chunked", body=chunks + "0\r\n\r\n") +
                            request("Content-Length: 3", path="/readyz", body="GET") +
                            request("Connection: close", method="HEAD", path="/api/v1/pods")).encode())
        with connection.makefile("rb") as stream:
            text = stream.read().decode()
        self.assertEqual(re.findall(r"HTTP/1\.1 (\d+)", text), ["200", "201", "200", "405"])
        self.assertTrue(text.endswith("\r\n\r\n"), text)
        self.assertIn("smuggled", self.maps())


if __name__ == "__main__":
    unittest.main()
