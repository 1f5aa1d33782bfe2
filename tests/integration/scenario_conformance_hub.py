#!/usr/bin/env python3
"""A hub answers what only reads at /clusters/NAME as that cluster does, but for what is known to differ (tests/conformance)."""

import sys
import unittest

from bench import ROOT, Bench, free_port
from fleet import Cluster

sys.path.insert(0, str(ROOT / "tests" / "conformance"))
import known_hub  # pylint: disable=wrong-import-position
import suite  # pylint: disable=wrong-import-position
import through_hub  # pylint: disable=wrong-import-position


class ConformanceOfAHub(unittest.TestCase):
    def test_answers_are_those_of_the_cluster(self):
        bench = self.enterContext(Bench())
        broker, port = bench.broker(), free_port()
        cluster = Cluster(bench, "cluster1", "--no-controllers", "--nodes", "0")
        bench.program("provider", "--broker", f"tcp://127.0.0.1:{broker}", "--cluster", "cluster1", "--always", "--resource", "*",
                      "--kubeconfig", cluster.kubeconfig)
        hub = bench.program("hub", "--broker", f"tcp://127.0.0.1:{broker}", "--read-only-http", f"127.0.0.1:{port}",
                            "--state-dir", bench.directory / "state")
        wires = suite.Wire(int(cluster.url.rpartition(":")[2])), suite.Wire(port)
        bench.wait("the hub has it all", lambda: "to read" in hub.log() and wires[1].exists("/clusters/cluster1/apis/apps/v1/deployments"))
        passed, faults = through_hub.ThroughHub(*wires, "cluster1").compare(known_hub.KNOWN)
        self.assertEqual(faults, [], "\n".join(faults))
        self.assertGreater(passed, 150)


if __name__ == "__main__":
    unittest.main()
