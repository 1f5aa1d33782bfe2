"""What is expected of minicluster is what a real API server answers."""

import os
import pathlib
import re
import sys

from bench import Skipped
from process import Failed, wait

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "conformance"))
import suite  # pylint: disable=wrong-import-position


GO_MOD = pathlib.Path(__file__).resolve().parents[1] / "modules" / "go.mod"


def check_version(cluster):
    """Servers of other versions say some things otherwise."""
    pinned = re.search(r"k8s\.io/kubernetes (v\S+)", GO_MOD.read_text(encoding="utf-8")).group(1)
    served = cluster.api.get("/version")["gitVersion"]
    if served != pinned:
        raise Skipped(f"what is expected is of {pinned}, and this is {served}")


def run(bench):
    # Without controllers, and with no service accounts, which would be theirs: what is there is what was asked for.
    cluster = bench.cluster("real", controllers=None, apiserver_flags=["--disable-admission-plugins=ServiceAccount"])
    cluster.wait_ready()
    wait("the namespaces are there", lambda: cluster.api.exists("/api/v1/namespaces/default"), 20)
    check_version(cluster)
    wire = suite.Wire(cluster.port, str(cluster.directory / "ca.crt"), cluster.token)
    if os.environ.get("RECORD") == "1":
        print(f"{suite.record(wire)} answers are expected from now on", flush=True)
    else:
        passed, faults = suite.compare(wire)
        if faults:
            raise Failed("\n".join(faults))
        bench.check(f"{passed} answers are as expected")
