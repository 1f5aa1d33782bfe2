"""RBAC that forbids one kind: it is reported, the others flow; once allowed it flows; forbidden again it is kept.

The provider runs with the token of a service account of limited rights, out of a token file.
"""

from mirror import CONFIGMAPS, SECRETS, SERVICES, Truth, compare
from population import make
from process import Failed, wait

ALLOWED = [CONFIGMAPS, SERVICES]
RESOURCES = [*ALLOWED, SECRETS]
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def _allow(api, resources):
    rules = [{"apiGroups": [""], "resources": [r.plural for r in resources], "verbs": ["get", "list", "watch"]},
             {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]}]
    api.patch(f"{RBAC}/clusterroles/mirror", {"rules": rules})


def run(bench):
    cluster = bench.cluster("cluster1")
    bench.broker()
    api = cluster.wait_ready().api
    api.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "mirror"}})
    api.post(f"{RBAC}/clusterroles", {"metadata": {"name": "mirror"}, "rules": []})
    _allow(api, ALLOWED)
    api.post(f"{RBAC}/clusterrolebindings", {
        "metadata": {"name": "mirror"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "mirror"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": "mirror"}],
    })
    token = cluster.directory / "mirror.token"
    token.write_text(cluster.service_account_token("default", "mirror"))
    kubeconfig = cluster.write_kubeconfig("limited", {"tokenFile": str(token)})
    for resource in RESOURCES:
        for number in range(20):
            api.post(resource.path("default"), make(resource, "default", f"item-{number}", number))

    informer, mirror = bench.informer(RESOURCES)
    provider = bench.provider(cluster, kubeconfig=kubeconfig, resources=RESOURCES)
    programs = [provider, informer]
    bench.wait_equal("the allowed kinds arrive", mirror, cluster, ALLOWED, programs)
    bench.check("the allowed kinds flow")
    wait("the forbidden kind is reported", lambda: _reported(provider.log()), 30, must_run=programs)
    bench.check("the provider's log names the forbidden kind")

    _allow(api, RESOURCES)
    bench.wait_equal("the kind arrives once it is allowed", mirror, cluster, RESOURCES, programs, timeout_s=90)
    bench.check("once allowed it flows, without a restart")

    _allow(api, ALLOWED)
    log_before = len(provider.log())
    _end_watches(cluster)
    wait("the provider notices", lambda: _reported(provider.log()[log_before:]), 60, must_run=programs)
    api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", "afterwards"))
    truth = Truth(api, RESOURCES)
    wait("the others go on", lambda: compare(mirror.read().cluster("cluster1"), truth.read()) == [], must_run=programs)
    mirror.expect_no_faults()
    if mirror.deleted:
        raise Failed(f"deleted because forbidden: {mirror.deleted[:3]}")
    bench.check("forbidden again, its objects are kept")


def _reported(log):
    return any("secrets" in line and ("orbidden" in line or "403" in line) for line in log.splitlines())


def _end_watches(cluster):
    """RBAC is checked when a watch begins: an API server restart ends the running ones."""
    cluster.apiserver.kill()
    cluster.start_apiserver()
    cluster.wait_ready()
