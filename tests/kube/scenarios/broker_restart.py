"""The broker dies, forgets everything and comes back while the cluster changes; an informer stops reading for longer than
the broker queues for it. Both are equal again, and saw nothing that the cluster did not do.
"""

from mirror import CONFIGMAPS, SERVICES, Truth
from population import make
from process import Failed

RESOURCES = [CONFIGMAPS, SERVICES]


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

    bench.mosquitto.kill()
    api.every(lambda name: api.delete(CONFIGMAPS.path("default", name)), names[:20])
    api.every(lambda name: api.patch(CONFIGMAPS.path("default", name), {"data": {"while": "away"}}), names[20:120])
    bench.broker()
    bench.wait_equal("the state after the broker's return arrives", mirror, cluster, RESOURCES, programs, truth=truth)
    _expect_deleted(mirror, names[:20])
    bench.check("equal after the broker died, forgot everything and came back")

    def churn(name):
        for turn in range(20):
            api.patch(CONFIGMAPS.path("default", name), {"data": {"turn": str(turn), "filler": "x" * 5000}})

    informer.pause()
    api.every(churn, names[20:140])
    api.every(lambda name: api.delete(CONFIGMAPS.path("default", name)), names[20:40])
    informer.resume()
    bench.wait_equal("the state after the informer's return arrives", mirror, cluster, RESOURCES, programs, truth=truth)
    _expect_deleted(mirror, names[:40])
    bench.check("equal after the informer had not read for 2,400 changes")

    api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", "afterwards"))
    bench.wait_equal("a later change arrives", mirror, cluster, RESOURCES, programs, truth=truth)
    bench.check("live changes flow again")


def _expect_deleted(mirror, names):
    deleted = sorted(name for *_, name in mirror.deleted)
    if deleted != sorted(names):
        raise Failed(f"told as deleted were {len(deleted)} objects, not the {len(names)} that were: {deleted[:5]}")
