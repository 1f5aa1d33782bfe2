"""An API server that does not stream lists is asked for pages; and two providers with one name are found out.
"""

from mirror import CONFIGMAPS, SERVICES
from population import make
from process import wait

RESOURCES = [CONFIGMAPS, SERVICES]


def run(bench):
    cluster = bench.cluster("cluster1", apiserver_flags=["--feature-gates=WatchList=false"])
    bench.broker()
    api = cluster.wait_ready().api
    api.every(lambda n: api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", f"item-{n}", n)), range(1200))
    provider = bench.provider(cluster, resources=RESOURCES, flags=["--log-level", "debug"])
    informer, mirror = bench.informer(RESOURCES)
    programs = [provider, informer]
    bench.wait_equal("three pages arrive", mirror, cluster, RESOURCES, programs)
    wait("the provider says that it asks for pages", lambda: "asking for pages" in provider.log(), 1, logs=[provider])
    bench.check("without streamed lists, three pages are one list")

    other = bench.provider(cluster, resources=RESOURCES)
    for process in (provider, other, informer):
        wait(f"{process.name} reports two providers of one name",
             lambda process=process: any("publish" in line and "cluster1" in line for line in process.log().splitlines()),
             must_run=[*programs, other])
    api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", "meanwhile"))
    bench.wait_equal("a change arrives all the same", mirror, cluster, RESOURCES, programs)
    bench.check("two providers of one name are reported by each of them and by the informer, and nothing is lost")
