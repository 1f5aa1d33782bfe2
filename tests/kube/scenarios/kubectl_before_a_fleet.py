"""kubectl before a hub of two real clusters: the lines of the README, at the root and at one cluster, over what becomes of a cluster;
and what a line says of a cluster at the hub is what it says at the cluster itself."""

import os
import re

from bench import run_kubectl
from kubeapi import Plain
from process import Failed, Process, free_ports, wait

CLUSTERS = "/apis/fleet.transport-informer.io/v1alpha1/clusters"
RESOURCES = ("namespaces", "nodes", "pods", "services", "configmaps", "events", "serviceaccounts", "resourcequotas", "limitranges",
             "leases.coordination.k8s.io", "deployments.apps", "replicasets.apps", "customresourcedefinitions.apiextensions.k8s.io",
             "widgets.fleet.example.com")
PODS = "/api/v1/namespaces/default/pods"
WEB = "/apis/apps/v1/namespaces/default/deployments"
DEFINITION = {"metadata": {"name": "widgets.fleet.example.com"}, "spec": {
    "group": "fleet.example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
    "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
        "type": "object", "properties": {"spec": {"type": "object", "properties": {
            "color": {"type": "string", "description": "How it looks."}}}}}}}]}}

# What is asked of cluster1 at the hub and of cluster1 itself.
SAME = ("get deploy,pods -o wide", "get all -A", "get pods -A -l app=web --show-labels", "get ns,nodes,sa,cm,crd -A -o wide", "get rs -o name",
        "describe deploy web", "describe pods -l app=web", "describe nodes", "describe ns default", "get widgets -A", "explain widgets.spec",
        "get pods -A --sort-by .metadata.uid -o custom-columns=N:.metadata.name,U:.metadata.uid,P:.status.phase",
        "get deploy web -o jsonpath={.spec}{.status}", "api-resources --api-group fleet.example.com",
        "get events --field-selector reason=SuccessfulCreate -o name")


def deployment(name, replicas=2):
    labels = {"app": name}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {
        "metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "nginx:1"}]}}}}


def pods_of(cluster, app):
    return [pod["metadata"]["name"] for pod in cluster.api.get(f"{PODS}?labelSelector=app%3D{app}")["items"]]


def make_ready(cluster, app, count):
    wait(f"{count} pods of {app} at {cluster.name}", lambda: len(pods_of(cluster, app)) == count)
    for name in pods_of(cluster, app):
        cluster.api.patch(f"{PODS}/{name}/status", {"status": {
            "phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "containerStatuses": [{"name": "main", "image": "nginx:1", "imageID": "nginx@sha256:1", "restartCount": 0, "ready": True,
                                   "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}})


def scale(cluster, app, replicas):
    cluster.api.patch(f"{WEB}/{app}", {"spec": {"replicas": replicas}})


def bare(text):
    """Without ages, what the hub adds, and the width of columns."""
    text = re.sub(r"^\s*(Annotations:)?\s*cluster\.transport-informer/.*\n", "", text, flags=re.M)
    text = re.sub(r"\b(\d+[dhms])+\b( \(x\d+ over <age>\))?", "<age>", text)
    lines = (" ".join(line.replace("Annotations:", "").split()) for line in text.splitlines())
    return [line for line in lines if line not in ("", "<none>")]


class Fleet:
    """Two real clusters before a hub, and kubectl."""

    def __init__(self, bench):
        self.bench = bench
        self.clusters = [bench.cluster("cluster1"), bench.cluster("cluster2")]
        bench.broker()
        for cluster in self.clusters:
            cluster.wait_ready()
            cluster.api.post("/api/v1/nodes", {"metadata": {"name": "node-1"}})
            cluster.api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", DEFINITION)
            cluster.api.post(WEB, deployment("web"))
        self.clusters[0].api.post(WEB, deployment("alone", 1))
        for cluster in self.clusters:
            make_ready(cluster, "web", 2)
        self.kubeconfig = bench.directory / "fleet.yaml"
        self.port, self.http = free_ports(2)
        self.hub = bench.program("hub", "--listen", f"127.0.0.1:{self.port}", "--kubeconfig-out", self.kubeconfig, "--read-only-http",
                                 f"127.0.0.1:{self.http}", "--state-dir", bench.directory / "state")
        self.api = Plain(self.http)
        self.providers = {cluster.name: self.provide(cluster.name, cluster.kubeconfig) for cluster in self.clusters}
        wait("the hub has both", lambda: all(self.condition(cluster.name, "Synced") == "True" for cluster in self.clusters),
             must_run=[self.hub, *self.providers.values()])

    def provide(self, name, kubeconfig):
        resources = [flag for resource in RESOURCES for flag in ("--resource", resource)]
        return self.bench.provider(None, kubeconfig=kubeconfig, flags=["--always", *resources], name=name)

    def condition(self, cluster, kind):
        for item in self.api.get(CLUSTERS)["items"]:
            if item["metadata"]["name"] == cluster:
                return next(each["status"] for each in item["status"]["conditions"] if each["type"] == kind)
        return None

    def server(self, cluster):
        return f"https://127.0.0.1:{self.port}/clusters/{cluster}"

    def ask(self, line, *more, code=0):
        """What kubectl prints, warnings and errors as well."""
        status, out, err = run_kubectl(self.bench.binaries, self.kubeconfig, *line.split(), *more)
        if status != code:
            raise Failed(f"kubectl {line}: exits with {status}, not {code}:\n{out}{err}")
        return out + err

    def expect(self, line, *patterns, code=0, more=()):
        text = self.ask(line, *more, code=code)
        for pattern in patterns:
            if not re.search(pattern, text, re.M):
                raise Failed(f"kubectl {line}: no /{pattern}/ in\n{text}")
        return text

    def follow(self, line, *more):
        """A kubectl that goes on; what it prints is its log."""
        log = self.bench.directory / f"kubectl-{len(os.listdir(self.bench.directory))}.log"
        argv = [self.bench.binaries["KUBECTL"], f"--kubeconfig={self.kubeconfig}", *line.split(), *more]
        return Process(f"kubectl {line}", argv, log)


def shows(process, pattern, what):
    wait(what, lambda: re.search(pattern, process.log(), re.M), logs=[process])


def read(bench, fleet):
    wait("pods of both are there, as they are now", lambda: fleet.expect(
        "get pods -A", r"^NAMESPACE +CLUSTER +NAME +READY +STATUS +RESTARTS +AGE$",
        *(rf"^default +{cluster.name} +{pod} +1/1 +Running" for cluster in fleet.clusters for pod in pods_of(cluster, "web"))))
    text = fleet.expect("get pods -A -l app=web --field-selector cluster=cluster1", r"^default +cluster1 +web-")
    if "cluster2" in text or "alone" in text:
        raise Failed(f"more than was selected:\n{text}")
    fleet.expect("get clusters", r"^NAME +CONNECTED +SYNCED +VERSION +NODES +PODS +LAG +AGE$",
                 r"^cluster1 +True +True +v1\.\d+\.\d+ +1 +3 ", r"^cluster2 +True +True +v1\.\d+\.\d+ +1 +2 ")
    fleet.expect("describe cluster cluster1", r"^Kind: +Cluster$", r"^ +Type: +Synced$")
    fleet.expect("describe deploy alone", r"^Name: +alone$", r"cluster.transport-informer/name: cluster1$", r"^Replicas: +1 desired ",
                 r"^ +Normal +ScalingReplicaSet ")
    fleet.expect("describe pods -l app=web", *(rf"cluster.transport-informer/name: {cluster.name}$" for cluster in fleet.clusters),
                 *(rf"^Name: +{pod}$" for cluster in fleet.clusters for pod in pods_of(cluster, "web")))
    fleet.expect("explain clusters.status", r"lag|heard", r"FIELDS:")
    fleet.expect("api-resources", r"^clusters +fleet.transport-informer.io/v1alpha1 +false +Cluster$",
                 r"^deployments +deploy +apps/v1 +true +Deployment$", r"^widgets +wd +fleet.example.com/v1 +true +Widget$")
    fleet.expect("explain wd.spec.color", r"How it looks")
    fleet.expect("get deploy web", r"in several clusters \(cluster1, cluster2\)", code=1)
    fleet.expect("get deploy alone", r"^cluster1 +alone +0/1 ")
    bench.check("kubectl reads a fleet of two kube-apiservers")


def is_the_same(fleet, line):
    cluster = fleet.clusters[0]
    there = fleet.ask(line, "--server", fleet.server("cluster1"))
    status, out, err = run_kubectl(fleet.bench.binaries, cluster.kubeconfig, *line.split())
    if status or bare(there) != bare(out + err):
        raise Failed(f"kubectl {line}: the hub says\n{there}\nand the cluster itself\n{out}{err}")
    return True


def compare(bench, fleet):
    for line in SAME:
        wait("the hub says of a cluster what it says itself", lambda line=line: is_the_same(fleet, line), 20)
    plain = f"http://127.0.0.1:{fleet.http}/clusters/cluster1"
    fleet.expect("get deploy,pods -o wide", r"^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR$",
                 r"^deployment.apps/web +2/2 +2 +2 +\S+ +main +nginx:1 +app=web$", r"^pod/web-\S+ +1/1 +Running ", more=("--server", plain))
    bench.check(f"{len(SAME)} lines say of a cluster at the hub what they say at the cluster")


def waits(bench, fleet):
    """Each begins before what it waits for, at the root and at the cluster."""
    cluster = fleet.clusters[0]
    pod = pods_of(cluster, "alone")[0]
    rollout, *waiting = [fleet.follow(line, *more) for more in ((), ("--server", fleet.server("cluster1"))) for line in (
        "rollout status deploy/alone --timeout=60s", "wait --for=condition=Available deploy/alone --timeout=60s",
        "wait --for=jsonpath={.status.readyReplicas}=1 deploy/alone --timeout=60s", "wait --for=create cm/late --timeout=60s",
        f"wait --for=delete pod/{pod} --timeout=60s")]
    shows(rollout, r"^Waiting for deployment", "the rollout is not over")
    shows(waiting[4], r"^Waiting for deployment", "nor is it at the cluster")
    make_ready(cluster, "alone", 1)
    for each in (rollout, waiting[4]):
        shows(each, r"successfully rolled out", "it is")
    for each in (*waiting[:2], *waiting[5:7]):
        shows(each, r"condition met", "what was waited for has come")
    cluster.api.post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "late"}})
    cluster.api.delete(f"{PODS}/{pod}?gracePeriodSeconds=0")
    for each in (*waiting[2:4], *waiting[7:9]):
        shows(each, r"condition met", "what was created or deleted is told")
    bench.check("rollout status and wait are told of what comes and goes")


def refusals(bench, fleet):
    pod = pods_of(fleet.clusters[0], "web")[0]
    fleet.expect(f"delete pod {pod}", r"only read here", code=1)
    fleet.expect(f"delete pod {pod} --server http://127.0.0.1:{fleet.http}", r"read only", code=1)
    fleet.expect("get pods --token=wrong", r"a token is needed that is known here", code=1)
    if pod not in pods_of(fleet.clusters[0], "web"):
        raise Failed("it was deleted")
    bench.check("what is refused is explained")


def a_cluster_goes_and_returns(bench, fleet, everything, one):
    first, second = fleet.clusters
    states = fleet.follow("get clusters -w")
    shows(states, r"^cluster2 +True +True ", "it is there")
    itself = fleet.follow("get pods -w --output-watch-events", "--server", fleet.server("cluster2"))
    missed = fleet.follow("wait --for=condition=Connected=False cluster/cluster2 --timeout=60s")
    for cluster in fleet.clusters:
        scale(cluster, "web", 3)
    make_ready(first, "web", 3)
    make_ready(second, "web", 3)
    for cluster in fleet.clusters:
        for pod in pods_of(cluster, "web"):
            shows(everything, rf"^\w+ +default +{cluster.name} +{pod} +1/1 ", f"{pod} of {cluster.name} is shown")
    shows(one, rf"cluster1 +{pods_of(first, 'web')[-1]} +1/1 ", "the cluster that was selected is followed")

    before = set(pods_of(second, "web"))
    fleet.providers["cluster2"].kill()
    shows(missed, r"condition met", "it is missed")
    shows(states, r"^cluster2 +False +False ", "that it is away is told")
    fleet.expect("get clusters", r"^cluster2 +False +False ")
    scale(second, "web", 1)
    wait("two of its pods are deleted", lambda: len(pods_of(second, "web")) == 1)
    warning = r"^Warning: not up to date: cluster2 \(last heard 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\)$"
    fleet.expect("get pods -A", warning, *(rf"^default +cluster2 +{pod} +1/1 " for pod in before))
    fleet.expect("get pods -A -o yaml --field-selector cluster=cluster2", warning, r"cluster.transport-informer/stale-since: .?20\d\d-")
    if "Warning" in fleet.ask("get pods -A --field-selector cluster=cluster1") + fleet.ask("get pods -A", "--server", fleet.server("cluster1")):
        raise Failed("a warning about a cluster that is up to date, or was not asked about")
    bench.check("a cluster that is away keeps its rows, with a warning; the others have none")

    fleet.providers["cluster2"] = fleet.provide("cluster2", second.kubeconfig)
    for pod in before - set(pods_of(second, "web")):
        shows(everything, rf"^DELETED +default +cluster2 +{pod} ", f"that {pod} is gone is told")
        shows(itself, rf"^DELETED +{pod} ", f"that {pod} is gone is told at the cluster, too")
    shows(states, r"^cluster2 +False +False (.|\n)*^cluster2 +True +True ", "that it is back is told")
    wait("nothing is stale", lambda: "Warning" not in fleet.expect("get clusters", r"^cluster2 +True +True ") + fleet.ask("get pods -A"))
    bench.check("kubectl -w follows a cluster that goes and returns")


def another_comes(bench, fleet, everything):
    mini = bench.minicluster("cluster3", "--nodes", "1")
    mini.post(WEB, deployment("web", 1))
    fleet.provide("cluster3", mini.kubeconfig)
    shows(everything, r"^(ADDED|MODIFIED) +default +cluster3 +web-\S+ +1/1 +Running", "the pods of one that comes are told")
    bench.check("kubectl -w follows a cluster that comes")


def run(bench):
    fleet = Fleet(bench)
    read(bench, fleet)
    compare(bench, fleet)
    waits(bench, fleet)
    refusals(bench, fleet)
    everything = fleet.follow("get pods -A -w --output-watch-events")
    one = fleet.follow("get pods -A -l app=web --field-selector cluster=cluster1 -w")
    shows(one, r"^default +cluster1 +web-", "it begins with what is there")
    shows(everything, r"^ADDED +default +cluster2 +web-", "it begins with what is there")
    a_cluster_goes_and_returns(bench, fleet, everything, one)
    another_comes(bench, fleet, everything)
    if re.search(r"cluster[23]|alone", one.log()):
        raise Failed(f"what was not selected is followed:\n{one.tail()}")
    bench.check("kubectl -w follows what was selected alone")
