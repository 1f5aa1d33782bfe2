"""The ways of a kubeconfig to prove who one is, each with a provider of its own: a client certificate, a token file whose
token is replaced and revoked meanwhile, an exec plugin. A token that the API server refuses is reported, and retried.
"""

import json
import shlex

from mirror import CONFIGMAPS, Truth, compare
from population import make
from process import wait

RESOURCES = [CONFIGMAPS]


def run(bench):
    cluster = bench.cluster("cluster1")
    bench.broker()
    api = cluster.wait_ready().api
    for number in range(20):
        api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", f"item-{number}", number))
    rotating = Rotating(cluster)
    kubeconfigs = {
        "certificate": str(cluster.directory / "kubeconfig-cert"),
        "rotating": cluster.write_kubeconfig("rotating", {"tokenFile": str(rotating.file)}),
        "exec": cluster.write_kubeconfig("exec", {"exec": _plugin(cluster)}),
    }
    informer, mirror = bench.informer(RESOURCES)
    providers = {
        name: bench.provider(cluster, kubeconfig=kubeconfig, resources=RESOURCES, name=name)
        for name, kubeconfig in kubeconfigs.items()
    }
    programs = [informer, *providers.values()]
    truth = Truth(api, RESOURCES)

    def equal(name):
        return lambda: compare(mirror.read().cluster(name), truth.read()) == []

    for name in providers:
        wait(f"the state arrives by {name}", equal(name), must_run=programs)
        bench.check(f"{name} is accepted")

    rotating.rotate()
    cluster.apiserver.kill()
    cluster.start_apiserver()
    cluster.wait_ready()
    api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", "afterwards"))
    for name in providers:
        wait(f"the state arrives by {name} after the restart", equal(name), must_run=programs)
    bench.check("a replaced token file is read again")

    refused = bench.provider(cluster, kubeconfig=cluster.write_kubeconfig("refused", {"token": "wrong"}),
                             resources=RESOURCES, name="refused")
    wait("the refusal is reported", lambda: "401" in refused.log() or "nauthorized" in refused.log(), 30, logs=[refused])
    bench.check("a token that is refused is reported")


class Rotating:
    """A token file whose token dies with the Secret that it is bound to."""

    def __init__(self, cluster):
        self.cluster, self.file, self.bound = cluster, cluster.directory / "rotating.token", None
        api = cluster.api
        api.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "rotating"}})
        api.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
            "metadata": {"name": "rotating"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": "rotating"}],
        })
        self.rotate()

    def rotate(self):
        previous, self.bound = self.bound, "first" if self.bound is None else "second"
        api = self.cluster.api
        secret = api.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": self.bound}})
        reference = {"apiVersion": "v1", "kind": "Secret", "name": self.bound, "uid": secret["metadata"]["uid"]}
        answer = api.post("/api/v1/namespaces/default/serviceaccounts/rotating/token", {
            "spec": {"expirationSeconds": 3600, "boundObjectRef": reference}})
        self.file.write_text(answer["status"]["token"])
        if previous:
            api.delete(f"/api/v1/namespaces/default/secrets/{previous}")


def _plugin(cluster):
    """A program that prints the admin's token. It must be run by its arguments: a shell would stumble over them."""
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                  "status": {"token": cluster.token, "expirationTimestamp": "2099-01-01T00:00:00Z"}}
    script = cluster.directory / "plugin.sh"
    script.write_text("#!/bin/sh\n[ \"$1\" = '$(a) ; b' ] && [ \"$WHO\" = me ] || exit 1\n"
                      f"printf '%s' {shlex.quote(json.dumps(credential))}\n")
    script.chmod(0o700)
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "args": ["$(a) ; b"],
            "env": [{"name": "WHO", "value": "me"}], "interactiveMode": "Never"}
