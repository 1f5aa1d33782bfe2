#!/usr/bin/env python3
"""The same over NATS (MQTT 3.1.1 on JetStream) instead of mosquitto: mirror, workloads, and a server that is killed."""

import shutil
import unittest

from bench import answers, free_port
from faults import Fleet


class NatsFleet(Fleet):
    def start_broker(self):
        self.count += 1
        self.port = getattr(self, "port", None) or free_port()
        config = self.write(f"nats-{self.count}.conf", f"""
server_name: one
listen: "127.0.0.1:{free_port()}"
jetstream {{ store_dir: "{self.directory / 'jetstream'}" }}
mqtt {{ listen: "127.0.0.1:{self.port}" }}
""")
        server = shutil.which("nats-server") or "/usr/sbin/nats-server"
        self.mosquitto = self.start(f"nats-{self.count}", server, "-c", config)
        self.wait("NATS listens", lambda: answers(self.port) or not self.mosquitto.running())


class Nats(unittest.TestCase):
    def test_killed_in_turn_under_churn(self):
        fleet = self.enterContext(NatsFleet())
        fleet.wait_right()
        for name in ["mosquitto", "provider", "agent"]:
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
