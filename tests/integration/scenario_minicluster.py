#!/usr/bin/env python3
"""minicluster acts on workloads, unless it is told to keep them only; and it is many clusters, where that is asked for."""

import re
import socket
import subprocess
import unittest

from bench import BIN, Bench
from fleet import Cluster

REPLICASETS = ("apps", "v1", "replicasets")
DEPLOYMENT = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
              "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web"}]}}}


class Minicluster(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())

    def test_workloads_are_acted_on(self):
        cluster = Cluster(self.bench, "lively")
        cluster.create("Deployment", "web", spec=DEPLOYMENT)
        self.bench.wait("two pods run", lambda: cluster.get("Deployment", "web").get("status", {}).get("availableReplicas") == 2)
        self.assertEqual(len(cluster.state(REPLICASETS)), 1)

    def test_without_controllers_they_are_only_kept(self):
        cluster = Cluster(self.bench, "passive", "--no-controllers")
        cluster.create("Deployment", "web", spec=DEPLOYMENT)
        cluster.create("Namespace", "doomed")
        cluster.create("ConfigMap", "inside", "doomed")
        cluster.request("DELETE", "/api/v1/namespaces/doomed")
        self.bench.wait("the namespace is emptied all the same", lambda: not cluster.get("ConfigMap", "inside", "doomed"))
        self.assertEqual(cluster.state(REPLICASETS), {})
        self.assertNotIn("availableReplicas", cluster.get("Deployment", "web").get("status", {}))


def behind_a_free_one():
    """A socket that listens, where the port before its own is free."""
    while True:
        taken = socket.create_server(("127.0.0.1", 0))
        try:
            socket.create_server(("127.0.0.1", taken.getsockname()[1] - 1)).close()
            return taken
        except OSError:
            taken.close()


class Many(unittest.TestCase):
    """--clusters N"""

    def setUp(self):
        self.bench = self.enterContext(Bench())

    def start(self, count, *arguments):
        """{name of a context: its server's URL}, and the process."""
        first = Cluster(self.bench, "many", "--name", "c", "--clusters", str(count), *arguments)
        servers = re.findall(r"- name: (\S+)\n  cluster:\n    server: (\S+)", first.kubeconfig.read_text(encoding="utf-8"))
        return dict(servers), first

    def test_each_is_a_cluster_of_its_own(self):
        servers, first = self.start(3, "--nodes", "1", "--pods", "1")
        self.assertEqual(list(servers), ["c-1", "c-2", "c-3"])
        self.assertEqual(len(set(servers.values())), 3)
        self.assertEqual(first.url, servers["c-1"])
        clusters = {name: first.at(url) for name, url in servers.items()}
        clusters["c-2"].create("ConfigMap", "mine")
        self.assertEqual({name: bool(cluster.get("ConfigMap", "mine")) for name, cluster in clusters.items()},
                         {"c-1": False, "c-2": True, "c-3": False})
        for cluster in clusters.values():
            self.assertEqual(len(cluster.state(("", "v1", "nodes"))), 1)
            self.assertEqual(len(cluster.state(("", "v1", "pods"))), 1)
        self.assertEqual(first.process.out().splitlines(), [f"minicluster {name}: serving {url}, kubeconfig {first.kubeconfig}"
                                                            for name, url in servers.items()])
        self.assertEqual(first.process.stop(), 0)

    def test_two_hundred_small_ones_take_less_than_200_megabytes(self):
        servers, first = self.start(200, "--pods", "20")
        self.assertEqual(len(servers), 200)
        for url in servers.values():
            self.assertEqual(len(first.at(url).state(("", "v1", "pods"))), 20)
        if not first.process.sanitized():
            self.assertLess(first.process.resident_bytes(), 200 << 20)

    def test_ports_that_do_not_follow_are_refused(self):
        with behind_a_free_one() as taken:
            port = taken.getsockname()[1]
            for code, listen, words in [(64, "127.0.0.1:65535", "there are no 2 ports from 65535 on"),
                                        (69, f"127.0.0.1:{port - 1}", str(port))]:
                done = subprocess.run([str(BIN / "minicluster"), "--clusters", "2", "--listen", listen], capture_output=True, text=True,
                                      timeout=20, check=False)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
