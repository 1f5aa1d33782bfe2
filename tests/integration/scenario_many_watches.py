#!/usr/bin/env python3
"""10,000 watches of one hub: each is told of a change, and nobody who asks for something else waits for that; what one of them
costs is bounded, and those for whom there is no place are told so. Over TLS 2,000 that come at once: their handshakes stand in
line, and who says only half of one costs nothing."""

import http.client
import json
import os
import pathlib
import re
import resource
import select
import signal
import socket
import ssl
import time
import unittest
import urllib.error
import urllib.request

from bench import BIN, Bench, free_port
from fleet_hub import FleetCase

WATCHES = 10000
OVER_TLS = 2000
AT_ONCE = 100         # connections that are opened before any is waited for: what a listening socket holds
EACH_BYTES = 40 << 10  # memory of a hub for one that is at rest
EACH_TLS_BYTES = 80 << 10
OWN_FILES = 256       # of the hub, for what is no client
FEW = 300
CLUSTERS = "/apis/fleet.transport-informer.io/v1alpha1/clusters"
PATH = "/clusters/cluster1/api/v1/namespaces/default/configmaps"


class Watches:
    """Connections of one process, with what each has received."""

    def __init__(self, port, path, count):
        self.poll, self.sockets, self.seen = select.epoll(), {}, {}
        self.request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        for begun in range(0, count, AT_ONCE):
            new = [self.open(port) for _ in range(min(AT_ONCE, count - begun))]
            self.until(b"\r\n\r\n", new)

    def open(self, port):
        connection = socket.create_connection(("127.0.0.1", port), timeout=20)
        connection.sendall(self.request)
        number = connection.fileno()
        self.sockets[number], self.seen[number] = connection, b""
        self.poll.register(number, select.EPOLLIN)
        return number

    def read(self):
        """What there is, of some. False where nothing has come for long."""
        ready = self.poll.poll(20)
        for number, _ in ready:
            self.seen[number] += self.sockets[number].recv(1 << 16)
        return bool(ready)

    def until(self, word, numbers=None):
        behind = set(numbers or self.sockets)
        while behind:
            if not self.read():
                raise AssertionError(f"{len(behind)} watches did not get {word}, such as {self.seen[next(iter(behind))]}")
            behind = {number for number in behind if word not in self.seen[number]}

    def count(self, word):
        return sum(word in seen for seen in self.seen.values())

    def close(self):
        for connection in self.sockets.values():
            connection.close()
        self.poll.close()


class ManyWatches(FleetCase):
    providing = ("--resource", "configmaps")

    def setUp(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.count = min(WATCHES, hard - 2 * OWN_FILES)
        if self.count < WATCHES:
            print(f"\n**** ONLY {self.count} WATCHES, SINCE A PROCESS MAY HAVE NO MORE THAN {hard} DESCRIPTORS HERE (ulimit -Hn) ****")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        super().setUp()
        self.await_synced()

    def test_each_is_told_and_others_are_answered(self):
        before = self.hub.resident_bytes()
        watches = Watches(self.http, f"{PATH}?watch=1&resourceVersion={self.get(PATH)[2]['metadata']['resourceVersion']}", self.count)
        self.addCleanup(watches.close)
        if not self.hub.sanitized():
            self.assertLess((self.hub.resident_bytes() - before) / self.count, EACH_BYTES)
        self.clusters["cluster1"].create("ConfigMap", "told")
        while not watches.count(b'"told"'):
            self.assertTrue(watches.read())
        self.assertEqual(self.get(f"{PATH}/told")[0], 200)
        watches.until(b'"told"')
        self.assertEqual({seen.count(b'"type":') for seen in watches.seen.values()}, {1})
        self.assertEqual(watches.count(b" 200 OK"), self.count)


class Greeting:
    """A client over TLS that says what it has to say when it is told to go on."""

    def __init__(self, port, context, request):
        connection = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket = context.wrap_socket(connection, do_handshake_on_connect=False, server_hostname="localhost")
        self.socket.setblocking(False)
        self.request, self.greeted, self.seen, self.poll = request, False, b"", select.poll()
        self.poll.register(self.socket, select.POLLIN)

    def answered(self):
        return bool(self.poll.poll(0))

    def go_on(self):
        """As far as it goes without waiting."""
        try:
            if not self.greeted:
                self.socket.do_handshake()
                self.greeted = True
                self.socket.sendall(self.request)
            while data := self.socket.recv(1 << 16):
                self.seen += data
            raise AssertionError(f"the connection was closed behind {self.seen}")
        except ssl.SSLWantReadError:
            pass

    def until(self, word):
        self.go_on()
        while word not in self.seen:
            if not self.poll.poll(60000):
                raise AssertionError(f"no {word} in {self.seen}")
            self.go_on()


class AtOnceOverTls(FleetCase):
    providing = ("--resource", "configmaps")

    def setUp(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.count = min(OVER_TLS, hard - 2 * OWN_FILES)
        super().setUp()
        self.await_synced()
        self.context = ssl.create_default_context(cafile=self.bench.directory / "state" / "tls.crt")

    def greet(self, request):
        greeting = Greeting(self.https, self.context, request)
        self.addCleanup(greeting.socket.close)
        return greeting

    def processor_ticks(self):
        fields = pathlib.Path(f"/proc/{self.hub.child.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def rests(self):
        """It has taken less than a tenth of a processor for half a second."""
        before = self.processor_ticks()
        time.sleep(0.5)
        return self.processor_ticks() - before < os.sysconf("SC_CLK_TCK") / 20

    def request(self):
        token = re.search(r"token: (\S+)", self.kubeconfig.read_text(encoding="utf-8")).group(1)
        version = self.get(PATH)[2]["metadata"]["resourceVersion"]
        return (f"GET {PATH}?watch=1&resourceVersion={version} HTTP/1.1\r\nHost: localhost\r\n"
                f"Authorization: Bearer {token}\r\n\r\n").encode()

    def test_handshakes_stand_in_line(self):
        request, before = self.request(), self.hub.resident_bytes()
        other = http.client.HTTPConnection("127.0.0.1", self.http, timeout=60)
        self.addCleanup(other.close)
        other.connect()
        greetings = [self.greet(request) for _ in range(self.count)]
        self.bench.wait("all are connected", self.rests)
        self.hub.child.send_signal(signal.SIGSTOP)
        for greeting in greetings:
            greeting.go_on()
        self.hub.child.send_signal(signal.SIGCONT)
        for _ in range(3):
            other.request("GET", "/version")
            other.getresponse().read()
        self.assertLess(sum(greeting.answered() for greeting in greetings), self.count)
        for greeting in greetings:
            greeting.until(b"\r\n\r\n")
        if not self.hub.sanitized():
            self.assertLess((self.hub.resident_bytes() - before) / self.count, EACH_TLS_BYTES)
        self.clusters["cluster1"].create("ConfigMap", "told")
        for greeting in greetings:
            greeting.until(b'"told"')
        self.assertEqual({greeting.seen.count(b'"type":') for greeting in greetings}, {1})

    def test_who_says_half_of_a_handshake_costs_nothing(self):
        silent, half, whole = (self.greet(self.request()) for _ in range(3))
        socket.socket.send(half.socket, b"\x16\x03\x01\x02\x00\x01")
        whole.go_on()
        self.bench.wait("the hub rests", self.rests)
        self.assertFalse(silent.answered() or half.answered())
        whole.until(b"\r\n\r\n")


class FewPlaces(unittest.TestCase):
    def test_who_finds_none_is_told_so(self):
        bench, port = self.enterContext(Bench()), free_port()
        broker = bench.broker()
        hub = bench.start("hub", "sh", "-c", f'ulimit -n {OWN_FILES + FEW} && exec "$@"', "sh", BIN / "hub", "--broker",
                          f"tcp://127.0.0.1:{broker}", "--read-only-http", f"127.0.0.1:{port}", "--state-dir", bench.directory / "state")
        bench.wait("the hub serves", lambda: "to read" in hub.log())
        watches = Watches(port, f"{CLUSTERS}?watch=1", FEW)
        self.addCleanup(watches.close)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{CLUSTERS}", timeout=20)
        with refused.exception as answer:
            self.assertEqual((answer.code, answer.headers["Retry-After"]), (429, "1"))
            status = json.load(answer)
        self.assertEqual((status["kind"], status["reason"], status["details"]["retryAfterSeconds"]), ("Status", "TooManyRequests", 1))
        watches.sockets.popitem()[1].close()

        def answered():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}{CLUSTERS}", timeout=20).close() is None
            except urllib.error.HTTPError:
                return False

        bench.wait("there is a place again", answered)


if __name__ == "__main__":
    unittest.main()
