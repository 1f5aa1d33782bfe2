"""A proxy on the way to the API server takes everything and passes on nothing: no connection ends, and no byte comes.

A watch may be silent for minutes, so it cannot tell. The provider finds out by a request of its own, within a minute.
"""

from mirror import CONFIGMAPS, SERVICES
from population import make
from process import Failed

RESOURCES = [CONFIGMAPS, SERVICES]


def run(bench):
    cluster = bench.cluster("cluster1")
    bench.broker()
    api = cluster.wait_ready().api
    proxy = bench.proxy(cluster)
    kubeconfig = cluster.write_kubeconfig("by-proxy", {"token": cluster.token}, port=proxy.port)
    provider = bench.provider(cluster, kubeconfig=kubeconfig, resources=RESOURCES)
    informer, mirror = bench.informer(RESOURCES)
    bench.wait_equal("the first state arrives", mirror, cluster, RESOURCES, [provider, informer])
    if not proxy.freeze():
        raise Failed("the provider has no connection to freeze")
    api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", "unseen"))
    bench.wait_equal("the change arrives", mirror, cluster, RESOURCES, [provider, informer], timeout_s=100)
    if mirror.deleted:
        raise Failed(f"deleted meanwhile: {mirror.deleted[:3]}")
    bench.check("a connection that is dead but open is given up, and watches go on over a new one")
