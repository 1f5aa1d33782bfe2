#!/usr/bin/env python3
"""samples/mosquitto.acl and samples/nats-users.conf let every participant do what it has to, and nothing that would speak for
another or overhear one."""

import subprocess
import time
import unittest

from bench import ROOT, Bench

ALLOWED = [
    # reader, its filter, writer, topic
    ("hub", "/payload/+", "cluster1", "/payload/cluster1"),
    ("hub", "/payload/+/all/#", "cluster1", "/payload/cluster1/all/core/v1/pods"),
    ("hub", "/payload/+/hub/#", "cluster1", "/payload/cluster1/hub/core/v1/pods"),
    ("hub", "/signal/hub/+", "cluster1", "/signal/hub/cluster1"),
    ("viewer", "/payload/+/viewer/#", "cluster1", "/payload/cluster1/viewer/core/v1/pods"),
    ("viewer", "/payload/+/all/#", "cluster1", "/payload/cluster1/all/core/v1/pods"),
    ("cluster1", "/signal/cluster1/+", "hub", "/signal/cluster1/hub"),
    ("cluster1", "/signal/cluster1/+", "viewer", "/signal/cluster1/viewer"),
    ("cluster1", "/signal/all/+", "hub", "/signal/all/hub"),
    ("cluster1", "/signal/all/+", "viewer", "/signal/all/viewer"),
    ("cluster1", "/payload/hub", "hub", "/payload/hub"),
    ("cluster1", "/payload/cluster1", "cluster1", "/payload/cluster1"),
    ("cluster1", "/payload/hub/cluster1/#", "hub", "/payload/hub/cluster1/apps/v1/deployments"),
]
# The reader of these may read the topic; the writer may not write it.
FORGED = [
    ("hub", "/payload/+", "cluster1", "/payload/cluster2"),
    ("hub", "/payload/+/all/#", "cluster1", "/payload/cluster2/all/core/v1/pods"),
    ("hub", "/payload/+", "viewer", "/payload/viewer"),
    ("hub", "/signal/hub/+", "cluster1", "/signal/hub/cluster2"),
    ("cluster2", "/payload/hub/cluster2/#", "cluster1", "/payload/hub/cluster2/apps/v1/deployments"),
    ("cluster2", "/payload/hub", "cluster1", "/payload/hub"),
    ("cluster2", "/signal/cluster2/+", "cluster1", "/signal/cluster2/hub"),
    ("cluster2", "/signal/all/+", "cluster1", "/signal/all/cluster1"),
    ("cluster2", "/signal/cluster2/+", "viewer", "/signal/cluster2/hub"),
]
# The writer of these may write the topic; the reader may not read it, whatever its filter.
OVERHEARD = [
    ("cluster2", "#", "cluster1", "/payload/cluster1/all/core/v1/pods"),
    ("cluster2", "/payload/+", "cluster1", "/payload/cluster1"),
    ("cluster2", "/payload/hub/#", "hub", "/payload/hub/cluster1/apps/v1/deployments"),
    ("cluster2", "/signal/+/hub", "hub", "/signal/cluster1/hub"),
    ("viewer", "/signal/#", "cluster1", "/signal/hub/cluster1"),
    ("viewer", "/payload/#", "cluster1", "/payload/cluster1/hub/core/v1/pods"),
]
# What each reader may read, and who may write it: a marker that follows what must not arrive.
MARKERS = {"hub": ("cluster1", "/payload/cluster1"), "viewer": ("cluster1", "/payload/cluster1"),
           "cluster2": ("hub", "/payload/hub")}


USERS = ("hub", "viewer", "cluster1", "cluster2")


class Mosquitto(unittest.TestCase):
    DENIED = "Denied PUBLISH from"

    @classmethod
    def setUpClass(cls):
        cls.bench = cls.enterClassContext(Bench())
        cls.port = cls.start_broker()

    @classmethod
    def start_broker(cls):
        return cls.bench.broker("allow_anonymous false", f"password_file {cls.bench.passwords(*USERS)}",
                                f"acl_file {ROOT / 'samples/mosquitto.acl'}", "log_type all")

    def client(self, program, user, *arguments):
        return [program, "-h", "127.0.0.1", "-p", str(self.port), "-u", user, "-P", user, *arguments]

    def reader(self, number, user, topic_filter):
        """A subscriber; ready once the broker has answered, if only to refuse one of the two filters."""
        client_id = f"reader-{number}-{time.monotonic_ns()}"
        marker = ["-t", MARKERS[user][1]] if user in MARKERS else []
        process = self.bench.start(client_id, "stdbuf", "-oL", *self.client("mosquitto_sub", user, "-i", client_id, "-q", "1",
                                                                            "-d", "-v", "-t", topic_filter, *marker))
        self.bench.wait("subscribed", lambda: "Subscribed (mid: 1)" in process.out())
        return process

    def publish(self, user, topic, text):
        subprocess.run(self.client("mosquitto_pub", user, "-q", "1", "-t", topic, "-m", text), check=True, capture_output=True)

    def start_readers(self, rows):
        return [self.reader(number, reader, topic_filter) for number, (reader, topic_filter, _, _) in enumerate(rows)]

    def test_what_each_has_to_do_is_allowed(self):
        for row, reader in zip(ALLOWED, self.start_readers(ALLOWED)):
            with self.subTest(row):
                self.publish(row[2], row[3], "hello")
                self.bench.wait(str(row), lambda reader=reader, row=row: f"{row[3]} hello\n" in reader.out(), 5)

    def test_nobody_speaks_for_another(self):
        for reader in self.assert_none_arrives(FORGED):
            self.assertNotRegex(reader.out(), r"Subscribed \(mid: 1\):.*128", "the writer has to be what stands in the way")
        self.assertIn(self.DENIED, self.bench.mosquitto.log())

    def test_nobody_overhears_another(self):
        self.assert_none_arrives(OVERHEARD)

    def assert_none_arrives(self, rows):
        """The broker keeps the order for each reader: once the marker has come, nothing sent before it will. The readers."""
        readers = self.start_readers(rows)
        for number, (row, reader) in enumerate(zip(rows, readers)):
            with self.subTest(row):
                self.publish(row[2], row[3], f"stolen-{number}-")
                self.publish(*MARKERS[row[0]], f"marker-{number}-")
                self.bench.wait("the marker", lambda reader=reader, number=number: f"marker-{number}-" in reader.out(), 5)
                self.assertNotIn(f"stolen-{number}-", reader.out())
        return readers


class Nats(Mosquitto):
    DENIED = "Publish Violation"

    @classmethod
    def start_broker(cls):
        access, environment = cls.bench.nats_users(*USERS)
        return cls.bench.nats(access, environment=environment)

    def test_nobody_overhears_by_what_nats_adds(self):
        """Where the server itself delivers, where it keeps what is retained, and its own wildcards."""
        self.assert_none_arrives([("cluster2", topic_filter, "cluster1", "/payload/cluster1/all/core/v1/pods")
                                  for topic_filter in ("$MQTT/sub/#", "$MQTT/#", "$MQTT/msgs/#", ">", "/payload/>", "/payload/*")])


if __name__ == "__main__":
    unittest.main()
