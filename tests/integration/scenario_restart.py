#!/usr/bin/env python3
"""A provider is restarted beside objects that have not changed. That costs next to nothing on the wire, as a broker sees it, and
nothing is told of any object."""

import re
import subprocess
import unittest

from bench import Bench
from fleet import PLURALS, Cluster, View

PODS = 2000
# What the stream takes, both ways: the deltas and answers on its own topic, and what the informer asks of that provider.
STREAM = re.compile(r"ti/payload/cluster1/[^/]+/core/v1/pods|ti/signal/cluster1/viewer")
BYTES_MAX = 400  # a want, a sync, and an equal; of so few objects a repair that finds nothing is still less than 1 KB


class Restart(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.port, self.fences = self.bench.broker(), 0
        self.cluster = Cluster(self.bench, "cluster1", "--pods", PODS, "--no-controllers")
        self.spy = self.bench.start("spy", "stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", self.port, "-t", "#", "-F", "%t %l")
        self.fence()

    def say(self, topic):
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-m", "x"], check=True)

    def fence(self):
        """Once the spy has all that the broker had until now: where its output is then."""
        self.fences += 1
        topic = f"fence/{self.fences}"
        self.bench.wait("the spy has it", lambda: topic in self.spy.out() or self.say(topic))
        return len(self.spy.out())

    def stream(self, start, end):
        """[(topic, bytes of the topic and of the payload)] of the stream's messages in that part of the spy's output."""
        lines = (line.split(" ") for line in self.spy.out()[start:end].splitlines())
        return [(topic, len(topic) + int(size)) for topic, size in lines if STREAM.fullmatch(topic)]

    def provider(self, label):
        return self.bench.program("provider", "--broker", f"tcp://127.0.0.1:{self.port}", "--cluster", "cluster1", "--kubeconfig",
                                  self.cluster.kubeconfig, "--resource", "pods", label=label)

    def kinds(self, start):
        return [event["type"] for event in self.view.read().events[start:]]

    def size(self, start, end):
        return sum(size for _, size in self.stream(start, end))

    def restarted(self, provider, label, end):
        """By an end such as kill(); what was told since, once one change has come through behind it, and the stream's bytes."""
        told, begin = len(self.view.read().events), self.fence()
        end(provider)
        self.bench.wait("it is missed", lambda: "STALE" in self.kinds(told))
        again = self.provider(label)
        self.bench.wait("all is fresh again", lambda: "SYNCED" in self.kinds(told))
        finish = self.fence()
        name = self.cluster.request("GET", "/api/v1/pods?limit=1")["items"][0]["metadata"]
        self.cluster.patch("Pod", name["name"], {"metadata": {"labels": {"run": label}}}, name["namespace"])
        self.bench.wait("a change is told", lambda: self.view.equals(self.cluster, "Pod"))
        return again, self.kinds(told), self.stream(begin, finish)

    def test_beside_unchanged_objects(self):
        begin, provider = self.fence(), self.provider("provider-0")
        self.view = View(self.bench.program("informer", "--broker", f"tcp://127.0.0.1:{self.port}", "-o", "json", "--name", "viewer"))
        self.addCleanup(self.view.file.close)
        self.bench.wait("all pods are there", lambda: self.view.equals(self.cluster, "Pod"), 60)
        self.assertEqual(len(self.view.state("cluster1", PLURALS["Pod"])), PODS)
        self.assertGreater(self.size(begin, self.fence()), 50 * BYTES_MAX)  # the spy would see it
        for label, end in {"stopped": lambda process: process.stop(), "killed": lambda process: process.child.kill()}.items():
            with self.subTest(label):
                provider, kinds, messages = self.restarted(provider, label, end)
                self.assertEqual(kinds, ["STALE", "SYNCED", "MODIFIED"])
                self.assertGreater(len(messages), 0)
                self.assertLess(sum(size for _, size in messages), BYTES_MAX, messages)
        self.assertEqual(self.view.faults, [])


if __name__ == "__main__":
    unittest.main()
