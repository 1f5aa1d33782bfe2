"""Two miniclusters with a provider each, and a hub that serves them."""

import json
import os
import re
import shutil
import subprocess
import unittest
import urllib.error
import urllib.request

from bench import Bench, free_port
from fleet import Cluster

KUBECTL = shutil.which("kubectl")


def kubectl_minor():
    """34 of version 1.34; 0 where there is none."""
    if not KUBECTL:
        return 0
    done = subprocess.run([KUBECTL, "version", "--client", "-o", "json"], capture_output=True, text=True, timeout=60, check=True)
    return int(re.match(r"\d+", json.loads(done.stdout)["clientVersion"]["minor"]).group())


class FleetCase(unittest.TestCase):
    """A test that starts with a fleet that is there."""

    providing = ()  # arguments of each provider

    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.port = self.bench.broker()
        self.clusters = {name: Cluster(self.bench, name, "--nodes", "1") for name in ("cluster1", "cluster2")}
        self.prepare()
        self.providers = {name: self.provider(name, *self.providing) for name in self.clusters}
        self.kubeconfig, self.http = self.bench.directory / "fleet.yaml", free_port()
        self.https = free_port()
        self.hub = self.start_hub()

    def prepare(self):
        """What clusters have before anybody looks."""

    def provider(self, name, *arguments):
        return self.bench.program("provider", "--broker", f"tcp://127.0.0.1:{self.port}", "--cluster", name, "--always",
                                  "--kubeconfig", self.clusters[name].kubeconfig, *arguments,
                                  label=f"provider-{name}-{len(self.bench.processes)}")

    def start_hub(self, *arguments):
        hub = self.bench.program("hub", "--broker", f"tcp://127.0.0.1:{self.port}", "--listen", f"127.0.0.1:{self.https}",
                                 "--kubeconfig-out", self.kubeconfig, "--read-only-http", f"127.0.0.1:{self.http}",
                                 "--state-dir", self.bench.directory / "state", *arguments, label=f"hub-{len(self.bench.processes)}")
        self.bench.wait("the hub serves", lambda: "to read" in hub.log())
        return hub

    # ---- asking ----

    def get(self, path, port=None, **headers):
        """Status, headers and body of what is answered on plain http."""
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.http}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            return error.code, error.headers, json.loads(text) if text.startswith("{") else {"message": text}

    def items(self, path):
        return self.get(path)[2].get("items", [])

    def kubectl(self, *arguments, code=0):
        done = subprocess.run([KUBECTL, "--kubeconfig", self.kubeconfig, *arguments], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "HOME": str(self.bench.directory)})
        self.assertEqual(done.returncode, code, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def follow(self, *arguments):
        return self.bench.start(f"kubectl-{len(self.bench.processes)}", KUBECTL, "--kubeconfig", self.kubeconfig, *arguments,
                                environment={"HOME": str(self.bench.directory)})

    def condition(self, cluster, kind):
        for item in self.items("/apis/fleet.transport-informer.io/v1alpha1/clusters"):
            if item["metadata"]["name"] == cluster:
                return next(each["status"] for each in item["status"]["conditions"] if each["type"] == kind)
        return None

    def await_synced(self, *names):
        for name in names or self.clusters:
            self.bench.wait(f"{name} is synced", lambda name=name: self.condition(name, "Synced") == "True")
