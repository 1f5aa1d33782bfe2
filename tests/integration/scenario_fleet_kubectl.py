#!/usr/bin/env python3
"""kubectl's other verbs before a fleet, on its root and on one cluster: custom resources as their definitions have them, describe,
wait, rollout status, get -w, api-resources and explain."""

import json
import unittest

import fleet_hub

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
WIDGET = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.example.com"},
          "spec": {"group": "example.com", "scope": "Namespaced",
                   "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "shortNames": ["wd"], "categories": ["gadgets"]},
                   "versions": [{"name": "v1", "served": True, "storage": True, "additionalPrinterColumns": [
                       {"name": "Color", "type": "string", "jsonPath": ".spec.color"},
                       {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
                       {"name": "Size", "type": "integer", "jsonPath": ".spec.size", "priority": 1}]}]}}
RED = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"}, "spec": {"color": "red", "size": 4},
       "status": {"conditions": [{"type": "Synced", "status": "False"}, {"type": "Ready", "status": "True"}]}}


@unittest.skipUnless(fleet_hub.KUBECTL, "SKIPPED: there is no kubectl on the PATH")
class Verbs(fleet_hub.FleetCase):
    providing = ("--resource", "*")

    def prepare(self):
        for cluster in self.clusters.values():
            cluster.request("POST", DEFINITIONS, WIDGET)
            cluster.request("POST", WIDGETS, RED)

    def of(self, cluster, *arguments, code=0):
        return self.kubectl(*arguments, "--server", f"https://127.0.0.1:{self.https}/clusters/{cluster}", code=code)

    def test_custom_resources_are_as_their_definitions_have_them(self):
        self.bench.wait("both are mirrored", lambda: len(self.items("/apis/example.com/v1/widgets")) == 2)
        self.assertRegex(self.kubectl("get", "widgets.example.com"),
                         r"CLUSTER +NAME +COLOR +READY\ncluster1 +one +red +True\ncluster2 +one +red +True\n")
        self.assertRegex(self.kubectl("get", "widgets.example.com", "-o", "wide"), r"COLOR +READY +SIZE\ncluster1 +one +red +True +4\n")
        self.assertRegex(self.of("cluster2", "get", "widgets.example.com"), r"^NAME +COLOR +READY\none +red +True\n$")

    def test_names_are_those_of_the_clusters(self):
        self.bench.wait("both are mirrored", lambda: len(self.items("/apis/example.com/v1/widgets")) == 2)
        self.assertRegex(self.kubectl("api-resources", "--api-group", "example.com"), r"widgets +wd +example.com/v1 +true +Widget")
        for ask in (self.kubectl, lambda *arguments: self.of("cluster1", *arguments)):
            for name in ("wd", "widget", "gadgets", "widgets", "Widget"):
                self.assertRegex(ask("get", name, "-A"), r"default +(cluster1 +)?one +red", name)
        names = {**WIDGET["spec"]["names"], "shortNames": ["gw"]}
        self.clusters["cluster1"].request("PATCH", f"{DEFINITIONS}/widgets.example.com", {"spec": {"names": names}},
                                          "application/merge-patch+json")
        self.providers["cluster1"].stop()
        self.provider("cluster1", *self.providing)
        self.bench.wait("what it is called now", lambda: '"shortNames":["gw"]' in json.dumps(
            self.get("/apis/example.com/v1")[2], separators=(",", ":")))


if __name__ == "__main__":
    unittest.main()
