"""A CustomResourceDefinition is deleted, and its objects with it: the informer hears of each. It returns, and so do they.

An object deleted with its definition is told by the watch; one way or the other nothing may stay behind.
"""

from mirror import CONFIGMAPS, Truth
from population import GADGETS, WIDGETS, create_all, establish_crd, make
from process import Failed, wait

RESOURCES = [CONFIGMAPS, WIDGETS, GADGETS]
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def run(bench):
    cluster = bench.cluster("cluster1")
    bench.broker()
    api = cluster.wait_ready().api
    for resource in (WIDGETS, GADGETS):
        establish_crd(api, resource)
    provider = bench.provider(cluster, resources=RESOURCES)
    informer, mirror = bench.informer(RESOURCES)
    programs = [provider, informer]
    create_all(api, [(WIDGETS, "default", make(WIDGETS, "default", f"widget-{n}", n)) for n in range(30)])
    create_all(api, [(GADGETS, None, make(GADGETS, None, f"gadget-{n}", n)) for n in range(30)])
    bench.wait_equal("custom resources arrive", mirror, cluster, RESOURCES, programs)
    bench.check("namespaced and cluster-wide custom resources have the same bytes")

    provider.pause()
    api.delete(f"{DEFINITIONS}/widgets.example.com")
    wait("the definition is gone", lambda: not api.exists(f"{DEFINITIONS}/widgets.example.com"), 60)
    provider.resume()
    bench.wait_equal("the deletions arrive", mirror, cluster, [CONFIGMAPS, GADGETS], programs, timeout_s=120)
    if len(mirror.deleted) != 30:
        raise Failed(f"{len(mirror.deleted)} deletions, not 30")
    bench.check("deleted with their definition, they are deleted")

    establish_crd(api, WIDGETS)
    create_all(api, [(WIDGETS, "default", make(WIDGETS, "default", f"widget-{n}", n)) for n in range(10)])
    bench.wait_equal("they arrive again", mirror, cluster, RESOURCES, programs, timeout_s=180)
    bench.check("defined again, they arrive again")
