"""A cluster is replaced by another one under its name: the informer takes over nothing from the first.

Objects of equal names are other objects there, and are told as deleted and added.
"""

from mirror import CONFIGMAPS
from population import make
from process import Failed

RESOURCES = [CONFIGMAPS]


def run(bench):
    first, second = (bench.cluster(name) for name in ("first", "second"))
    bench.broker()
    for cluster, names in ((first, range(0, 40)), (second, range(20, 60))):
        api = cluster.wait_ready().api
        api.every(lambda n, api=api: api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", f"item-{n}", n)),
                  names)
    informer, mirror = bench.informer(RESOURCES)
    provider = bench.provider(first, resources=RESOURCES, name="edge")
    first.name = second.name = "edge"
    bench.wait_equal("the first cluster arrives", mirror, first, RESOURCES, [provider, informer])
    count = len(mirror.objects)
    provider.kill()
    mirror.one_history = False
    provider = bench.provider(second, resources=RESOURCES)
    bench.wait_equal("the second cluster arrives", mirror, second, RESOURCES, [provider, informer], timeout_s=120)
    if len(mirror.deleted) != count:
        raise Failed(f"{len(mirror.deleted)} of the first cluster's {count} objects were told as deleted")
    bench.check("replaced as a whole")
