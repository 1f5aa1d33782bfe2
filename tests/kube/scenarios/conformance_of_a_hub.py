"""A hub answers what only reads at /clusters/NAME as the real cluster itself does."""

import pathlib
import sys

from process import Failed, free_ports, wait

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "conformance"))
import known_hub  # pylint: disable=wrong-import-position
import suite  # pylint: disable=wrong-import-position
import through_hub  # pylint: disable=wrong-import-position


def run(bench):
    # As in conformance.py: what is there is what was asked for.
    cluster = bench.cluster("real", controllers=None, apiserver_flags=["--disable-admission-plugins=ServiceAccount"])
    bench.broker()
    cluster.wait_ready()
    wait("the namespaces are there", lambda: cluster.api.exists("/api/v1/namespaces/default"), 20)
    bench.provider(cluster, flags=("--always", "--resource", "*"))
    (port,) = free_ports(1)
    hub = bench.program("hub", "--read-only-http", f"127.0.0.1:{port}", "--state-dir", bench.directory / "state")
    at_hub = suite.Wire(port)
    wait("the hub has it", lambda: "to read" in hub.log() and at_hub.exists("/clusters/real/apis/apps/v1/deployments"), 60, must_run=[hub])
    at_cluster = suite.Wire(cluster.port, str(cluster.directory / "ca.crt"), cluster.token)
    passed, faults = through_hub.ThroughHub(at_cluster, at_hub, "real").compare(known_hub.KNOWN)
    if faults:
        raise Failed("\n".join(faults))
    bench.check(f"{passed} answers are those of the cluster")
