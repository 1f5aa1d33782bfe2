#!/usr/bin/env python3
"""Every program tells how it does: counters move, what is not ready is named as long as it is not, and systemd hears of the
start, the state, the end, and that the loop still turns."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import unittest
import urllib.error
import urllib.request

from bench import BIN, ROOT, Bench, free_port
from exposition import Exposition
from fleet import PLURALS, Cluster

DOCUMENTED = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/metrics.md").read_text(encoding="utf-8"), re.M))


class Watched:
    """A program with --metrics, asked as Prometheus does."""

    def __init__(self, bench, process):
        self.process = process
        served = r"metrics: served on (http://\S+)"
        self.url = bench.wait(f"{process.name} serves its metrics", lambda: re.search(served, process.log())).group(1)

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        return Exposition(self.get("/metrics")[1])

    def value(self, name, **labels):
        return self.metrics().value("transport_informer_" + name, **labels)

    def total(self, name, **labels):
        return self.metrics().total("transport_informer_" + name, **labels)

    def ready(self):
        return self.get("/readyz")[0] == 200


class Metrics(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.port = self.bench.broker()

    def watch(self, program, *arguments, label=None, environment=None):
        if program != "minicluster":
            arguments = ("--broker", f"tcp://127.0.0.1:{self.port}", *arguments)
        return Watched(self.bench, self.bench.program(program, *arguments, "--metrics", "127.0.0.1:0", label=label,
                                                      environment=environment))

    def assert_process(self, watched):
        metrics = watched.metrics()
        self.assertLessEqual(set(metrics.types), DOCUMENTED)
        proc = pathlib.Path(f"/proc/{watched.process.child.pid}")
        resident = 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", (proc / "status").read_text(encoding="utf-8")).group(1))
        self.assertAlmostEqual(metrics.value("process_resident_memory_bytes"), resident, delta=resident / 4)
        descriptors = len(os.listdir(proc / "fd"))
        self.assertAlmostEqual(metrics.value("process_open_fds"), descriptors, delta=2)
        self.assertGreater(metrics.value("process_cpu_seconds_total"), 0)
        self.assertGreater(metrics.value("transport_informer_loop_longest_turn_seconds"), 0)
        self.assertEqual(metrics.total("transport_informer_build_info", program=watched.process.name), 1)

    def test_every_program_tells_of_its_process(self):
        cluster = Cluster(self.bench, "cluster1")
        at_cluster = "--cluster", "cluster1", "--kubeconfig", cluster.kubeconfig
        for program, arguments in [("provider", at_cluster), ("agent", at_cluster), ("informer", ()),
                                   ("hub", ("--state-dir", self.bench.directory / "state")), ("minicluster", ())]:
            with self.subTest(program):
                watched = self.watch(program, *arguments, label=program)
                self.assertEqual(watched.get("/healthz"), (200, "ok\n"))
                self.bench.wait(f"{program} is ready", watched.ready)
                self.assert_process(watched)
                self.assertEqual(watched.process.stop(), 0)

    def test_counters_move(self):
        cluster = Cluster(self.bench, "cluster1")
        provider = self.watch("provider", "--cluster", "cluster1", "--kubeconfig", cluster.kubeconfig)
        informer = self.watch("informer", "--resource", "configmaps")
        self.bench.wait("it is synced", lambda: informer.total("informer_sync_answers_total", answer="snapshot") == 1)
        before = provider.total("publisher_events_total"), informer.total("informer_events_total")
        bytes_before = provider.total("broker_sent_bytes_total"), informer.total("broker_received_bytes_total")
        for number in range(5):
            cluster.create("ConfigMap", f"new-{number}")
        self.bench.wait("changes are counted", lambda: informer.total("informer_events_total") == before[1] + 5)
        self.assertEqual(provider.total("publisher_events_total"), before[0] + 5)
        self.assertGreater(provider.total("broker_sent_bytes_total"), bytes_before[0])
        self.assertGreater(informer.total("broker_received_bytes_total"), bytes_before[1])
        self.assertEqual(provider.value("publisher_syncs_total", answer="snapshot"), 1)
        stream = {"cluster": "cluster1", "resource": "configmaps", "version": "v1"}
        self.assertEqual(provider.value("stream_objects", **stream), informer.value("replica_objects", **stream))
        self.assertEqual(informer.value("cluster_info", cluster="cluster1", kubernetes=cluster.request("GET", "/version")["gitVersion"],
                                        uid=cluster.state(PLURALS["Namespace"])["", "kube-system"]["metadata"]["uid"]), 1)

    def test_a_provider_waits_for_its_cluster(self):
        nowhere = self.bench.write("nowhere.yaml", (
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n"))
        provider = self.watch("provider", "--cluster", "cluster1", "--kubeconfig", nowhere)
        status, text = provider.get("/readyz?verbose")
        self.assertEqual(status, 503)
        self.assertIn("[+]started ok\n[-]cluster failed: it is not known yet which cluster this is\n", text)
        self.assertTrue(text.endswith("readyz check failed\n"))

    def test_a_hub_tells_of_all_clusters(self):
        names = ["cluster1", "cluster2", "cluster3"]
        clusters = [Cluster(self.bench, name) for name in names]
        source = Cluster(self.bench, "source", "--no-controllers")
        providers = [self.bench.program("provider", "--broker", f"tcp://127.0.0.1:{self.port}", "--cluster", cluster.name,
                                        "--heartbeat", "1s", "--kubeconfig", cluster.kubeconfig, label=f"provider-{cluster.name}")
                     for cluster in clusters]
        port = free_port()
        hub = self.watch("hub", "--kubeconfig", source.kubeconfig, "--state-dir", self.bench.directory / "state",
                         "--read-only-http", f"127.0.0.1:{port}")
        self.bench.wait("all are synced", lambda: hub.total("cluster_synced") == 3)
        self.bench.wait("it is ready", hub.ready)
        for check in ["broker-main", "broker-transfers", "broker-workloads", "clusters", "source"]:
            self.assertIn(f"[+]{check} ok\n", hub.get("/readyz")[1])
        with socket.create_connection(("127.0.0.1", port)):
            self.bench.wait("its client is counted", lambda: hub.value("apiserver_connections", listener="http") == 1)
        self.assertEqual(hub.value("apiserver_connections_total", listener="http"), 1)
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/pods", timeout=10).read()
        self.bench.wait("the request is counted", lambda: hub.value("apiserver_requests_total", **{"class": "2xx"}) == 1)
        providers[0].child.kill()
        self.bench.wait("one is silent", lambda: hub.value("cluster_connected", cluster="cluster1") == 0)
        self.assertEqual(hub.total("cluster_connected"), 2)
        self.assertEqual(hub.total("replica_synced", cluster="cluster1"), 0)
        self.assertTrue(hub.ready())  # its rows are served, as stale

    def test_ready_is_who_has_a_broker(self):
        informer = self.watch("informer")
        self.bench.wait("it is ready", informer.ready)
        self.assertEqual(informer.value("broker_connected", connection="main"), 1)
        self.bench.mosquitto.stop()
        self.bench.wait("it is not ready", lambda: not informer.ready())
        self.assertRegex(informer.get("/readyz")[1], r"(?m)^\[-\]broker-main failed: .*127\.0\.0\.1")
        self.assertEqual(informer.get("/healthz")[0], 200)
        self.assertEqual(informer.value("broker_connected", connection="main"), 0)
        self.bench.broker(port=self.port, name="mosquitto-again")
        self.bench.wait("it is ready again", informer.ready)
        self.assertEqual(informer.value("broker_connects_total", connection="main"), 2)

    def test_systemd_hears(self):
        path = self.bench.directory / "notify"
        heard = self.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        heard.bind(str(path))
        heard.setblocking(False)
        environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "200000"}
        informer = self.watch("informer", environment=environment)

        def comes(wanted):
            """In a datagram that has come since."""
            with contextlib.suppress(BlockingIOError):
                while True:
                    if any(re.fullmatch(wanted, line) for line in heard.recv(65536).decode().split("\n")):
                        return True
            return False

        def await_line(wanted):
            self.bench.wait(wanted, lambda: comes(wanted))

        await_line("READY=1")
        await_line("STATUS=ready")
        await_line("WATCHDOG=1")
        await_line("WATCHDOG=1")
        self.bench.mosquitto.stop()
        await_line("STATUS=not ready: broker-main: .*")
        informer.process.child.send_signal(signal.SIGTERM)
        await_line("STOPPING=1")
        self.assertEqual(informer.process.wait(), 0)

    def test_minicluster_counts_for_each_cluster(self):
        out = self.bench.directory / "several.yaml"
        watched = self.watch("minicluster", "--clusters", "70", "--name", "mini", "--kubeconfig-out", out)
        self.bench.wait("it is ready", watched.ready)
        url = re.search(r"minicluster mini-70: serving (http://[^\s,]+)", watched.process.out()).group(1)
        urllib.request.urlopen(url + "/api/v1/nodes", timeout=10).read()
        asked = {"cluster": "mini-70", "class": "4xx"}, {"cluster": "mini-69", "class": "4xx"}
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(url + "/api/v1/nothing", timeout=10)
        self.bench.wait("it is counted", lambda: watched.value("apiserver_requests_total", **asked[0]) == 1)
        self.assertEqual(watched.value("apiserver_requests_total", **asked[1]), 0)
        self.assertEqual(watched.value("apiserver_connections_total", cluster="mini-70"), 2)

    def test_an_address_that_is_taken_is_said(self):
        other = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        address = f"127.0.0.1:{other.getsockname()[1]}"
        ended = subprocess.run([BIN / "informer", "--metrics", address], capture_output=True, text=True, timeout=20)
        self.assertEqual(ended.returncode, os.EX_UNAVAILABLE)
        self.assertRegex(ended.stderr, "^informer: --metrics: listen on 127.0.0.1 port .*: choose another port")


if __name__ == "__main__":
    unittest.main()
