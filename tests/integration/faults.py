"""A fleet under churn that can be hurt, and has to be right again afterwards."""

import collections
import http.client
import json
import random
import signal
import threading
import time
import urllib.error

from bench import ROOT, Bench
from fleet import PLURALS, Cluster, View, collection
from history import History, Witness

TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}}
SPEC = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
AVAILABLE = "cluster.available.replicas/default"
# The accounts of a guarded fleet's parts; those that samples/ have access lists for.
USERS = {"provider": "cluster1", "agent": "cluster2", "hub": "hub", "informer": "viewer"}


class Churn:
    """Changes a cluster, some hundred times a second, until it is stopped: objects come, change, go, and come back under
    their name."""

    def __init__(self, cluster, seed=1):
        self.cluster, self.random, self.stopped = cluster, random.Random(seed), threading.Event()
        self.changes, self.error = 0, None
        self.connection = http.client.HTTPConnection(cluster.url.removeprefix("http://"), timeout=10)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _send(self, method, kind, name, body=None):
        base = collection(PLURALS[kind], "default")
        self.connection.request(method, base if method == "POST" else f"{base}/{name}", body and json.dumps(body),
                                {"Content-Type": "application/json" if method == "POST" else "application/merge-patch+json"})
        answer = self.connection.getresponse()
        answer.read()
        if answer.status >= 400 and answer.status not in (404, 409):
            raise AssertionError(f"{method} {kind} {name}: {answer.status}")
        self.changes += 1

    def step(self):
        name, dice = f"churn-{self.random.randrange(40)}", self.random.random()
        if dice < 0.1:
            self._send("DELETE", "ConfigMap", name)
        elif dice < 0.3:
            self._send("POST", "ConfigMap", name, {"metadata": {"name": name}, "data": {"a": "x" * self.random.randrange(3000)}})
        elif dice < 0.31:
            self._send("PATCH", "Deployment", "local", {"spec": {"replicas": self.random.randrange(4)}})
        else:
            self._send("PATCH", "ConfigMap", name, {"data": {"count": str(self.changes)}})

    def _run(self):
        try:
            while not self.stopped.is_set():
                self.step()
                time.sleep(0.003)
        except Exception as error:  # pylint: disable=broad-except; shown by stop()
            self.error = error

    def stop(self):
        self.stopped.set()
        self.thread.join()
        self.connection.close()
        if self.error:
            raise self.error


class Stopped:
    """SIGSTOP, and SIGCONT at the end. Used with `with`."""

    def __init__(self, part):
        self.part = part

    def __enter__(self):
        self.part.child.send_signal(signal.SIGSTOP)

    def __exit__(self, kind, value, trace):
        self.part.child.send_signal(signal.SIGCONT)


class Fleet(Bench):
    """cluster1 with a provider, cluster2 with an agent, a hub with a source of workloads, and an informer. Guarded, they come
    to the broker over TLS, each with an account and an access list that lets it do what it has to, and nothing else."""

    DENIED = "Denied"  # what the broker logs where an access list refuses something

    def __init__(self, *lines, options=(), guarded=False, heartbeat="15s"):
        self.lines, self.options, self.guarded, self.count, self.heartbeat = lines, options, guarded, 0, heartbeat

    def __enter__(self):
        super().__enter__()
        if self.guarded:
            self.certificates()
        self.start_broker()
        self.source = Cluster(self, "source", "--nodes", 0, "--no-controllers")
        self.clusters = [Cluster(self, name) for name in ("cluster1", "cluster2")]
        for cluster in self.clusters:
            cluster.create("Deployment", "local", spec=SPEC)
        self.source.create("Namespace", "cluster2")
        self.source.create("Deployment", "web", "cluster2", spec=SPEC,
                           metadata={"labels": {"hub.transport-informer/resources": "",
                                                "hub.transport-informer/target-namespace": "default"}})
        self.histories = [History(cluster) for cluster in self.clusters]
        self.parts = {"mosquitto": self.mosquitto}
        for name in ["provider", "agent", "hub", "informer"]:
            self.start_part(name)
        self.replicas = 1
        return self

    def __exit__(self, kind, value, trace):
        for history in self.histories:
            history.stopped = True
        self.view.file.close()
        super().__exit__(kind, value, trace)

    def start_broker(self):
        self.count += 1
        access = self.guards() if self.guarded else ["allow_anonymous true"]
        self.port = self.broker(*access, "log_type all", *self.lines, port=getattr(self, "port", None),
                                name=f"mosquitto-{self.count}")

    def guards(self):
        return [f"certfile {self.directory / 'server.pem'}", f"keyfile {self.directory / 'server.key'}", "allow_anonymous false",
                f"password_file {self.passwords(*USERS.values())}", f"acl_file {ROOT / 'samples/mosquitto.acl'}"]

    def access(self, name):
        """How a part comes to the broker."""
        if not self.guarded:
            return ["--broker", f"tcp://127.0.0.1:{self.port}"]
        user = USERS[name]
        return ["--broker", f"ssl://127.0.0.1:{self.port}", "--tls-ca", self.directory / "ca.pem", "--username", user,
                "--password-file", self.write(f"{user}.password", user), "--signal", "/signal", "--payload", "/payload"]

    def start_part(self, name):
        """One of the fleet's parts, anew."""
        self.count += 1
        if name == "mosquitto":
            self.start_broker()
            self.parts[name] = self.mosquitto
            return
        beats = ["--heartbeat", self.heartbeat]
        more = {"provider": ["--cluster", "cluster1", "--kubeconfig", self.clusters[0].kubeconfig, *beats],
                "agent": ["--cluster", "cluster2", "--kubeconfig", self.clusters[1].kubeconfig, *beats],
                "hub": ["--kubeconfig", self.source.kubeconfig], "informer": ["-o", "json", "--name", "viewer"]}[name]
        part = self.program(name, *self.access(name), *self.options, *more, label=f"{name}-{self.count}")
        self.parts[name] = part
        if name == "informer":
            if self.count > 6:
                self.view.file.close()
            self.view = View(part)
            self.witness = Witness(self.view, self.histories)

    def kill(self, name):
        self.parts[name].child.send_signal(signal.SIGKILL)
        self.parts[name].wait()

    def stopped(self, name):
        """A part that stands still, and goes on afterwards."""
        return Stopped(self.parts[name])

    def counters(self, name):
        """What a part counts, by 'informer.syncs'; what has never happened is not said."""
        part, marker = self.parts[name], "info  counters: "
        before = part.log().count(marker)
        part.child.send_signal(signal.SIGUSR1)
        self.wait(f"{name} says its counters", lambda: part.log().count(marker) > before)
        line = part.log().rsplit(marker, 1)[1].split("\n", 1)[0]
        groups = (group.split(": ", 1) for group in line.split("; "))
        return collections.Counter({f"{group}.{key}": int(value) for group, pairs in groups
                for key, value in (pair.split("=") for pair in pairs.split())})

    def kill_under_churn(self, name):
        """A part is killed and started anew while the clusters change; all is right once they have come to rest."""
        churns = self.churn()
        self.wait_changes(churns)
        self.kill(name)
        self.wait_changes(churns)
        self.start_part(name)
        self.wait_changes(churns)
        for churn in churns:
            churn.stop()
        self.wait_right()

    def denied(self):
        """What access lists refused, so far, by the logs of the brokers."""
        return [line for process in self.processes if process.name.startswith("mosquitto")
                for line in process.log().splitlines() if self.DENIED in line]

    def churn(self):
        """Under way; begins by scaling what the hub sends."""
        self.replicas = self.replicas % 4 + 1
        self.source.patch("Deployment", "web", {"spec": {"replicas": self.replicas}}, "cluster2")
        return [Churn(cluster, seed) for seed, cluster in enumerate(self.clusters)]

    def wait_changes(self, churns, count=300):
        """Until so many more changes were made to each cluster."""
        goals = [churn.changes + count for churn in churns]
        self.wait("the clusters change", lambda: all(churn.error or churn.changes >= goal for churn, goal in zip(churns, goals)))

    def stream_equal(self, cluster, gvr):
        return ((cluster.name, gvr) in self.view.read().synced and
                list(map(json.dumps, sorted_values(self.view.state(cluster.name, gvr)))) ==
                list(map(json.dumps, sorted_values(cluster.state(gvr)))))

    def reported(self):
        deployment = self.source.get("Deployment", "web", "cluster2")
        return deployment["metadata"].get("annotations", {}).get(AVAILABLE) == str(self.replicas)

    def wait_right(self, seconds=60):
        """Every object of every resource of every cluster is at the informer as at the API server; the workload is on its
        cluster as at the source, and reported; nothing was told meanwhile that was not so, and the broker refused nothing."""
        self.wait("the workload is where it belongs", lambda: (self.clusters[1].get("Deployment", "web") or SPEC | {
            "spec": {}})["spec"].get("replicas") == self.replicas, seconds)
        self.wait("its replicas are reported", self.reported, seconds)
        for history in self.histories:
            for gvr in history.gvrs:
                self.wait(f"{history.cluster.name}: {gvr} is as at the API server",
                          lambda history=history, gvr=gvr: self.stream_equal(history.cluster, gvr), seconds)
        faults = self.witness.faults()
        if faults:
            raise AssertionError(f"{len(faults)} events that cannot be: {faults[:10]}")
        if self.denied():
            raise AssertionError(f"an access list stood in the way: {self.denied()[:10]}")


def sorted_values(state):
    return [state[name] for name in sorted(state)]
