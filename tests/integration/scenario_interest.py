#!/usr/bin/env python3
"""What nobody follows is not watched; what is followed is told to be stale when it is; and what went while the provider was
away is told as deleted once the provider has found out that it is gone, or no longer shared."""

import json
import subprocess
import unittest

from bench import BIN, Bench
from fleet import PLURALS, Cluster, View

WIDGETS = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.example.com"},
           "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
                    "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                        "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PLURALS["Widget"] = ("example.com", "v1", "widgets")


class Interest(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.port = self.bench.broker()
        self.cluster = Cluster(self.bench, "cluster1")
        self.count = 0

    def start(self, program, *arguments):
        self.count += 1
        return self.bench.program(program, "--broker", f"tcp://127.0.0.1:{self.port}", *arguments, label=f"{program}-{self.count}")

    def provider(self, *arguments):
        return self.start("provider", "--cluster", "cluster1", "--kubeconfig", self.cluster.kubeconfig, *arguments)

    def informer(self, *arguments):
        view = View(self.start("informer", "-o", "json", *arguments))
        self.addCleanup(view.file.close)
        return view

    def told(self, view, kind):
        """What was said of how fresh a resource is, in order."""
        return [(event["type"], event["object"].get("reason")) for event in view.read().events
                if event["type"] in ("SYNCED", "STALE") and event["resource"] == PLURALS[kind][2]]

    def test_what_nobody_follows_is_not_watched(self):
        provider = self.provider()
        self.bench.wait("the provider is there", lambda: "connected" in provider.log())
        self.cluster.create("ConfigMap", "one")
        view = self.informer("--resource", "configmaps")
        self.bench.wait("what is followed is mirrored", lambda: view.equals(self.cluster, "ConfigMap"))
        self.assertIn("configmaps: wanted", provider.log())
        self.assertNotIn("pods: wanted", provider.log())
        once = subprocess.run([BIN / "informer", "--broker", f"tcp://127.0.0.1:{self.port}", "-o", "json", "--once", "--expect", "1",
                               "--resource", "namespaces"], capture_output=True, text=True, timeout=60, check=True)
        self.assertIn("kube-system", [json.loads(line)["object"].get("metadata", {}).get("name") for line in once.stdout.splitlines()])
        self.assertIn("namespaces: wanted", provider.log())

    def test_what_turns_stale_is_said(self):
        provider = self.provider()
        view = self.informer("--resource", "configmaps")
        self.bench.wait("it is fresh", lambda: self.told(view, "ConfigMap") == [("SYNCED", None)])
        provider.stop()
        self.bench.wait("it is stale", lambda: self.told(view, "ConfigMap")[1:] == [("STALE", "silent")])
        self.provider("--always")
        self.bench.wait("it is fresh again", lambda: self.told(view, "ConfigMap")[-1] == ("SYNCED", None))
        stale = [event["object"] for event in view.events if event["type"] == "STALE"][0]
        self.assertGreater(int(stale["resourceVersion"]), 0)
        self.assertGreaterEqual(stale["ageSeconds"], 0)
        self.assertEqual(view.faults, [])

    def test_what_went_while_the_provider_was_away(self):
        self.cluster.request("POST", DEFINITIONS, WIDGETS)
        self.bench.wait("widgets are served", lambda: self.cluster.get("Widget", "none") is None)
        self.cluster.create("Widget", "gone")
        self.cluster.create("ConfigMap", "revoked")
        provider = self.provider("--resource", "widgets.example.com,configmaps,namespaces")
        view = self.informer()
        self.bench.wait("all is mirrored", lambda: view.equals(self.cluster, "Widget", "ConfigMap", "Namespace"))
        provider.stop()
        self.cluster.request("DELETE", DEFINITIONS + "/widgets.example.com")
        self.provider("--resource", "widgets.example.com,namespaces")
        self.bench.wait("what is not shared any more is gone", lambda: not view.read().states["cluster1", PLURALS["ConfigMap"]], 40)
        self.bench.wait("what the cluster does not have any more is gone",
                        lambda: not view.read().states["cluster1", PLURALS["Widget"]], 60)
        self.assertTrue(view.equals(self.cluster, "Namespace"))
        self.assertEqual(view.faults, [])


if __name__ == "__main__":
    unittest.main()
