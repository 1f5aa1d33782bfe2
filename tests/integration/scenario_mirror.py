#!/usr/bin/env python3
"""Providers and an informer over a real broker: whatever comes first, goes, dies or returns, the informer's state becomes
that of each cluster, byte for byte less what is cut, and no event is one that cannot be."""

import json
import signal
import subprocess
import unittest

from bench import BIN, Bench
from fleet import Cluster, View


class Mirror(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.port = self.bench.broker()

    def common(self):
        return ["--broker", f"tcp://127.0.0.1:{self.port}", "--signal", "/signal", "--payload", "/payload"]

    def provider(self, cluster, *arguments, label=None):
        return self.bench.program("provider", *self.common(), "--client-id", "sourceId", "--cluster", cluster.name,
                                  "--kubeconfig", cluster.kubeconfig, *arguments, label=label or f"provider-{cluster.name}")

    def informer(self, *arguments, label="informer"):
        view = View(self.bench.program("informer", *self.common(), "--client-id", "controlplaneId", "-o", "json", *arguments,
                                       label=label))
        self.addCleanup(view.file.close)
        return view

    def wait_equal(self, view, *clusters, kinds=("ConfigMap", "Namespace"), seconds=30):
        for cluster in clusters:
            self.bench.wait(f"{cluster.name} is mirrored", lambda cluster=cluster: view.equals(cluster, *kinds), seconds)
        self.assertEqual(view.faults, [])

    def change(self, cluster, label):
        """One of each: an object that comes, one that changes, one that comes and goes."""
        cluster.create("ConfigMap", f"new-{label}", data={"text": "\u001b[2J\u2028\"\\ Zürich", "number": "12345678901234567890"})
        if not cluster.get("ConfigMap", "changed"):
            cluster.create("ConfigMap", "changed", data={"a": "b"})
        cluster.patch("ConfigMap", "changed", {"data": {"label": label}})
        cluster.create("ConfigMap", f"gone-{label}")
        cluster.delete("ConfigMap", f"gone-{label}")

    def test_either_side_may_start_first(self):
        for first in ["informer", "provider"]:
            with self.subTest(first):
                cluster = Cluster(self.bench, f"{first}-first")
                if first == "informer":
                    view = self.informer(label=f"informer-{first}")
                    provider = self.provider(cluster)
                else:
                    provider = self.provider(cluster)
                    self.bench.wait("the provider has begun", provider.log)
                    view = self.informer(label=f"informer-{first}")
                self.wait_equal(view, cluster)
                self.change(cluster, "live")
                self.wait_equal(view, cluster)
                self.assertEqual(view.get(cluster.name, "ConfigMap", "new-live"), cluster.get("ConfigMap", "new-live"))
                self.assertEqual(provider.stop(), 0)
                self.assertEqual(view.process.stop(), 0)

    def test_clusters_come_go_and_return(self):
        view = self.informer()
        clusters = [Cluster(self.bench, f"cluster{number}") for number in (1, 2, 3)]
        providers = [self.provider(cluster) for cluster in clusters]
        self.wait_equal(view, *clusters)
        for number, end in [(0, signal.SIGTERM), (1, signal.SIGKILL)]:
            cluster, provider = clusters[number], providers[number]
            self.change(cluster, "before")
            self.wait_equal(view, *clusters)
            provider.child.send_signal(end)
            provider.wait()
            self.change(cluster, "meanwhile")
            cluster.delete("ConfigMap", "new-before")
            self.change(clusters[2], f"others-{number}")
            self.wait_equal(view, clusters[2])
            providers[number] = self.provider(cluster, label=f"provider-{cluster.name}-again")
            self.wait_equal(view, *clusters)
            self.assertIsNone(view.get(cluster.name, "ConfigMap", "new-before"))
        self.assertTrue(view.process.running())

    def test_a_broker_may_forget_everything(self):
        view = self.informer()
        cluster = Cluster(self.bench, "cluster1")
        provider = self.provider(cluster)
        self.wait_equal(view, cluster)
        for end in [signal.SIGTERM, signal.SIGKILL]:
            self.bench.mosquitto.child.send_signal(end)
            self.bench.mosquitto.wait()
            self.change(cluster, f"away-{int(end)}")
            self.bench.broker(port=self.port, name=f"mosquitto-{int(end)}")
            self.wait_equal(view, cluster, seconds=60)
        self.assertTrue(provider.running() and view.process.running())

    def test_an_informer_may_die(self):
        cluster = Cluster(self.bench, "cluster1")
        self.provider(cluster)
        view = self.informer(label="informer-first")
        self.wait_equal(view, cluster)
        view.process.child.kill()
        view.process.wait()
        self.change(cluster, "meanwhile")
        self.wait_equal(self.informer(label="informer-second"), cluster)

    def once(self, *arguments):
        return subprocess.run([str(BIN / "informer"), *self.common(), "--once", *arguments], capture_output=True, text=True,
                              timeout=60, check=False)

    def test_once_prints_the_state_and_ends(self):
        clusters = [Cluster(self.bench, f"cluster{number}") for number in (1, 2)]
        for cluster in clusters:
            self.change(cluster, "x")
            self.provider(cluster)
        done = self.once("-o", "json", "--expect", "2", "--timeout", "30s")
        self.assertEqual(done.returncode, 0, done.stderr)
        events = [json.loads(line) for line in done.stdout.split("\n") if line]
        for cluster in clusters:
            names = {event["object"]["metadata"]["name"] for event in events
                     if event["cluster"] == cluster.name and event["resource"] == "configmaps" and event["type"] == "ADDED"}
            self.assertLessEqual({"new-x", "changed"}, names)
        quiet = self.once("--quiet", "1s", "--resource", "configmaps")
        self.assertEqual(quiet.returncode, 0, quiet.stderr)
        self.assertRegex(quiet.stdout, r"(?m)^EVENT +CLUSTER +NAMESPACE +NAME +DATA +AGE$")
        self.assertRegex(quiet.stdout, r"(?m)^ADDED +cluster2 +default +new-x +2 +\d+")
        late = self.once("--expect", "3", "--timeout", "2s")
        self.assertEqual(late.returncode, 75, late.stderr)
        self.assertIn("informer: ", late.stderr)

    def test_secrets_are_mirrored_only_when_named(self):
        one, two = Cluster(self.bench, "cluster1"), Cluster(self.bench, "cluster2")
        for cluster in (one, two):
            cluster.create("Secret", "password", data={"a": "Yg=="})
        self.provider(one)
        self.provider(two, "--resource", "secrets,configmaps")
        view = self.informer()
        self.wait_equal(view, one)
        self.wait_equal(view, two, kinds=("Secret", "ConfigMap"))
        self.assertEqual(view.state("cluster1", ("", "v1", "secrets")), {})

    def test_what_is_selected_and_cut(self):
        cluster = Cluster(self.bench, "cluster1")
        cluster.create("Namespace", "other")
        for namespace in ["default", "other"]:
            for app in ["web", "db"]:
                cluster.create("ConfigMap", app, namespace, data={"a": "b"}, metadata={"labels": {"app": app}})
        self.provider(cluster, "--resource", "configmaps", "--namespace", "other", "--selector", "app=web", "--drop-field", "data")
        view = self.informer()
        state = self.bench.wait("something is mirrored", lambda: view.state("cluster1", ("", "v1", "configmaps")))
        self.assertEqual(list(state), [("other", "web")])
        whole = cluster.get("ConfigMap", "web", "other")
        self.assertEqual(whole.pop("data"), {"a": "b"})
        self.assertEqual(state["other", "web"], whole)

    def test_a_large_object_passes(self):
        cluster = Cluster(self.bench, "cluster1")
        self.provider(cluster)
        view = self.informer()
        self.wait_equal(view, cluster)
        cluster.create("ConfigMap", "large", data={f"key-{number}": "x" * 100_000 for number in range(20)})
        self.wait_equal(view, cluster)
        self.assertGreater(len(json.dumps(view.get("cluster1", "ConfigMap", "large"))), 2_000_000)

    def test_two_providers_of_one_name_are_told(self):
        one, two = Cluster(self.bench, "cluster1"), Cluster(self.bench, "another")
        two.name = "cluster1"
        view = self.informer()
        self.provider(one, label="provider-one")
        self.wait_equal(view, one)
        second = self.provider(two, label="provider-two")
        self.bench.wait("the conflict is told", lambda: any("cluster1" in line and ("two" in line or "another" in line or
                                                                                   "conflict" in line) for line in
                                                            (view.process.log() + second.log()).splitlines()), 40)


if __name__ == "__main__":
    unittest.main()
