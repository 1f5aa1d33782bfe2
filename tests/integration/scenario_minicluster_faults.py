#!/usr/bin/env python3
"""minicluster's faults on demand, as a client meets them; and a provider that gets over each of them."""

import http.client
import json
import socket
import time
import unittest
from urllib.parse import urlsplit

from bench import Bench
from fleet import PLURALS, Cluster, View

FAULTS = "/minicluster/faults"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


class Faulty(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.cluster = Cluster(self.bench, "faulty")
        self.address = urlsplit(self.cluster.url).netloc

    def ask(self, method, path):
        """Status, headers and JSON; None where the connection was closed without an answer."""
        connection = http.client.HTTPConnection(self.address, timeout=20)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.headers, json.loads(answer.read())
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return None
        finally:
            connection.close()

    def fault(self, name, options=""):
        status, _, made = self.ask("POST", f"{FAULTS}/{name}?{options}")
        self.assertEqual((status, made["fault"]), (200, name), made)
        return made

    def standing(self):
        return self.ask("GET", FAULTS)[2]["faults"]

    def watch(self, path):
        """A watch from the state that there is; its events are lines."""
        version = self.ask("GET", path)[2]["metadata"]["resourceVersion"]
        connection = http.client.HTTPConnection(self.address, timeout=20)
        self.addCleanup(connection.close)
        connection.request("GET", f"{path}?watch=1&resourceVersion={version}")
        return connection.getresponse()


class Faults(Faulty):
    def test_error_is_the_answer_to_what_was_chosen_as_often_as_asked(self):
        self.fault("error", "code=429&retry-after=7&verb=list&resource=configmaps&times=2")
        self.assertEqual(self.ask("GET", "/api/v1/secrets")[0], 200)
        self.assertEqual(self.ask("GET", f"{CONFIGMAPS}/kube-root-ca.crt")[0], 200)
        for left in (1, 0):
            status, headers, body = self.ask("GET", CONFIGMAPS)
            self.assertEqual((status, headers["Retry-After"], body["reason"], body["details"]["retryAfterSeconds"]),
                             (429, "7", "TooManyRequests", 7))
            self.assertEqual([(fault["times"], fault["happened"]) for fault in self.standing()], [(1, 1)] if left else [])
        self.assertEqual(self.ask("GET", CONFIGMAPS)[0], 200)

    def test_dropped_request_gets_no_answer_until_the_fault_is_deleted(self):
        self.fault("drop", "resource=configmaps")
        self.fault("error", "resource=secrets")
        self.assertIsNone(self.ask("GET", CONFIGMAPS))
        self.ask("DELETE", f"{FAULTS}/drop")
        self.assertEqual(self.ask("GET", CONFIGMAPS)[0], 200)
        self.assertEqual(self.ask("GET", "/api/v1/secrets")[2]["reason"], "InternalError")
        self.assertEqual(self.ask("DELETE", FAULTS)[2], {"faults": []})
        self.assertEqual(self.ask("GET", "/api/v1/secrets")[0], 200)

    def test_slow_answer_comes_later_than_asked_and_is_whole(self):
        self.fault("slow", "resource=configmaps&delay-ms=300")
        begun = time.monotonic()
        self.assertEqual(self.ask("GET", CONFIGMAPS)[2]["kind"], "ConfigMapList")
        self.assertGreater(time.monotonic() - begun, 0.29)

    def test_client_that_does_not_wait_for_a_slow_answer_may_go(self):
        self.fault("slow", "resource=configmaps&delay-ms=3600000")
        with socket.create_connection(self.address.split(":"), timeout=20) as slow:
            slow.sendall(f"GET {CONFIGMAPS} HTTP/1.1\r\nHost: {self.address}\r\n\r\n".encode())
            self.bench.wait("it has arrived", lambda: self.standing()[0]["happened"])
            slow.setblocking(False)
            self.assertRaises(BlockingIOError, slow.recv, 1)
        self.assertEqual(self.fault("cut")["happened"], 1)
        self.assertEqual(self.cluster.process.stop(), 0)

    def test_stale_replica_shows_what_there_was_until_it_follows_again(self):
        stream = self.watch(CONFIGMAPS)
        self.fault("stale")
        self.cluster.create("ConfigMap", "news")
        for query, names in [("", ["kube-root-ca.crt", "news"]), ("?resourceVersion=0", ["kube-root-ca.crt"])]:
            items = self.ask("GET", CONFIGMAPS + query)[2]["items"]
            self.assertEqual([item["metadata"]["name"] for item in items], names)
        stream.fp.raw._sock.setblocking(False)
        self.assertIsNone(stream.fp.raw.read(1))
        stream.fp.raw._sock.settimeout(20)
        self.ask("DELETE", FAULTS)
        self.assertEqual(json.loads(stream.readline())["object"]["metadata"]["name"], "news")

    def test_watches_expire(self):
        old = self.cluster.create("ConfigMap", "before")["metadata"]["resourceVersion"]
        self.cluster.create("ConfigMap", "after")
        stream = self.watch(CONFIGMAPS)
        self.fault("expire")
        self.assertEqual([json.loads(line)["object"]["code"] for line in stream], [410])
        status, _, error = self.ask("GET", f"{CONFIGMAPS}?watch=1&resourceVersion={old}")
        self.assertEqual((status, error["type"], error["object"]["reason"]), (200, "ERROR", "Expired"))

    def test_watches_end_well_or_are_cut(self):
        stream = self.watch(CONFIGMAPS)
        self.fault("end")
        self.assertEqual(stream.read(), b"")
        stream, other = self.watch(CONFIGMAPS), self.watch("/api/v1/secrets")
        self.assertEqual(self.fault("cut", "verb=watch&resource=configmaps")["happened"], 1)
        self.assertRaises((http.client.IncompleteRead, ConnectionResetError), stream.read)
        self.cluster.create("Secret", "still-told")
        self.assertEqual(json.loads(other.readline())["object"]["metadata"]["name"], "still-told")

    def test_what_is_not_understood_is_refused_and_changes_nothing(self):
        for code, method, path in [(404, "POST", "/nonsense"), (405, "POST", ""), (405, "PUT", "/slow"), (400, "POST", "/slow?delay=1"),
                                   (400, "POST", "/error?code=200"), (400, "POST", "/error?code=600"), (400, "POST", "/drop?times=few"),
                                   (400, "POST", f"/drop?verb={'x' * 100}"), (405, "GET", "/slow")]:
            with self.subTest(path=path):
                status, _, body = self.ask(method, FAULTS + path)
                self.assertEqual(status, code, body)
        self.assertEqual(self.standing(), [])


class Client(Faulty):
    def test_provider_gets_over_all_of_them(self):
        broker = f"tcp://127.0.0.1:{self.bench.broker()}"
        self.bench.program("provider", "--broker", broker, "--cluster", "faulty", "--kubeconfig", self.cluster.kubeconfig)
        view = View(self.bench.program("informer", "--broker", broker, "-o", "json"))
        self.bench.wait("it has all", lambda: view.equals(self.cluster, "ConfigMap"))
        for number, (name, options) in enumerate([("expire", ""), ("cut", "verb=watch"), ("end", ""),
                                                  ("error", "code=429&retry-after=1&times=2"), ("drop", "times=2")]):
            with self.subTest(fault=name):
                self.fault(name, options)
                if self.standing():
                    self.fault("cut", "verb=watch")
                    self.bench.wait("the fault has happened", lambda: not self.standing(), 60)
                self.cluster.create("ConfigMap", f"new-{number}")
                self.bench.wait("the change has come", lambda: view.equals(self.cluster, "ConfigMap"), 60)
        self.assertEqual(view.faults, [])
        self.assertIn(("default", "new-4"), view.state("faulty", PLURALS["ConfigMap"]))


if __name__ == "__main__":
    unittest.main()
