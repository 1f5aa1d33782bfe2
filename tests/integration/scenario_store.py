#!/usr/bin/env python3
"""What the hub mirrors outlives it: killed at any moment it begins again with what it had, stale, and asks for what has changed."""

import json
import re
import signal
import unittest
import urllib.error
import urllib.request

from bench import Bench, free_port
from fleet import PLURALS, Cluster, bare, collection


class Store(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.port = self.bench.broker()
        self.clusters = {name: Cluster(self.bench, name, "--nodes", "1") for name in ("cluster1", "cluster2")}
        self.providers = {name: self.provider(name) for name in self.clusters}
        self.file, self.http = self.bench.directory / "fleet.db", free_port()
        self.hub = self.start_hub()

    def provider(self, name):
        return self.bench.program("provider", "--broker", f"tcp://127.0.0.1:{self.port}", "--cluster", name, "--always",
                                  "--kubeconfig", self.clusters[name].kubeconfig, label=f"provider-{name}-{len(self.bench.processes)}")

    def start_hub(self, *arguments, broker=None):
        hub = self.bench.program("hub", "--broker", f"tcp://127.0.0.1:{broker or self.port}", "--read-only-http", f"127.0.0.1:{self.http}",
                                 "--store", f"sqlite:{self.file}", *arguments, label=f"hub-{len(self.bench.processes)}")
        self.bench.wait("the hub serves", lambda: "to read" in hub.log())
        return hub

    def alone(self):
        """A hub that hears nobody: what it serves is what the file has."""
        return self.start_hub(broker=free_port())

    # ---- asking ----

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as answer:
            return answer.headers, json.load(answer)

    def ours(self, name, kind):
        """{key: object} as the hub has them of a cluster, less what it adds."""
        try:
            _, answer = self.get(f"/clusters/{name}{collection(PLURALS[kind])}")
        except urllib.error.HTTPError:
            return {}
        found = {}
        for item in answer["items"]:
            item = bare({"kind": kind, "apiVersion": answer["apiVersion"], **item})
            annotations = item["metadata"]["annotations"]
            item["metadata"]["resourceVersion"] = annotations.pop("cluster.transport-informer/resource-version")
            annotations.pop("cluster.transport-informer/name")
            annotations.pop("cluster.transport-informer/stale-since", None)
            if not annotations:
                del item["metadata"]["annotations"]
            found[item["metadata"].get("namespace", ""), item["metadata"]["name"]] = item
        return found

    def await_same(self, *kinds):
        for name, cluster in self.clusters.items():
            for kind in kinds:
                self.bench.wait(f"{kind} of {name} as it is there", lambda cluster=cluster, name=name, kind=kind:
                                self.ours(name, kind) == cluster.state(PLURALS[kind]))

    def counters(self, hub):
        """{part: {name: number}} as they are now."""
        before = hub.log().count("counters: ")
        hub.child.send_signal(signal.SIGUSR1)
        self.bench.wait("the counters", lambda: hub.log().count("counters: ") > before and hub.log().endswith("\n"))
        line = hub.log().split("counters: ")[-1].split("\n")[0]
        return {part: {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", rest)}
                for part, rest in re.findall(r"(\w+):((?: \w+=\d+)*)", line)}

    def await_durable(self, hub):
        """All that the hub has at this moment is on the disk."""
        changes = self.counters(hub)["store"]["changes"]
        self.bench.wait("it is durable", lambda: self.counters(hub)["store"].get("durable", 0) >= changes)

    # ---- what is shown ----

    def test_a_killed_hub_begins_with_what_it_had(self):
        self.clusters["cluster1"].create("ConfigMap", "one", data={"a": "1"})
        self.await_same("ConfigMap", "Namespace")
        self.await_durable(self.hub)
        version = self.get("/api/v1/configmaps")[1]["metadata"]["resourceVersion"]
        had = {name: self.ours(name, "ConfigMap") for name in self.clusters}
        self.hub.stop(signal.SIGKILL)
        self.alone()
        headers, answer = self.get("/api/v1/configmaps")
        self.assertEqual({name: self.ours(name, "ConfigMap") for name in self.clusters}, had)
        self.assertRegex(headers["Warning"], "not up to date: .*cluster1.*last heard 20")
        for item in answer["items"]:
            self.assertRegex(item["metadata"]["annotations"]["cluster.transport-informer/stale-since"], "^20")
            self.assertGreater(int(item["metadata"]["resourceVersion"]), int(version))


if __name__ == "__main__":
    unittest.main()
