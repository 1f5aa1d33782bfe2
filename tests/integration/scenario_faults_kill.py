#!/usr/bin/env python3
"""Any process may be killed at any time, the broker among them: once it is there again the informer has every object as the
API servers have it, and has told nothing on the way that was not so."""

import unittest

from faults import Fleet


class Kill(unittest.TestCase):
    def test_killed_in_turn_under_churn(self):
        fleet = self.enterContext(Fleet())
        fleet.wait_right()
        for name in ["mosquitto", "provider", "informer", "agent", "hub"]:
            with self.subTest(name):
                churns = fleet.churn()
                fleet.wait_changes(churns)
                fleet.kill(name)
                fleet.wait_changes(churns)
                fleet.start_part(name)
                fleet.wait_changes(churns)
                for churn in churns:
                    churn.stop()
                fleet.wait_right()


if __name__ == "__main__":
    unittest.main()
