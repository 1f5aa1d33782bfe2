#!/usr/bin/env python3
"""Another client comes to the broker under the client id of one of ours, again and again, as an attacker or a copied configuration
would. Ours says what seems to have happened, comes back under another client id, and all is right."""

import re
import shutil
import unittest

from faults import Fleet


class Takeover(unittest.TestCase):
    def client_id(self, fleet, prefix):
        return re.findall(rf"New client connected from \S+ as ({prefix}-[0-9a-f]+) ", fleet.mosquitto.log())[-1]

    def thief(self, fleet, client):
        """Connects under that id, and again whenever it is thrown out."""
        return fleet.start(f"thief-{len(fleet.processes)}", shutil.which("mosquitto_sub"), "-p", fleet.port, "-i", client, "-V", "5",
                           "-t", "nothing/of/interest")

    def test_taken_over_in_turn(self):
        fleet = self.enterContext(Fleet(heartbeat="1s"))
        fleet.wait_right()
        for name, prefix in {"provider": "ti-cluster1", "informer": "ti-viewer", "agent": "ti-cluster2"}.items():
            with self.subTest(name):
                part, stolen = fleet.parts[name], self.client_id(fleet, prefix)
                churns = fleet.churn()
                fleet.wait_changes(churns)
                self.thief(fleet, stolen)
                fleet.wait("ours says so", lambda part=part: "another client may have come under the same client id" in part.log())
                fleet.wait("it is there under another one", lambda prefix=prefix, stolen=stolen: self.client_id(fleet, prefix) != stolen)
                fleet.wait_changes(churns)
                for churn in churns:
                    churn.stop()
                fleet.wait_right()  # with the thief still there
                self.assertEqual(part.log().count("same client id"), 1)


if __name__ == "__main__":
    unittest.main()
