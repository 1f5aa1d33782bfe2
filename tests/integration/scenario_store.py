#!/usr/bin/env python3
"""What the hub mirrors outlives it: killed at any moment it begins again with what it had, stale, and asks for what has changed."""

import json
import random
import re
import signal
import sqlite3
import subprocess
import time
import unittest
import urllib.request

from bench import BIN, free_port
from faults import Churn
from fleet import PLURALS, Cluster, bare, collection
from fleet_hub import KUBECTL, FleetCase
from history import History
from widgets import DEFINITIONS, RED, WIDGET, WIDGETS

CONFIGMAPS = PLURALS["ConfigMap"]
CLUSTERS = "/apis/fleet.transport-informer.io/v1alpha1/clusters"


class Keeping(FleetCase):
    """A fleet whose hub has a file."""

    providing = ("--heartbeat", "1s")

    def setUp(self):
        self.metrics = free_port()
        super().setUp()
        self.file = self.bench.directory / "state" / "fleet.db"

    def start_hub(self, *arguments):
        return super().start_hub("--metrics", f"127.0.0.1:{self.metrics}", *arguments)

    def alone(self):
        """A hub that hears nobody: what it serves is what the file has."""
        heard, self.port = self.port, free_port()
        hub = self.start_hub()
        self.port = heard
        return hub

    def fails(self):
        """Exit code and last words of a hub that cannot start."""
        hub = self.bench.program("hub", "--broker", f"tcp://127.0.0.1:{self.port}", "--store", f"sqlite:{self.file}",
                                 label=f"hub-{len(self.bench.processes)}")
        return hub.wait(), hub.log()

    def command(self, *words):
        done = subprocess.run([BIN / "hub", "store", *words], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def edit(self, sql):
        with sqlite3.connect(self.file) as database:
            rows = database.execute(sql).fetchall()
        database.close()
        return rows

    def check(self):
        return self.command("check", self.file)

    # ---- asking ----

    def counter(self, name, labels=""):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = re.search(rf"^transport_informer_{name}_total{re.escape(labels)} (\d+)$", text, re.M)
        return int(found.group(1)) if found else 0

    def syncs(self, answer):
        return self.counter("informer_sync_answers", f'{{answer="{answer}"}}')

    def ours(self, name):
        """{key: ConfigMap} as the hub has them of a cluster, less what it adds."""
        _, _, answer = self.get(f"/clusters/{name}{collection(CONFIGMAPS)}")
        found = {}
        for item in answer.get("items", []):
            item = bare({"kind": "ConfigMap", "apiVersion": "v1", **item})
            annotations = item["metadata"]["annotations"]
            item["metadata"]["resourceVersion"] = annotations.pop("cluster.transport-informer/resource-version")
            annotations.pop("cluster.transport-informer/name")
            annotations.pop("cluster.transport-informer/stale-since", None)
            if not annotations:
                del item["metadata"]["annotations"]
            found[item["metadata"]["namespace"], item["metadata"]["name"]] = item
        return found

    def figures(self):
        """{cluster: how many objects the hub says that it has}"""
        items = self.items(CLUSTERS)
        return {item["metadata"]["name"]: item["status"]["objects"] for item in items}

    def await_same(self):
        for name, cluster in self.clusters.items():
            self.bench.wait(f"the hub has what {name} has", lambda cluster=cluster, name=name:
                            self.ours(name) == cluster.state(CONFIGMAPS))

    def await_fresh(self):
        self.bench.wait("all is up to date", lambda: all(self.fresh(name) for name in self.clusters))

    def fresh(self, name):
        status, headers, _ = self.get(f"/clusters/{name}{collection(CONFIGMAPS)}")
        return status == 200 and not headers["Warning"]

    def await_durable(self):
        """All that the hub has at this moment is on the disk."""
        changes = self.counter("store_changes")
        self.bench.wait("it is durable", lambda: self.counter("store_durable_changes") >= changes)

    def filled(self):
        """A fleet that is mirrored and durable; what the hub has of it."""
        self.clusters["cluster1"].create("ConfigMap", "one", data={"a": "1"})
        self.await_same()
        self.await_fresh()
        self.await_durable()
        return {name: self.ours(name) for name in self.clusters}


class Custom(Keeping):
    providing = ("--heartbeat", "1s", "--resource", "*")

    def prepare(self):
        self.clusters["cluster1"].request("POST", DEFINITIONS, WIDGET)
        self.clusters["cluster1"].request("POST", WIDGETS, RED)

    @unittest.skipUnless(KUBECTL, "SKIPPED: there is no kubectl on the PATH")
    def test_what_a_silent_cluster_calls_its_resources_is_kept(self):
        self.bench.wait("they are mirrored", lambda: self.items("/apis/example.com/v1/widgets"))
        self.await_synced()
        discovered = self.get("/apis/example.com/v1")[2]
        self.await_durable()
        self.hub.stop(signal.SIGKILL)
        self.alone()
        self.assertEqual(self.get("/apis/example.com/v1")[2], discovered)
        for name in ("wd", "widget", "gadgets", "Widget"):
            self.assertRegex(self.kubectl("get", name, "-A"), r"NAMESPACE +CLUSTER +NAME +COLOR +READY\ndefault +cluster1 +one +red +True\n", name)

    def test_a_cluster_is_as_old_as_it_was(self):
        self.await_synced()
        self.await_durable()
        since = {item["metadata"]["name"]: item["metadata"]["creationTimestamp"] for item in self.items(CLUSTERS)}
        self.hub.stop(signal.SIGKILL)
        self.assertEqual({name: time.strftime("%FT%TZ", time.gmtime(since_s)) for name, since_s in self.edit(
            "SELECT DISTINCT cluster,since_s FROM stream")}, since)
        self.edit("UPDATE stream SET since_s=1000000000,current=0,heard_s=1234567890")
        for start in (self.alone, self.start_hub):
            hub = start()
            for item in self.items(CLUSTERS):
                self.assertEqual(item["metadata"]["creationTimestamp"], "2001-09-09T01:46:40Z")
                if start == self.alone:
                    self.assertEqual([each["lastTransitionTime"] for each in item["status"]["conditions"]], ["2009-02-13T23:31:30Z"] * 2)
                    self.assertEqual(item["status"]["heard"], "2009-02-13T23:31:30Z")
            hub.stop()


class Store(Keeping):
    # ---- what is kept ----

    def test_a_killed_hub_begins_with_what_it_had(self):
        for number in range(200):  # more than is read in one turn
            self.clusters["cluster1"].create("ConfigMap", f"many-{number}", data={"a": "x" * 4000})
        had = self.filled()
        self.bench.wait("objects are counted", lambda: all(self.figures().get(name, 0) >= len(had[name]) for name in had))
        figures = self.figures()
        version = self.get("/api/v1/configmaps")[2]["metadata"]["resourceVersion"]
        self.hub.stop(signal.SIGKILL)
        self.alone()
        _, headers, answer = self.get("/api/v1/configmaps")
        self.assertEqual(self.figures(), figures)
        self.assertEqual({name: self.ours(name) for name in self.clusters}, had)
        self.assertRegex(headers["Warning"], r"not up to date: cluster1 \(last heard 20.*cluster2 \(last heard 20")
        for item in answer["items"]:
            self.assertRegex(item["metadata"]["annotations"]["cluster.transport-informer/stale-since"], "^20")
            self.assertGreater(int(item["metadata"]["resourceVersion"]), int(version))
        self.assertEqual(self.condition("cluster1", "Connected"), "False")
        if KUBECTL:
            self.assertRegex(self.kubectl("get", "cm", "--field-selector", "metadata.name=one"), r"(?s)cluster1 +one +1 .*Warning: not up to date: cluster1")
        _, _, event = self.get(f"/api/v1/configmaps?watch=1&timeoutSeconds=1&resourceVersion={version}")
        self.assertEqual((event["type"], event["object"]["code"]), ("ERROR", 410))
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)

    def test_what_is_unchanged_is_not_sent_again(self):
        self.filled()
        for kind in (signal.SIGKILL, signal.SIGTERM):
            self.hub.stop(kind)
            self.hub = self.start_hub()
            self.await_synced()
            self.assertEqual(self.syncs("snapshot"), 0)
            self.assertEqual(self.syncs("repair"), 0)
            self.assertGreater(self.syncs("equal"), 0)
            self.assertIsNone(self.get("/api/v1/configmaps")[1]["Warning"])
            self.await_durable()

    def test_what_happened_meanwhile_is_made_good(self):
        self.clusters["cluster2"].create("ConfigMap", "goes")
        self.filled()
        self.hub.stop(signal.SIGKILL)
        self.clusters["cluster1"].create("ConfigMap", "two")
        self.clusters["cluster1"].patch("ConfigMap", "one", {"data": {"a": "2"}})
        self.clusters["cluster2"].delete("ConfigMap", "goes")
        self.hub = self.start_hub()
        self.await_fresh()
        self.await_same()
        self.await_durable()
        had = {name: self.ours(name) for name in self.clusters}
        self.hub.stop(signal.SIGKILL)
        self.alone()
        self.assertEqual({name: self.ours(name) for name in self.clusters}, had)

    def test_another_cluster_of_the_name_inherits_nothing(self):
        self.filled()
        self.hub.stop(signal.SIGKILL)
        self.providers["cluster1"].stop(signal.SIGKILL)
        self.clusters["cluster1"].process.stop(signal.SIGKILL)
        self.clusters["cluster1"].kubeconfig.unlink()
        self.clusters["cluster1"] = Cluster(self.bench, "cluster1", "--nodes", "1")
        self.hub = self.start_hub()
        self.bench.wait("it begins with the one that was", lambda: ("default", "one") in self.ours("cluster1"))
        self.providers["cluster1"] = self.provider("cluster1")
        self.bench.wait("it has the other one", lambda: ("default", "one") not in self.ours("cluster1"))
        self.await_fresh()
        self.await_same()
        self.assertIn("is another cluster now", self.hub.log())

    def test_a_cluster_that_will_not_come_back_is_forgotten(self):
        had = self.filled()
        self.assertEqual(self.command("forget", self.file, "cluster1")[0], 75)
        self.hub.stop(signal.SIGKILL)
        self.assertEqual(self.command("forget", self.file, "cluster9")[0], 65)
        self.assertIn("forgot cluster1, with", self.command("forget", self.file, "cluster1")[1])
        self.assertEqual(self.check()[0], 0)
        self.alone()
        self.assertEqual({name: self.ours(name) for name in self.clusters}, {**had, "cluster1": {}})
        self.assertEqual(self.command("check")[0], 64)

    # ---- killed under churn ----

    def place(self, history, item):
        """Which of its object's versions it is; None: it never was like that."""
        place = CONFIGMAPS, item["metadata"]["uid"]
        with history.lock:
            versions = [json.loads(version) for version in history.versions.get(place, [])]
        return versions.index(item) if item in versions else None

    def faults(self, history, floor, served):
        """What is wrong in what a hub serves that had reported `floor` as durable."""
        for key, item in served.items():
            if self.place(history, item) is None:
                yield f"{key} never was like that"
        for key, item in floor.items():
            now = served.get(key)
            if now and now["metadata"]["uid"] == item["metadata"]["uid"]:
                if self.place(history, now) < self.place(history, item):
                    yield f"{key} is older than what was durable"
            elif not history.was_deleted((CONFIGMAPS, item["metadata"]["uid"])):
                yield f"{key} is gone"

    def test_killed_at_any_moment_nothing_durable_is_lost(self):
        dice = random.Random(7)
        histories = {name: History(cluster) for name, cluster in self.clusters.items()}
        churns = [Churn(cluster, seed) for seed, cluster in enumerate(self.clusters.values())]
        for _ in range(4):
            self.await_fresh()
            written = self.counter("store_written_objects")
            self.bench.wait("what changes is written", lambda written=written: self.counter("store_written_objects") >= written + 50)
            floor = {name: self.ours(name) for name in self.clusters}
            self.await_durable()
            goal = self.counter("store_changes") + dice.randrange(100)
            self.bench.wait("more has changed", lambda goal=goal: self.counter("store_changes") >= goal)
            self.hub.stop(signal.SIGKILL)
            self.assertEqual(self.check()[0], 0, self.check()[1])
            alone = self.alone()
            for name, history in histories.items():
                self.assertEqual(list(self.faults(history, floor[name], self.ours(name))) + history.faults, [])
            alone.stop(dice.choice([signal.SIGKILL, signal.SIGTERM]))
            self.hub = self.start_hub()
        for churn in churns:
            churn.stop()
        self.await_same()
        for history in histories.values():
            history.stopped = True

    # ---- what goes wrong ----

    def test_an_object_that_has_rotted_is_sent_again(self):
        had = self.filled()
        self.hub.stop()
        self.edit("""UPDATE object SET bytes=replace(bytes,'"a":"1"','"a":"7"') WHERE key='default/one'""")
        code, text = self.check()
        self.assertEqual(code, 65)
        self.assertIn("cluster1 configmaps default/one: is not what was written", text)
        alone = self.alone()
        self.assertNotIn(("default", "one"), self.ours("cluster1"))
        self.assertIn("1 objects are left out", alone.log())
        alone.stop()
        self.hub = self.start_hub()
        self.await_fresh()
        self.assertEqual(self.ours("cluster1"), had["cluster1"])
        self.assertEqual(self.syncs("snapshot") + self.syncs("repair"), 1)
        self.hub.stop()
        self.assertEqual(self.check()[0], 0)

    def test_a_file_that_cannot_be_used_is_told_and_left_alone(self):
        self.filled()
        self.assertEqual(self.check()[0], 75)
        code, text = self.fails()
        self.assertEqual(code, 75)
        self.assertIn("another process has it open", text)
        self.hub.stop()
        self.edit("PRAGMA user_version=99")
        before = self.file.read_bytes()
        code, text = self.fails()
        self.assertEqual(code, 78)
        self.assertIn("written by a later version", text)
        self.assertEqual(self.file.read_bytes(), before)

    def test_a_damaged_file_is_put_aside(self):
        self.filled()
        self.hub.stop()
        before = self.file.read_bytes()
        for damaged in (before[:100] + bytes(len(before) - 100), b"no database" * 1000):
            self.file.write_bytes(damaged)
            self.assertEqual(self.check()[0], 65)
            self.hub = self.start_hub()
            self.assertEqual(self.counter("store_damaged_files"), 1)
            aside = next(self.file.parent.glob("fleet.db.damaged-*Z"))  # and not what SQLite puts beside it
            self.assertIn(aside.name, self.hub.log())
            self.assertEqual(aside.read_bytes(), damaged)
            aside.unlink()
            self.await_fresh()
            self.await_same()
            self.await_durable()
            self.hub.stop()
            self.assertEqual(self.check()[0], 0)


if __name__ == "__main__":
    unittest.main()
