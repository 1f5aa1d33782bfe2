#!/usr/bin/env python3
"""The same over NATS (MQTT 3.1.1 on JetStream) instead of mosquitto: mirror, workloads, and everything that is killed in turn.
With --tls all of it over TLS, with an account for each and the permissions of samples/nats-users.conf."""

import sys
import unittest

from faults import USERS, Fleet


class NatsFleet(Fleet):
    DENIED = "Violation"

    def start_broker(self):
        self.count += 1
        access, environment = self.nats_users(*USERS.values()) if self.guarded else ("", None)
        self.port = self.nats(access, self.tls() if self.guarded else "", port=getattr(self, "port", None),
                              name=f"mosquitto-{self.count}", environment=environment)

    def tls(self):
        return f"tls {{ cert_file: \"{self.directory / 'server.pem'}\", key_file: \"{self.directory / 'server.key'}\" }}"


class Nats(unittest.TestCase):
    guarded = False

    def test_killed_in_turn_under_churn(self):
        fleet = self.enterContext(NatsFleet(guarded=self.guarded))
        fleet.wait_right()
        for name in ["mosquitto", "provider", "informer", "agent", "hub"]:
            with self.subTest(name):
                fleet.kill_under_churn(name)


if __name__ == "__main__":
    Nats.guarded = "--tls" in sys.argv
    unittest.main(argv=[word for word in sys.argv if word != "--tls"])
