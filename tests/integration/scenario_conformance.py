#!/usr/bin/env python3
"""minicluster answers as a real kube-apiserver does, but for what is known to differ (tests/conformance)."""

import re
import sys
import unittest

from bench import ROOT, Bench

sys.path.insert(0, str(ROOT / "tests" / "conformance"))
import known  # pylint: disable=wrong-import-position
import suite  # pylint: disable=wrong-import-position


class Conformance(unittest.TestCase):
    def test_answers_are_those_of_a_real_server(self):
        bench = self.enterContext(Bench())
        process = bench.program("minicluster", "--no-controllers", "--nodes", "0")
        bench.wait("it serves", lambda: "serving" in process.out())
        wire = suite.Wire(int(re.search(r"http://[^:]*:(\d+)", process.out()).group(1)))
        passed, faults = suite.compare(wire, known.KNOWN)
        self.assertEqual(faults, [], "\n".join(faults))
        self.assertGreater(passed, 300)


if __name__ == "__main__":
    unittest.main()
