#!/usr/bin/env python3
"""Any process may be killed at any time, the broker among them: once it is there again the informer has every object as the
API servers have it, and has told nothing on the way that was not so. With --tls all of it over TLS, with an account for each
and the access list of samples/mosquitto.acl, which must not refuse anything."""

import sys
import unittest

from faults import Fleet


class Kill(unittest.TestCase):
    guarded = False

    def test_killed_in_turn_under_churn(self):
        fleet = self.enterContext(Fleet(guarded=self.guarded))
        fleet.wait_right()
        for name in ["mosquitto", "provider", "informer", "agent", "hub"]:
            with self.subTest(name):
                fleet.kill_under_churn(name)


if __name__ == "__main__":
    Kill.guarded = "--tls" in sys.argv
    unittest.main(argv=[word for word in sys.argv if word != "--tls"])
