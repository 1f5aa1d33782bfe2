#!/usr/bin/env python3
"""A process stands still under churn, past its keepalive, and goes on: a machine that was suspended, a disk that hung. What it
was to say is told to be stale meanwhile, and everything is right again soon after. While an informer stands still the broker's
queue for it overflows, and what was dropped is found to be missing and fetched."""

import re
import unittest

from faults import Fleet

DROPPED = re.compile(r"Outgoing messages are being dropped for client ti-viewer-\w+")


class Stop(unittest.TestCase):
    def fleet(self, *lines, **options):
        fleet = self.enterContext(Fleet(*lines, heartbeat="1s", **options))
        fleet.wait_right()
        return fleet

    def stop_under_churn(self, fleet, name, until):
        """Until what has been told of it, or by it, says so; then it goes on."""
        churns = fleet.churn()
        fleet.wait_changes(churns)
        with fleet.stopped(name):
            fleet.wait(f"{name} is missed", until, 40)
            fleet.wait_changes(churns)
        fleet.wait_changes(churns)
        for churn in churns:
            churn.stop()
        fleet.wait_right()

    def stale(self, fleet, cluster, since):
        return any(event["type"] == "STALE" and event["cluster"] == cluster for event in fleet.view.read().events[since:])

    def timed_out(self, fleet, client):
        return re.search(rf"Client ti-{client}-\w+ has exceeded timeout", fleet.mosquitto.log())

    def test_stopped_in_turn(self):
        fleet = self.fleet(options=("--keepalive", "5s"))
        seen = len(fleet.view.read().events)
        with self.subTest("provider"):
            self.stop_under_churn(fleet, "provider", lambda: self.stale(fleet, "cluster1", seen) and self.timed_out(fleet, "cluster1"))
        with self.subTest("informer"):
            self.stop_under_churn(fleet, "informer", lambda: self.timed_out(fleet, "viewer"))
        with self.subTest("broker"):
            seen = len(fleet.view.read().events)
            self.stop_under_churn(fleet, "mosquitto", lambda: all(self.stale(fleet, cluster.name, seen) for cluster in fleet.clusters))

    def overflow(self, *lines):
        fleet = self.fleet(*lines)
        before = fleet.counters("informer")
        self.stop_under_churn(fleet, "informer", lambda: DROPPED.search(fleet.mosquitto.log()))
        after = fleet.counters("informer")
        self.assertGreater(after["informer.gaps"], before["informer.gaps"])
        # Each stream lost something, and an answer may be dropped as well, while the queue is full still.
        self.assertLessEqual(after["informer.syncs"] - before["informer.syncs"], 2 * len(fleet.view.synced))

    def test_a_small_queue_overflows(self):
        self.overflow("max_queued_messages 20")

    def test_a_queue_of_1000_overflows(self):
        self.overflow()


if __name__ == "__main__":
    unittest.main()
