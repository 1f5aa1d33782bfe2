#!/usr/bin/env python3
"""Many clients that ask for a long list and never read it: each costs a buffer and no copy of the list, and who reads gets his."""

import re
import socket
import unittest
import urllib.request

from bench import Bench

PODS = 4000
CLIENTS = 200
EACH_BYTES = 256 << 10  # memory of the server for one of them
PATH = "/api/v1/pods"


class NoReader(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        kubeconfig = self.bench.directory / "kubeconfig"
        self.process = self.bench.program("minicluster", "--pods", PODS, "--kubeconfig-out", kubeconfig)
        self.bench.wait("its pods are there, as its kubeconfig says", kubeconfig.exists, seconds=120)
        self.port = int(re.search(r"server:.*:(\d+)", kubeconfig.read_text(encoding="utf-8")).group(1))

    def items(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{PATH}", timeout=60) as answer:
            return answer.read().partition(b'"items"')[2]

    def all_there(self):
        items = self.items()
        return items.count(b'"creationTimestamp"') == PODS and items

    def ask(self):
        """Its answer has begun, and what fits on the way is there."""
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(20)
        client.connect(("127.0.0.1", self.port))
        client.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        client.recv(1, socket.MSG_PEEK)

    def test_each_costs_a_buffer(self):
        whole = self.bench.wait("its pods are there", self.all_there)
        self.assertGreater(len(whole), 10 * EACH_BYTES)
        before = self.process.resident_bytes()
        for _ in range(CLIENTS):
            self.ask()
        self.assertTrue(self.items() == whole)
        if not self.process.sanitized():
            self.assertLess((self.process.resident_bytes() - before) / CLIENTS, EACH_BYTES)


if __name__ == "__main__":
    unittest.main()
