#!/usr/bin/env python3
"""What people and others get wrong ends in one line that says what, where and why, and in an exit code of sysexits; what may
come right by itself is tried again; what comes in over the broker breaks nothing."""

import os
import re
import signal
import subprocess
import unittest

from bench import BIN, Bench, free_port
from fleet import Cluster, View

USAGE, NOINPUT, TEMPFAIL, CONFIG = 64, 66, 75, 78
PROGRAMS = ["provider", "informer", "agent", "hub"]
CLUSTERED = ["provider", "agent"]
NEEDED = {"provider": ["--cluster", "cluster1"], "agent": ["--cluster", "cluster1"], "informer": [], "hub": []}

KUBECONFIG = """apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "http://127.0.0.1:%d"}}]
users: [{name: me, user: {}}]
"""


class BadInput(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.kubeconfig = self.bench.write("kubeconfig", KUBECONFIG % free_port())
        self.environment = {**{name: value for name, value in os.environ.items() if not name.startswith("TI_")},
                            "KUBECONFIG": str(self.kubeconfig)}

    def run_program(self, name, *arguments, environment=None):
        return subprocess.run([str(BIN / name), *map(str, arguments)], capture_output=True, text=True, timeout=20, check=False,
                              env={**self.environment, **(environment or {})}, stdin=subprocess.DEVNULL)

    def refuse(self, name, code, parts, *arguments, environment=None):
        """The program ends with the code, and one line that has all the parts."""
        with self.subTest(f"{name} {' '.join(map(str, arguments))} {environment or ''}"):
            done = self.run_program(name, *arguments, environment=environment)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual(done.stdout, "")
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            for part in [f"{name}: ", *parts]:
                self.assertIn(part, done.stderr)

    def each(self, code, parts, *arguments, environment=None):
        for name in PROGRAMS:
            self.refuse(name, code, parts, *NEEDED[name], *arguments, environment=environment)

    def test_help_and_version(self):
        for name in PROGRAMS:
            done = self.run_program(name, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            for part in [f"Usage:\n  {name}", "--broker URL", "--signal, --signal-topic PREFIX", "Exit codes:"]:
                self.assertIn(part, done.stdout)
            self.assertRegex(self.run_program(name, "--version").stdout, rf"^{name} \d+\.\d+\.\d+\n$")

    def test_unknown_options_name_the_nearest(self):
        self.each(USAGE, ["--brocker", "did you mean --broker?"], "--brocker", "tcp://127.0.0.1")
        self.each(USAGE, ["--password", "did you mean --password-file?"], "--password", "x")
        self.each(USAGE, ["\"pods\""], "pods")

    def test_bad_values_are_named(self):
        self.each(USAGE, ["--log-level", "loud", "error, warn, info, debug"], "--log-level", "loud")
        self.each(USAGE, ["TI_LOG_FORMAT", "xml", "text, json"], environment={"TI_LOG_FORMAT": "xml"})
        self.each(USAGE, ["--signal"], "--signal", "a/#")
        self.each(USAGE, ["--signal", "--payload"], "--signal", "x", "--payload", "x/y")

    def test_bad_brokers_are_named(self):
        for url in ["ftp://127.0.0.1", "tcp://127.0.0.1:99999", "127.0.0.1", "tcp://", "tcp://127.0.0.1:1883/path"]:
            self.each(USAGE, ["--broker"], "--broker", url)

    def test_bad_cluster_names_are_refused(self):
        for cluster in ["Cluster1", "a.b", "hub", "all", "-a", "a" * 64]:
            for name in CLUSTERED:
                self.refuse(name, USAGE, ["--cluster", cluster], "--cluster", cluster)
        for name in CLUSTERED:
            self.refuse(name, USAGE, ["--cluster NAME is missing", "TI_CLUSTER"])

    def test_bad_config_files_are_named(self):
        self.each(NOINPUT, ["--config", "/nowhere.yaml"], "--config", "/nowhere.yaml")
        path = self.bench.write("config.yaml", "brocker: x\n")
        self.each(CONFIG, [str(path), "brocker", "did you mean broker?"], "--config", path)
        path = self.bench.write("broken.yaml", "a: [\n")
        self.each(CONFIG, [str(path), "line"], "--config", path)

    def test_bad_kubeconfigs_are_named(self):
        for name in [*CLUSTERED, "hub"]:
            self.refuse(name, NOINPUT, ["/nowhere"], *NEEDED[name], "--kubeconfig", "/nowhere")
            path = self.bench.write("other", KUBECONFIG % 1 + "current-context2: x\n")
            self.refuse(name, CONFIG, ["nobody"], *NEEDED[name], "--kubeconfig", path, "--context", "nobody")
            path = self.bench.write("broken.kubeconfig", "clusters: [\n")
            self.refuse(name, CONFIG, [str(path), "line"], *NEEDED[name], "--kubeconfig", path)

    def test_files_of_secrets_are_named(self):
        self.each(NOINPUT, ["--password-file", "/nowhere"], "--username", "u", "--password-file", "/nowhere")
        self.each(USAGE, ["--tls-key is missing"], "--tls-cert", "/nowhere")

    def stays(self, parts, *command, environment=None):
        """The program goes on, says one line with all the parts, and ends well when asked."""
        process = self.bench.program(*command, environment={**self.environment, **(environment or {})},
                                     label=f"{command[0]}-{len(self.bench.processes)}")
        self.bench.wait(f"{parts} in the log", lambda: any(all(part in line for part in parts)
                                                          for line in process.log().splitlines()))
        self.assertTrue(process.running(), process.log())
        self.assertEqual(process.stop(), 0, process.log())

    def start_cluster(self):
        """A cluster that answers: a provider says nothing to a broker before it knows its own."""
        self.cluster = Cluster(self.bench, "cluster1")
        self.environment["KUBECONFIG"] = str(self.cluster.kubeconfig)

    def test_a_broker_that_is_away_is_tried_again(self):
        self.start_cluster()
        port = free_port()
        for name in PROGRAMS:
            with self.subTest(name):
                self.stays([str(port)], name, *NEEDED[name], "--broker", f"tcp://127.0.0.1:{port}")

    def test_a_broker_that_refuses_is_named(self):
        passwords = self.bench.passwords("cluster1")
        port = self.bench.broker("allow_anonymous false", f"password_file {passwords}")
        self.start_cluster()
        wrong = self.bench.write("wrong.password", "wrong\n")
        for name in PROGRAMS:
            with self.subTest(name):
                self.stays(["--username"], name, *NEEDED[name], "--broker", f"tcp://127.0.0.1:{port}", "--username",
                           "cluster1", "--password-file", wrong)

    def test_once_ends_with_a_reason(self):
        port = free_port()
        done = self.run_program("informer", "--broker", f"tcp://127.0.0.1:{port}", "--once", "--expect", "1", "--timeout", "1s")
        self.assertEqual(done.returncode, TEMPFAIL, done.stderr)
        self.assertEqual(done.stdout, "")
        last = done.stderr.splitlines()[-1]
        for part in ["informer: 0 of 1 clusters", f"tcp://127.0.0.1:{port}", "connection refused"]:
            self.assertIn(part, last)

    def test_what_was_named_and_is_not_there_is_said(self):
        self.start_cluster()
        port = self.bench.broker()
        broker = ["--broker", f"tcp://127.0.0.1:{port}"]
        self.bench.program("provider", "--cluster", "cluster1", *broker, environment=self.environment)
        once = ["informer", *broker, "--once", "--quiet", "1s"]
        done = self.run_program(*once, "--cluster", "cluster1,clutser2", "--resource", "configmaps,secrets")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, "SYNCED +cluster1 +configmaps")
        self.assertRegex(done.stderr, "warn .*clutser2: not heard of")
        self.assertRegex(done.stderr, "warn .*--resource secrets: no cluster publishes that")
        self.assertNotIn("configmaps", done.stderr)
        done = self.run_program(*once, "--cluster", "clutser2", "--timeout", "2s")
        self.assertEqual(done.returncode, TEMPFAIL, done.stderr)
        self.assertIn("clutser2 was not heard of", done.stderr.splitlines()[-1])

    def test_output_that_cannot_be_written_is_a_failure(self):
        self.start_cluster()
        port = self.bench.broker()
        broker = ["--broker", f"tcp://127.0.0.1:{port}"]
        self.bench.program("provider", "--cluster", "cluster1", *broker, environment=self.environment)
        for more in ([], ["--once", "--expect", "1"]):
            with self.subTest(more), open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([str(BIN / "informer"), *broker, *more], stdout=full, stderr=subprocess.PIPE, text=True,
                                      timeout=20, check=False, env=self.environment)
                self.assertEqual(done.returncode, os.EX_IOERR, done.stderr)
                self.assertEqual(done.stderr.count("No space left on device"), 1, done.stderr)
                self.assertIn("informer: standard output: ", done.stderr)

    def test_informers_without_names_are_not_in_each_others_way(self):
        """Two with one name would break off each other's transfers."""
        port = self.bench.broker()
        spy = self.bench.start("spy", "mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-t", "ti/signal/all/+",
                               "-t", "ready", "-F", "%t")
        self.bench.wait("the spy listens", lambda: spy.out() or subprocess.run(
            ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-t", "ready", "-m", "x"], check=True) is None)
        for i, more in enumerate([[], [], ["--username", "viewer"], ["--username", "No Name"]]):
            self.bench.program("informer", "--broker", f"tcp://127.0.0.1:{port}", *more, label=f"informer-{i}",
                               environment=self.environment)

        def names():
            return sorted(set(re.findall(r"^ti/signal/all/(.*)$", spy.out(), re.MULTILINE)))

        self.bench.wait("four names", lambda: len(names()) == 4)
        for name in names()[:3]:
            self.assertRegex(name, r"^informer-[0-9a-f]{8}$")
        self.assertEqual(names()[3], "viewer")

    def test_garbage_from_the_broker_breaks_nothing(self):
        self.start_cluster()
        port = self.bench.broker()
        common = ["--broker", f"tcp://127.0.0.1:{port}", "--signal", "s", "--payload", "p"]
        more = {"provider": ["--cluster", "cluster1"], "agent": ["--cluster", "cluster3"], "hub": [],
                "informer": ["--name", "viewer", "-o", "json"]}
        processes = {name: self.bench.program(name, *arguments, *common, environment=self.environment)
                     for name, arguments in more.items()}
        topics = ["s/cluster1/hub", "s/cluster1/viewer", "s/all/hub", "s/cluster1", "s", "s/cluster1/hub/x/y", "p/cluster2",
                  "p/cluster2/all", "p/cluster2/all/core/v1/pods", "p/cluster2/hub/core/v1/pods", "p/cluster1",
                  "p/cluster1/all", "p/cluster1/all/core/v1/configmaps",
                  "p/cluster1/viewer/core/v1/configmaps", "p/hub/cluster1/apps/v1/deployments", "p/hub",
                  "p//", "p/cluster2/all/apps~/v1/" + "x" * 200]
        payloads = [b"", b"\0", b"{}", b"\xff" * 1000, b"TI0\n", os.urandom(100_000), b'{"type":"ADDED","object":{']
        for process in processes.values():
            self.bench.wait("connected", lambda process=process: ": connected" in process.log() or not process.running())
        for topic in topics:
            for payload in payloads:
                subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-t", topic, "-q", "1",
                                "-s" if payload else "-n"], input=payload, check=True, capture_output=True)
        self.cluster.create("ConfigMap", "afterwards")
        view = View(processes["informer"])
        self.addCleanup(view.file.close)
        self.bench.wait("the informer goes on", lambda: view.equals(self.cluster, "ConfigMap"))
        for process in processes.values():
            self.assertTrue(process.running(), process.log())
            process.child.send_signal(signal.SIGUSR1)
            self.bench.wait(f"{process.name} tells what it has dropped", lambda process=process: re.search(
                r" info  counters: .*(publisher|informer):.* malformed=[1-9].*; broker:.* messages=[1-9].*; loop: longest_us=[1-9]", process.log()))
            self.assertLess(process.log().count("not understood"), 10, process.log())
            self.assertEqual(process.stop(), 0, process.log())


if __name__ == "__main__":
    unittest.main()
