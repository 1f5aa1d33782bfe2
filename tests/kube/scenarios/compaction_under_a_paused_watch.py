"""etcd is compacted while the provider is paused and cut off: its watch gets a real 410, and it lists again.

Configmaps are watched in etcd itself, without the API server's watch cache, which would bridge the gap.
"""

import json

from mirror import CONFIGMAPS, SERVICES, Truth
from population import make
from process import Failed, wait

RESOURCES = [CONFIGMAPS, SERVICES]


def run(bench):
    cluster = bench.cluster("cluster1", uncached=["configmaps"])
    bench.broker()
    api = cluster.wait_ready().api
    proxy = bench.proxy(cluster)
    kubeconfig = cluster.write_kubeconfig("by-proxy", {"token": cluster.token}, port=proxy.port)
    provider = bench.provider(cluster, kubeconfig=kubeconfig, resources=RESOURCES)
    informer, mirror = bench.informer(RESOURCES)
    programs = [provider, informer]
    names = [f"item-{number}" for number in range(200)]
    api.every(lambda name: api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", name)), names)
    truth = Truth(api, RESOURCES)
    bench.wait_equal("the first state arrives", mirror, cluster, RESOURCES, programs, truth=truth)
    seen = api.get(CONFIGMAPS.path())["metadata"]["resourceVersion"]
    log_before = len(provider.log())

    provider.pause()
    proxy.cut()
    api.every(lambda name: api.delete(CONFIGMAPS.path("default", name)), names[:50])
    api.every(lambda name: api.patch(CONFIGMAPS.path("default", name), {"data": {"number": "2"}}), names[50:150])
    api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", "new"))
    revision = cluster.compact()
    _expect_gone(api, seen)
    bench.check(f"a watch from {seen} gets 410 once etcd is compacted at {revision}")

    proxy.restore()
    provider.resume()
    bench.wait_equal("the state after the relist arrives", mirror, cluster, RESOURCES, programs, truth=truth)
    deleted = {name for _, resource, _, name in mirror.deleted if resource is CONFIGMAPS}
    if not deleted.issuperset(names[:50]) or len(deleted) != 50:
        raise Failed(f"{len(deleted)} configmaps were reported as deleted, not the 50 that were")
    bench.check("after the 410 the informer is equal again; the 50 deletions that nobody saw are told")
    wait("the provider's log says why", lambda: "too old" in provider.log()[log_before:], 5, logs=[provider])
    bench.check("the provider's log says why it listed again")
    api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", "afterwards"))
    bench.wait_equal("the new watch works", mirror, cluster, RESOURCES, programs, truth=truth)
    bench.check("the watch goes on")


def _expect_gone(api, version):
    code, body = api.raw("GET", f"{CONFIGMAPS.path()}?watch=1&timeoutSeconds=2&resourceVersion={version}")
    document = json.loads(body.splitlines()[0]) if body.strip() else {}
    status = document.get("object", document)
    if status.get("code") != 410:
        raise Failed(f"the API server answers {code} {body[:300]!r}, not 410")
