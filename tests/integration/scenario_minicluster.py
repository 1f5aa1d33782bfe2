#!/usr/bin/env python3
"""minicluster acts on workloads, unless it is told to keep them only."""

import unittest

from bench import Bench
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


if __name__ == "__main__":
    unittest.main()
