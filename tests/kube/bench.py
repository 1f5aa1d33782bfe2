"""The set-up of one scenario: a directory, clusters, a broker, and the programs under test.

Everything that a Bench starts ends with it, in reverse order; its directory is removed, or kept when the scenario failed
and KEEP=1 is set.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from cluster import Cluster
from kubeapi import Plain
from mirror import Mirror, Truth, compare, expect_same_bytes
from process import Failed, Process, free_ports, wait
from proxy import Proxy


class Skipped(Exception):
    """The scenario does not apply here; its text says why."""


class Bench:
    def __init__(self, name, binaries, programs):
        self.name = name
        self.binaries = binaries
        self.programs = pathlib.Path(programs).resolve()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"ti-kube-{name}-"))
        self.clusters = []
        self.proxies = []
        self.counts = {}
        self.broker_port = None
        self.mosquitto = None
        self.checks = []
        self.started = []

    def finish(self):
        """The end of a scenario that passed: every program still there stops as asked, with 0, and no sanitizer spoke."""
        for process in self.started:
            if process.running() and (status := process.stop()):
                raise Failed(f"{process.name} ends with {status} when asked to stop\n{process.tail()}")
            if "Sanitizer" in process.log() or "runtime error:" in process.log():
                raise Failed(f"a sanitizer's report of {process.name}\n{process.tail(40)}")

    def close(self, keep=False):
        Process.stop_all()
        for proxy in self.proxies:
            proxy.close()
        for cluster in self.clusters:
            cluster.stop()
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def check(self, name):
        """Notes that one thing has been shown: a line of the run's output."""
        self.checks.append(name)
        print(f"ok {self.name}: {name}", flush=True)

    # -- what the programs run against

    def cluster(self, name, **options):
        """Started, not yet ready, so that several start at the same time."""
        cluster = Cluster(name, self.directory / name, self.binaries, **options)
        self.clusters.append(cluster)
        return cluster.start()

    def minicluster(self, name="minicluster", *flags):
        """The sample, ready: an Api with its kubeconfig."""
        program = self.programs / "minicluster"
        if not os.access(program, os.X_OK):
            raise Skipped(f"{program} is not built")
        kubeconfig = self.directory / f"{name}.kubeconfig"
        process = Process(name, [program, "--listen", "127.0.0.1:0", "--kubeconfig-out", kubeconfig, *flags],
                          self.directory / f"{name}.log")
        self.started.append(process)
        wait(f"{name} writes its kubeconfig", kubeconfig.exists, 10, must_run=[process])
        return Plain(int(re.search(r"http://[^:]*:(\d+)", kubeconfig.read_text()).group(1)), str(kubeconfig))

    def proxy(self, cluster):
        proxy = Proxy(("127.0.0.1", cluster.port))
        self.proxies.append(proxy)
        return proxy

    def broker(self):
        """Starts mosquitto, or starts it again on the same port. It forgets everything, and queues are as by default."""
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if not program:
            raise Failed("mosquitto is not installed")
        if not self.broker_port:
            (self.broker_port,) = free_ports(1)
        config = self.directory / "mosquitto.conf"
        config.write_text(f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
                          "set_tcp_nodelay true\n")
        self.mosquitto = Process("mosquitto", [program, "-c", config], self.directory / "mosquitto.log")

    # -- the programs

    def program(self, name, *flags, stdout=None, env=None):
        """Starts build/bin/NAME with the common flags of the README and these."""
        path = self.programs / name
        if not os.access(path, os.X_OK):
            raise Skipped(f"{path} is not built")
        count = self.counts[name] = self.counts.get(name, 0) + 1
        log = self.directory / f"{name}-{count}.log"
        topics = ("--signal", "--payload") if name in ("provider", "informer") else ("--signal-topic", "--payload-topic")
        client_id = "sourceId" if name in ("provider", "agent") else "controlplaneId"
        argv = [path, "--broker", f"tcp://127.0.0.1:{self.broker_port}", "--client-id", client_id,
                topics[0], "/signal", topics[1], "/payload", *flags]
        process = Process(f"{name}-{count}", argv, log, stdout=stdout, env=env, cwd=self.directory)
        self.started.append(process)
        return process

    def provider(self, cluster, kubeconfig=None, resources=(), flags=(), name=None):
        return self.program("provider", "--cluster", name or cluster.name, "--kubeconfig",
                            kubeconfig or cluster.kubeconfig, *_resource_flags(resources), *flags)

    def informer(self, resources, flags=()):
        """A follower; returns (process, Mirror)."""
        output = self.directory / f"informer-{self.counts.get('informer', 0) + 1}.out"
        output.touch()
        process = self.program("informer", "-o", "json", *_resource_flags(resources), *flags, stdout=output)
        return process, Mirror(output, resources)

    def expect_once_equal(self, cluster, resources, truth):
        """`informer --once` prints what the API server has; again, should that have changed meanwhile."""
        end = time.monotonic() + 120
        while True:
            before = truth.at_rest()
            mirror = self.informer_once(resources)
            after = truth.at_rest()
            if after == before:
                return expect_same_bytes(mirror.cluster(cluster.name), before)
            if time.monotonic() > end:
                changing = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
                raise Failed(f"the cluster does not come to rest: {changing[:3]}")

    def informer_once(self, resources, expect=1, timeout_s=60, flags=()):
        """Runs `informer --once` to its end; returns its Mirror."""
        output = self.directory / f"informer-{self.counts.get('informer', 0) + 1}.out"
        output.touch()
        process = self.program("informer", "--once", "--expect", str(expect), "--timeout", f"{timeout_s}s", "-o", "json",
                               *_resource_flags(resources), *flags, stdout=output)
        wait("informer --once ends", lambda: not process.running(), timeout_s + 10, logs=[process])
        if status := process.stop():
            raise Failed(f"informer --once exits with {status}\n{process.tail()}")
        return Mirror(output, resources).read().expect_no_faults()

    # -- equality

    def wait_equal(self, what, mirror, cluster, resources, processes, timeout_s=60, truth=None):
        """Until the mirror of the cluster equals its API server; returns the objects. Then the bytes must be the same."""
        truth = truth or Truth(cluster.api, resources)
        seen = {}

        def equal():
            seen["true"] = truth.read()
            seen["mirrored"] = mirror.read().cluster(cluster.name)
            compare(seen["mirrored"], seen["true"])
            return True

        wait(what, equal, timeout_s, must_run=processes)
        mirror.expect_no_faults()
        expect_same_bytes(seen["mirrored"], seen["true"])
        return seen["true"]


def _resource_flags(resources):
    return [flag for resource in resources for flag in ("--resource", repr(resource))]


def run_kubectl(binaries, kubeconfig, *argv):
    """kubectl without the exception: (status, stdout, stderr)."""
    done = subprocess.run([binaries["KUBECTL"], f"--kubeconfig={kubeconfig}", *argv], capture_output=True, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr
