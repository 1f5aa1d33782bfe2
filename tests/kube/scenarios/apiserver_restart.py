"""The API server dies and comes back: nothing is taken for deleted meanwhile, and all that happened after arrives."""

from mirror import CONFIGMAPS, SERVICE_ACCOUNTS, SERVICES, Truth
from population import make
from process import Failed, wait

RESOURCES = [CONFIGMAPS, SERVICES, SERVICE_ACCOUNTS]


def run(bench):
    cluster = bench.cluster("cluster1")
    bench.broker()
    api = cluster.wait_ready().api
    provider = bench.provider(cluster, resources=RESOURCES)
    informer, mirror = bench.informer(RESOURCES)
    programs = [provider, informer]
    names = [f"item-{number}" for number in range(200)]
    api.every(lambda name: api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", name)), names)
    truth = Truth(api, RESOURCES)
    bench.wait_equal("the first state arrives", mirror, cluster, RESOURCES, programs, truth=truth)

    for how in ("stop", "kill"):
        log_before = len(provider.log())
        getattr(cluster.apiserver, how)()
        wait("the provider notices", lambda: len(provider.log()) > log_before, 30, must_run=programs)
        if mirror.read().deleted:
            raise Failed(f"deleted without a deletion: {mirror.deleted[:3]}")
        cluster.start_apiserver()
        cluster.wait_ready()
        api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", f"after-{how}"))
        api.every(lambda name: api.patch(CONFIGMAPS.path("default", name), {"data": {"how": how}}), names[:100])
        bench.wait_equal("the state after the restart arrives", mirror, cluster, RESOURCES, programs, truth=truth)
        if mirror.read().deleted:
            raise Failed(f"deleted without a deletion: {mirror.deleted[:3]}")
        bench.check(f"equal after the API server's {how} and start, and nothing was deleted in between")

    api.every(lambda name: api.delete(CONFIGMAPS.path("default", name)), names[:10])
    bench.wait_equal("deletions arrive", mirror, cluster, RESOURCES, programs, truth=truth)
    if len(mirror.deleted) != 10:
        raise Failed(f"{len(mirror.deleted)} deletions instead of 10")
    bench.check("later deletions arrive")
