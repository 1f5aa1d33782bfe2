"""One namespace, one label: only that is mirrored; an object that leaves the selection is deleted at the informer, one
that enters it is added. In the readable encoding.
"""

from mirror import CONFIGMAPS, PODS, Truth, compare
from population import make
from process import wait

RESOURCES = [CONFIGMAPS, PODS]
NAMESPACE = "selected"


class Selected(Truth):
    """What the selection is, as the API server filters it."""

    def _list(self):
        listed = {}
        for resource in self.resources:
            for item in self.api.get(f"{resource.path(NAMESPACE)}?labelSelector=app%3Dapp-1")["items"]:
                listed[resource, NAMESPACE, item["metadata"]["name"]] = item["metadata"]["resourceVersion"]
        return listed


def run(bench):
    cluster = bench.cluster("cluster1")
    bench.broker()
    api = cluster.wait_ready().api
    api.create_namespace(NAMESPACE)
    wait("the namespace has its service account",
         lambda: api.exists(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"))
    for namespace in (NAMESPACE, "default"):
        for resource in RESOURCES:
            for number in range(21):
                api.post(resource.path(namespace), make(resource, namespace, f"item-{number}", number))
    flags = ["--encoding", "plain"]
    provider = bench.provider(cluster, resources=RESOURCES,
                              flags=[*flags, "--namespace", NAMESPACE, "--selector", "app=app-1"])
    informer, mirror = bench.informer(RESOURCES, flags)
    truth = Selected(api, RESOURCES)

    def equal():
        true = truth.read()
        return true and compare(mirror.read().cluster("cluster1"), true) == []

    def change(name, label):
        api.patch(CONFIGMAPS.path(NAMESPACE, name), {"metadata": {"labels": {"app": label}}})

    wait("the selection arrives", equal, must_run=[provider, informer])
    bench.check("one label in one namespace, and nothing else")
    change("item-1", "app-2")
    change("item-2", "app-1")
    wait("the changes arrive", equal, must_run=[provider, informer])
    mirror.expect_no_faults()
    bench.check("objects leave and enter the selection")
