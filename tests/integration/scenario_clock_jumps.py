#!/usr/bin/env python3
"""The wall clock of provider and informer jumps ten years ahead, then ten years back behind where it was, and nothing comes
of it: heartbeats keep their rhythm, changes flow, no connection is given up, nothing turns stale."""

import os
import signal
import struct
import time
import unittest

from bench import BIN, Bench
from fleet import Cluster, View

YEAR = 365 * 24 * 3600
BEAT = 1  # seconds


class ClockJumps(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.port = self.bench.broker("allow_anonymous true", "log_type all")
        self.cluster = Cluster(self.bench, "cluster1")
        self.clock = self.bench.write("wall-clock", "")
        self.jump(0)
        self.beats = self.bench.start("beats", "mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-t",
                                      "ti/payload/cluster1/all", "-F", "%p")
        self.provider = self.start("provider", "--cluster", "cluster1", "--kubeconfig", self.cluster.kubeconfig, "--heartbeat",
                                   f"{BEAT}s", "--encoding", "plain")
        self.informer = self.start("informer", "-o", "json")
        self.view = View(self.informer)
        self.addCleanup(self.view.file.close)

    def start(self, name, *arguments):
        """A program whose wall clock is ours to move; a sanitizer must not mind that something was loaded before it."""
        preload = {"LD_PRELOAD": str(BIN.parent / "lib/wall_clock.so"), "TI_WALL_CLOCK": str(self.clock),
                   "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        return self.bench.program(name, "--broker", f"tcp://127.0.0.1:{self.port}", *arguments, environment=preload)

    def jump(self, years):
        with open(self.clock, "r+b") as file:
            file.write(struct.pack("q", years * YEAR))

    def heard(self):
        return [line for line in self.beats.out().splitlines() if '"heartbeat"' in line]

    def wait_beats(self, count):
        goal = len(self.heard()) + count
        self.bench.wait(f"{count} more heartbeats", lambda: len(self.heard()) >= goal)

    def wait_years(self, part, years):
        """Until a part logs a line by the clock that was moved."""
        year = f"{time.gmtime(time.time() + years * YEAR).tm_year}-"
        part.child.send_signal(signal.SIGUSR1)
        self.bench.wait(f"{part.name} is in {year}", lambda: any(line.startswith(year) for line in part.log().splitlines()))

    def test_ten_years_ahead_and_ten_back(self):
        self.bench.wait("all is mirrored", lambda: self.view.equals(self.cluster, "ConfigMap", "Namespace"))
        self.wait_beats(1)
        begun, before, connects = time.monotonic(), len(self.heard()), self.connects()
        for years in (10, -10):
            with self.subTest(f"{years} years"):
                self.jump(years)
                self.wait_beats(3)
                self.wait_years(self.provider, years)
                self.wait_years(self.informer, years)
                self.cluster.create("ConfigMap", f"years{years}")
                self.bench.wait("the change is mirrored", lambda: self.view.equals(self.cluster, "ConfigMap"))
        # A machine that is busy makes them fewer for the time that passes, never more.
        self.assertLess(len(self.heard()) - before, (time.monotonic() - begun) / BEAT + 3, "heartbeats stormed")
        self.assert_undisturbed(connects)

    def connects(self):
        """Of all clients; a further one would be one that came again."""
        return self.bench.mosquitto.log().count("New client connected")

    def assert_undisturbed(self, connects):
        self.assertEqual(self.connects(), connects)
        self.assertEqual([event for event in self.view.read().events if event["type"] == "STALE"], [])
        self.assertEqual(self.view.faults, [])


if __name__ == "__main__":
    unittest.main()
