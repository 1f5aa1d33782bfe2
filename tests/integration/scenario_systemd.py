#!/usr/bin/env python3
"""The services that an installation brings, started by a systemd: it hears when they are ready, what they are not ready for, and
that they live; it starts them again when they do not; and all that it forbids them they can do without."""

import json
import re
import subprocess
import unittest

import machine
from bench import BIN, Bench
from machine import Machine

MISSING = machine.missing()
SERVICES = ["hub", "provider", "agent"]
CONFIGURED = "etc/transport-informer"
TOKEN = "a-token-of-the-file"

MORE = {"hub": "listen: 127.0.0.1:9443\ntoken-file: /run/credentials/transport-informer-hub.service/tokens\n",
        "provider": "cluster: cluster1\n", "agent": "cluster: cluster2\n"}
# The times are shorter, the rest is what the head of each unit says.
DROP_IN = """[Service]
LoadCredential=password:/etc/transport-informer/password
LoadCredential=tokens:/etc/transport-informer/tokens
RestartSec=1
TimeoutStopSec=20
"""


def unit(name):
    return f"transport-informer-{name}"


ALL = " ".join(map(unit, SERVICES))


def install(archive, directory):
    """As cmake does it, and what an administrator adds."""
    done = subprocess.run(["cmake", "--install", BIN.parent, "--prefix", directory], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    for name in [*SERVICES, "minicluster"]:
        archive.program(f"/usr/local/bin/{name}", directory / "bin" / name)
    for name in SERVICES:
        text = (directory / "lib/systemd/system" / f"{unit(name)}.service").read_text(encoding="utf-8")
        archive.file(f"usr/local/lib/systemd/system/{unit(name)}.service", text.replace(str(directory), "/usr/local"))
        archive.file(f"etc/systemd/system/{unit(name)}.service.d/local.conf", DROP_IN)
        archive.file(f"{CONFIGURED}/{name}.yaml", "broker: tcp://127.0.0.1:1883\nusername: fleet\n"
                     f"password-file: /run/credentials/{unit(name)}.service/password\n{MORE[name]}")


def add_broker(archive, bench):
    archive.program("/usr/sbin/mosquitto")
    passwords = bench.passwords("fleet").read_bytes()
    archive.file(f"{CONFIGURED}/passwords", passwords)
    archive.file("etc/mosquitto.conf", "listener 1883 127.0.0.1\npassword_file /etc/transport-informer/passwords\nuser root\n")
    archive.file(f"{CONFIGURED}/password", "fleet\n", 0o600)
    archive.file(f"{CONFIGURED}/tokens", f"{TOKEN} read-only tests\n", 0o600)


@unittest.skipIf(MISSING, f"SKIPPED: {MISSING}")
class Systemd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(Bench())

        def add(archive):
            install(archive, cls.bench.directory / "usr")
            add_broker(archive, cls.bench)

        cls.machine = Machine(cls.bench, add)
        cls.addClassCleanup(cls.machine.close)
        cls.machine.text(f"systemctl enable {ALL}")
        cls.start_broker()
        cls.machine.text("systemd-run -q --unit=cluster minicluster --pods 2 --kubeconfig-out /etc/transport-informer/kubeconfig")
        cls.machine.wait("there is a cluster", lambda: cls.machine.run("chmod 600 /etc/transport-informer/kubeconfig")[0] == 0)

    @classmethod
    def start_broker(cls):
        cls.machine.text("systemd-run -q --collect --unit=broker mosquitto -c /etc/mosquitto.conf")

    def setUp(self):
        self.machine.text("systemctl start " + ALL)
        self.machine.wait("all are ready", lambda: self.machine.text(f"systemctl show --value -p StatusText {ALL}").split() == ["ready"] * 3)

    def show(self, name, what):
        return self.machine.text(f"systemctl show --value -p {what} {unit(name)}").strip()

    def journal(self, name, *options):
        return self.machine.text(f"journalctl -q -o cat -u {unit(name)} {' '.join(options)}")

    def await_ready(self, name):
        self.machine.wait(f"{name} is ready", lambda: self.show(name, "StatusText") == "ready")

    def restarts(self, name):
        return int(self.show(name, "NRestarts"))

    def get(self, path, token=TOKEN):
        text = self.machine.text(f"curl -sk -w '\\n%{{http_code}}' -H 'Authorization: Bearer {token}' https://127.0.0.1:9443{path}")
        body, code = text.rsplit("\n", 1)
        return int(code), json.loads(body)

    def clusters_of_pods(self):
        return {item["metadata"]["annotations"]["cluster.transport-informer/name"] for item in self.get("/api/v1/pods")[1].get("items", [])}

    def stop_broker(self):
        self.machine.text("systemctl stop broker")
        self.addCleanup(self.start_broker)

    def test_what_is_not_ready_stands_in_the_status(self):
        self.stop_broker()
        for name in SERVICES:
            self.machine.wait(f"{name} says that the broker is gone", lambda name=name: "broker-main" in self.show(name, "StatusText"))
            self.assertEqual(self.show(name, "ActiveState"), "active")
        self.doCleanups()
        for name in SERVICES:
            self.await_ready(name)
            self.assertEqual(self.restarts(name), 0)

    def test_fleet_is_served_to_tokens_of_the_file(self):
        self.machine.wait("both clusters' pods are there", lambda: self.clusters_of_pods() == {"cluster1", "cluster2"})
        self.assertEqual(self.get("/api/v1/pods", "another")[0], 401)
        self.assertIn("server: https://127.0.0.1:9443\n", self.machine.text("cat /var/lib/transport-informer/fleet.yaml"))

    def test_nobody_in_particular_owns_what_the_hub_keeps(self):
        pid = self.show("hub", "MainPID")
        self.assertGreaterEqual(int(self.machine.text(f"stat -c %u /proc/{pid}")), 61184)
        self.assertEqual(self.machine.text("stat -L -c %a /var/lib/transport-informer /var/lib/transport-informer/fleet.yaml").split(),
                         ["700", "600"])

    def test_journal_knows_what_is_a_warning(self):
        self.stop_broker()
        lost = r"(?m)^broker: broker tcp://127.0.0.1:1883: connection lost; trying again$"
        self.machine.wait("a lost broker is a warning", lambda: re.search(lost, self.journal("provider", "-p", "warning")))
        self.assertNotIn(": connected", self.journal("provider", "-p", "warning"))
        self.assertRegex(self.journal("provider", "-p", "info"), r"(?m)^broker: tcp://127.0.0.1:1883: connected$")

    def test_who_is_killed_is_started_again(self):
        for name in SERVICES:
            before = self.restarts(name)
            self.machine.text(f"kill -9 {self.show(name, 'MainPID')}")
            self.machine.wait(f"{name} is started again", lambda name=name, before=before: self.restarts(name) == before + 1)
            self.await_ready(name)
        self.assertRegex(self.journal("hub"), r"fleet.db: [1-9]\d* objects of \d+ streams, as they were last")

    def test_whose_loop_stands_still_is_started_again(self):
        self.machine.text(f"mkdir -p /run/systemd/system/{unit('hub')}.service.d")
        self.machine.text(f"echo -e '[Service]\\nWatchdogSec=5' >/run/systemd/system/{unit('hub')}.service.d/watchdog.conf")
        self.machine.text(f"systemctl daemon-reload; systemctl restart {unit('hub')}")
        self.await_ready("hub")
        self.machine.text(f"kill -STOP {self.show('hub', 'MainPID')}")
        self.machine.wait("systemd notices", lambda: "Failed with result 'watchdog'" in self.journal("hub"))
        self.machine.wait("it is started again", lambda: self.restarts("hub") == 1)
        self.await_ready("hub")

    def test_stop_is_an_end_in_time_and_without_a_broker_too(self):
        self.stop_broker()
        for name in SERVICES:
            self.machine.text(f"systemctl stop {unit(name)}")
            self.assertEqual((self.show(name, "Result"), self.show(name, "ActiveState")), ("success", "inactive"))
            self.assertIn("program: stopping", self.journal(name, "-n", "5"))

    def refused(self, name, status):
        """A start fails, and that is the end of it. What is said of it, as an error."""
        self.assertNotEqual(self.machine.run(f"systemctl --no-ask-password restart {unit(name)}")[0], 0)
        self.assertEqual((self.show(name, "ActiveState"), self.restarts(name), int(self.show(name, "ExecMainStatus"))), ("failed", 0, status))
        return self.machine.text(f"journalctl -q -o cat -p err -n 1 _SYSTEMD_UNIT={unit(name)}.service")

    def test_what_only_somebody_can_repair_is_not_tried_again(self):
        self.machine.text(f"cp -a /{CONFIGURED} /root/kept")
        self.addCleanup(self.machine.text, f"cp -a /root/kept/. /{CONFIGURED}/")
        self.machine.text(f"echo 'clutser: oops' >>/{CONFIGURED}/provider.yaml")
        self.assertIn(f'/{CONFIGURED}/provider.yaml: unknown option "clutser"', self.refused("provider", 78))
        self.machine.text(f"rm /{CONFIGURED}/provider.yaml /{CONFIGURED}/kubeconfig")
        self.refused("agent", 243)
        self.machine.text(f"cp -a /root/kept/kubeconfig /{CONFIGURED}/")
        self.assertIn(f"/{CONFIGURED}/provider.yaml: cannot be read", self.refused("provider", 66))


if __name__ == "__main__":
    unittest.main()
