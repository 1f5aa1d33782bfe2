#!/usr/bin/env python3
"""minicluster from the outside: kubectl works against it as against the real thing, deployments come to life on its pretended
nodes, and clients that misbehave cost it little."""

import http.client
import json
import pathlib
import socket
import subprocess
import time
import unittest

from bench import BIN, ROOT
from minicluster_case import KUBECTL, MiniclusterCase

USAGE, UNAVAILABLE, CANTCREAT = 64, 69, 73

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "nginx:%d"}]}
"""


class Minicluster(MiniclusterCase):
    def start(self, *arguments):
        process = super().start(*arguments)
        server = next(line.split()[1] for line in self.kubeconfig.read_text().splitlines() if "server:" in line)
        self.port = int(server.rsplit(":", 1)[1])
        return process

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text

    def watch(self, path):
        """A connection that has asked for a watch, and reads nothing."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.addCleanup(connection.close)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
        return connection

    def open_files(self, process):
        return len(list(pathlib.Path(f"/proc/{process.child.pid}/fd").iterdir()))


class Program(Minicluster):
    def test_starts_says_where_and_ends_when_asked(self):
        process = self.start()
        self.assertRegex(process.out(), r"^minicluster minicluster: serving http://127\.0\.0\.1:\d+, kubeconfig .*\n$")
        self.assertEqual(self.request("GET", "/readyz"), (200, b"ok"))
        self.assertEqual(process.stop(), 0)

    def test_refuses_in_one_line(self):
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for code, part, arguments in [(USAGE, "--nonsense", ["--nonsense"]), (USAGE, "--nodes", ["--nodes", "many"]),
                                      (UNAVAILABLE, str(port), ["--listen", f"127.0.0.1:{port}"]),
                                      (CANTCREAT, "/nowhere/at/all", ["--kubeconfig-out", "/nowhere/at/all"])]:
            with self.subTest(arguments=arguments):
                done = subprocess.run([str(BIN / "minicluster"), *arguments], capture_output=True, text=True, timeout=20,
                                      check=False)
                self.assertEqual(done.returncode, code)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertIn(part, done.stderr)
        taken.close()

    def test_load_is_there_and_moves(self):
        self.start("--pods", "150", "--nodes", "3", "--churn", "200")
        _, text = self.request("GET", "/api/v1/pods")
        pods = json.loads(text)
        self.assertGreater(len(pods["items"]), 140)
        self.assertTrue(all(len(json.dumps(pod)) > 2000 for pod in pods["items"]))
        version = pods["metadata"]["resourceVersion"]
        _, text = self.request("GET", f"/api/v1/pods?watch=1&timeoutSeconds=2&resourceVersion={version}")
        events = [json.loads(line) for line in text.splitlines()]
        self.assertGreater(len(events), 200)
        versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
        self.assertEqual(versions, sorted(set(versions)))


@unittest.skipUnless(KUBECTL, "SKIPPED: there is no kubectl on the PATH")
class Kubectl(Minicluster):
    def test_suite_that_the_real_server_passes(self):
        self.start()
        done = subprocess.run([str(ROOT / "tests" / "kube" / "kubectl_suite.sh"), str(self.kubeconfig)], capture_output=True,
                              text=True, timeout=170, check=False)
        self.assertEqual(done.returncode, 0, "\n".join(line for line in done.stdout.splitlines() if "FAIL" in line))

    def test_deployment_lives_on_pretended_nodes(self):
        self.start("--nodes", "2")
        self.kubectl("apply", "-f", "-", stdin=DEPLOYMENT % (2, 1))
        self.kubectl("rollout", "status", "deployment/web", "--timeout=20s")
        self.assertEqual(self.kubectl("get", "pods", "-o", "jsonpath={.items[*].status.phase}"), "Running Running")
        self.assertEqual(self.kubectl("describe", "pods").count("Successfully assigned default/web-"), 2)
        self.kubectl("apply", "-f", "-", stdin=DEPLOYMENT % (3, 2))
        self.kubectl("rollout", "status", "deployment/web", "--timeout=20s")
        images = "jsonpath={.items[*].spec.containers[0].image}"
        self.bench.wait("only the new pods are left", lambda: self.kubectl("get", "pods", "-o", images) == " ".join(["nginx:2"] * 3))
        self.kubectl("delete", "deployment", "web", "--cascade=foreground", "--timeout=20s")
        self.assertEqual(self.kubectl("get", "replicasets", "-o", "name"), "")
        self.bench.wait("its pods are gone", lambda: self.kubectl("get", "pods", "-o", "name") == "")

    def test_namespace_goes_with_all_that_is_in_it(self):
        self.start()
        self.kubectl("create", "namespace", "short")
        self.kubectl("-n", "short", "apply", "-f", "-", stdin=DEPLOYMENT % (2, 1))
        self.kubectl("-n", "short", "rollout", "status", "deployment/web", "--timeout=20s")
        self.kubectl("delete", "namespace", "short", "--timeout=20s")
        self.assertEqual(self.kubectl("get", "pods,deployments,configmaps", "-A", "-o", "name").count("web"), 0)

    def test_custom_resource_comes_and_goes(self):
        self.start()
        definition = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                      "metadata": {"name": "widgets.example.com"},
                      "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
                               "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                                   "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(definition))
        self.kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=5s")
        widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"big": 9007199254740993}}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(widget))
        self.assertIn('"big": 9007199254740993', self.kubectl("get", "widgets", "w", "-o", "json"))
        self.kubectl("delete", "crd", "widgets.example.com")
        self.assertEqual(self.request("GET", "/apis/example.com/v1/widgets")[0], 404)


class Clients(Minicluster):
    def test_reader_that_sleeps_costs_little(self):
        process = self.start("--pods", "200", "--churn", "2000")
        sleepers = [self.watch("/api/v1/pods?watch=1") for _ in range(20)]
        self.bench.wait("their answers have begun", lambda: all(s.recv(64, socket.MSG_PEEK) for s in sleepers))
        before = process.resident_bytes()
        version = json.loads(self.request("GET", "/api/v1/pods?limit=1")[1])["metadata"]["resourceVersion"]
        path = f"/api/v1/pods?watch=1&timeoutSeconds=2&resourceVersion={version}"
        self.bench.wait("much has happened", lambda: self.request("GET", path)[1].count(b"\n") > 2000, 60)
        # What happened meanwhile is kept once, not once for each of them.
        if not process.sanitized():
            self.assertLess(process.resident_bytes() - before, 80 << 20)

    def test_watches_of_the_dead_are_closed(self):
        process = self.start()
        before = self.open_files(process)
        watches = [self.watch("/api/v1/configmaps?watch=1&resourceVersion=4") for _ in range(50)]
        self.bench.wait("they are served", lambda: self.open_files(process) >= before + 50)
        for connection in watches:
            connection.close()
        self.bench.wait("they are closed", lambda: self.open_files(process) <= before + 1)

    def test_garbage_and_excess_are_refused(self):
        process = self.start()
        for text in [b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET " + b"/" * 70000]:
            connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
            connection.sendall(text)
            connection.close()
        kind = {"Content-Type": "application/json"}
        self.assertEqual(self.request("POST", "/api/v1/namespaces/default/configmaps", b"{", kind)[0], 400)
        self.assertEqual(self.request("POST", "/api/v1/namespaces/default/configmaps", b"{}",
                                      {"Content-Type": "application/x-www-form-urlencoded"})[0], 415)
        self.assertEqual(self.request("GET", "/api/v1/pods", headers={"Origin": "http://elsewhere.example"})[0], 403)
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(b"POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        self.assertIn(b" 413 ", connection.recv(1000))
        connection.close()
        self.assertEqual(self.request("GET", "/livez")[0], 200)
        self.assertTrue(process.running())

    def test_large_object_goes_in_and_out(self):
        self.start()
        value = "x" * (2 << 20)
        body = json.dumps({"metadata": {"name": "large"}, "data": {"value": value}})
        status, _ = self.request("POST", "/api/v1/namespaces/default/configmaps", body, {"Content-Type": "application/json"})
        self.assertEqual(status, 201)
        _, text = self.request("GET", "/api/v1/namespaces/default/configmaps/large")
        self.assertEqual(json.loads(text)["data"]["value"], value)

    def test_change_is_told_at_once(self):
        self.start()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", "/api/v1/configmaps?watch=1&resourceVersion=4&fieldSelector=metadata.name%3Dquick")
        stream = connection.getresponse()
        slowest = 0
        for number in range(60):
            method, path = ("PUT", "/quick") if number else ("POST", "")
            body = json.dumps({"metadata": {"name": "quick"}, "data": {"n": str(number)}})
            begun = time.monotonic()
            status, _ = self.request(method, f"/api/v1/namespaces/default/configmaps{path}", body,
                                     {"Content-Type": "application/json", "Connection": ("close", "keep-alive")[number % 2]})
            self.assertIn(status, (200, 201))
            event = json.loads(stream.readline())
            slowest = max(slowest, time.monotonic() - begun)
            self.assertEqual(event["object"]["data"]["n"], str(number))
        self.assertLess(slowest, 1)
        connection.close()


if __name__ == "__main__":
    unittest.main()
