"""samples/demo.sh --once with real clusters: it deploys nginx to the first, sees it run, and takes it away again."""

import os
import pathlib

from bench import Skipped
from mirror import DEPLOYMENTS, PODS
from process import Failed, Process, wait

DEMO = pathlib.Path(__file__).resolve().parents[3] / "samples" / "demo.sh"
BUILT = DEMO.parents[1] / "build" / "bin"


def run(bench):
    if bench.programs != BUILT:
        raise Skipped(f"the demo builds and shows {BUILT}, and {bench.programs} is to be tested")
    clusters = [bench.cluster(name) for name in ("cluster1", "cluster2")]
    for cluster in clusters:
        cluster.wait_ready()
    flags = [f"--cluster={cluster.name}={cluster.kubeconfig}" for cluster in clusters]
    flags = [part for flag in flags for part in flag.split("=", 1)]
    path = f"{os.path.dirname(bench.binaries['KUBECTL'])}:{os.environ['PATH']}"
    demo = Process("demo", [DEMO, "--once", *flags], bench.directory / "demo.log", env={"PATH": path})
    api = clusters[0].api

    def ended():
        for pod in api.get(f"{PODS.path('default')}?labelSelector=app%3Dnginx")["items"]:
            if pod["status"]["phase"] == "Pending":
                clusters[0].make_pod_ready("default", pod["metadata"]["name"])
        return not demo.running()

    wait("the demo comes to its end", ended, 120, logs=[demo])
    if demo.stop():
        raise Failed(f"the demo ends with {demo.child.returncode}\n{demo.tail(40)}")
    if api.exists(DEPLOYMENTS.path("default", "nginx")):
        raise Failed(f"nginx is still there\n{demo.tail(40)}")
    bench.check("the demo runs to its end, and leaves nothing on the clusters")
