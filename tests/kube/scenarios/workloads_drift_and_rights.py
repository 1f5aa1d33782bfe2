"""Drift on cluster1 is repaired, a workload moves and leaves, and then all is at rest; an agent of limited rights brings
what it may, reports what it may not, and brings that once it may.

The source is an ordinary cluster here, with a Deployment controller of its own that writes to the same objects.
"""

import time

from mirror import DEPLOYMENTS
from population import make
from process import Failed, wait

RBAC = "/apis/rbac.authorization.k8s.io/v1"
LABEL = "hub.transport-informer/"


def run(bench):
    source, target = bench.cluster("source"), bench.cluster("cluster1")
    bench.broker()
    source.wait_ready().api.create_namespace("cluster1")
    target.wait_ready()
    for namespace in ("allowed", "forbidden"):
        target.api.create_namespace(namespace)
    agent = bench.program("agent", "--cluster", "cluster1", "--kubeconfig", _limited(target))
    hub = bench.program("hub", "--kubeconfig", source.kubeconfig)
    programs = [agent, hub]

    _send(source, "one", "allowed")
    _send(source, "two", "forbidden")
    wait("one arrives", lambda: _there(target) == {"one": "allowed"}, must_run=programs)
    wait("the agent reports the other", lambda: "two" in agent.log() and "orbidden" in agent.log(), must_run=programs)
    bench.check("an agent of limited rights brings what it may, and reports the rest")
    _allow(target, "forbidden")
    wait("two arrives", lambda: _there(target) == {"one": "allowed", "two": "forbidden"}, 120, must_run=programs)
    bench.check("allowed later, it is brought without a restart")

    one = DEPLOYMENTS.path("allowed", "one")
    target.kubectl("scale", "deployment", "one", "-n", "allowed", "--replicas=5")
    wait("the number of replicas is repaired", lambda: target.api.get(one)["spec"]["replicas"] == 1, must_run=programs)
    target.kubectl("set", "image", "deployment/one", "-n", "allowed", "main=other:1")
    wait("the image is repaired", lambda: "other:1" not in str(target.api.get(one)["spec"]), must_run=programs)
    target.kubectl("label", "deployment", "one", "-n", "allowed", "own=label")
    bench.check("drift is repaired")
    _expect_rest(source, target)
    if target.api.get(one)["metadata"]["labels"].get("own") != "label":
        raise Failed("a label of somebody else was removed")
    bench.check("then all is at rest, and what others own stays")

    path = DEPLOYMENTS.path("cluster1", "two")
    source.api.patch(path, {"metadata": {"labels": {LABEL + "target-namespace": "allowed"}}})
    wait("two moves", lambda: _there(target) == {"one": "allowed", "two": "allowed"}, must_run=programs)
    source.api.patch(path, {"metadata": {"labels": {LABEL + "resources": None}}})
    wait("two leaves", lambda: _there(target) == {"one": "allowed"}, must_run=programs)
    bench.check("another target namespace moves it, no label removes it")


def _limited(target):
    """A kubeconfig of a service account that sees everything and may write Deployments in namespace allowed."""
    api = target.api
    api.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "agent"}})
    subjects = [{"kind": "ServiceAccount", "namespace": "default", "name": "agent"}]
    api.post(f"{RBAC}/clusterroles", {"metadata": {"name": "see"}, "rules": [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]})
    api.post(f"{RBAC}/clusterroles", {"metadata": {"name": "bring"}, "rules": [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["create", "patch", "delete"]}]})
    api.post(f"{RBAC}/clusterrolebindings", {"metadata": {"name": "see"}, "subjects": subjects, "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "see"}})
    _allow(target, "allowed")
    return target.write_kubeconfig("limited", {"token": target.service_account_token("default", "agent")})


def _allow(target, namespace):
    target.api.post(f"{RBAC}/namespaces/{namespace}/rolebindings", {
        "metadata": {"name": "bring"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": "agent"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "bring"},
    })


def _send(source, name, namespace):
    deployment = make(DEPLOYMENTS, "cluster1", name)
    deployment["metadata"]["labels"].update({LABEL + "resources": "", LABEL + "target-namespace": namespace})
    source.api.post(DEPLOYMENTS.path("cluster1"), deployment)


def _there(target):
    items = target.api.get(DEPLOYMENTS.path())["items"]
    return {item["metadata"]["name"]: item["metadata"]["namespace"] for item in items}


def _expect_rest(*clusters):
    """Nobody writes a Deployment for three seconds; two programs that fight would do so without end."""
    def versions():
        return [(item["metadata"]["uid"], item["metadata"]["resourceVersion"])
                for cluster in clusters for item in cluster.api.get(DEPLOYMENTS.path())["items"]]

    seen = {"versions": versions(), "since": time.monotonic()}

    def at_rest():
        now = versions()
        if now != seen["versions"]:
            seen.update(versions=now, since=time.monotonic())
        return time.monotonic() - seen["since"] > 3

    wait("Deployments come to rest", at_rest, 60)
