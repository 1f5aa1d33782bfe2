"""Another source, or one that lost its data, deletes nothing on a cluster; the same source deletes what was deleted while
nobody looked.
"""

import time

from mirror import DEPLOYMENTS
from population import make
from process import Failed, wait

CONTROLLERS = "*,-deployment-controller,-replicaset-controller"


def run(bench):
    source, other = (bench.cluster(name, controllers=CONTROLLERS) for name in ("source", "other"))
    target = bench.cluster("cluster1")
    bench.broker()
    for cluster in (source, other):
        cluster.wait_ready().api.create_namespace("cluster1")
    target.wait_ready()
    for name in ("one", "two", "three"):
        _send(source, name)
    agent = _agent(bench, target)
    hub = bench.program("hub", "--kubeconfig", source.kubeconfig)
    wait("three arrive", lambda: _there(target) == ["one", "three", "two"], must_run=[hub, agent])

    hub.stop()
    source.api.delete(DEPLOYMENTS.path("cluster1", "one"))
    hub = bench.program("hub", "--kubeconfig", source.kubeconfig)
    wait("one is pruned", lambda: _there(target) == ["three", "two"], must_run=[hub, agent])
    bench.check("deleted at the source while the hub was away, it is pruned when it returns")

    agent.stop()
    source.api.delete(DEPLOYMENTS.path("cluster1", "two"))
    agent = _agent(bench, target)
    wait("two is pruned", lambda: _there(target) == ["three"], must_run=[hub, agent])
    bench.check("deleted at the source while the agent was away, it is pruned when it returns")

    hub.stop()
    _send(other, "four")
    log_before = len(agent.log())
    hub = bench.program("hub", "--kubeconfig", other.kubeconfig)
    wait("the agent says that this is another source", lambda: len(agent.log()) > log_before, must_run=[hub, agent])
    end = time.monotonic() + 8
    while time.monotonic() < end:  # an absence of action can only be watched for a while
        if "three" not in _there(target):
            raise Failed(f"another source has deleted what the first one sent\n{agent.tail()}")
        time.sleep(0.2)
    bench.check("a hub of another source deletes nothing")

    hub.stop()
    hub = bench.program("hub", "--kubeconfig", source.kubeconfig)
    source.api.patch(DEPLOYMENTS.path("cluster1", "three", "scale"), {"spec": {"replicas": 4}})
    wait("the first source is followed again", lambda: _replicas(target, "three") == 4, must_run=[hub, agent])
    bench.check("the first source is followed again once it is back")


def _agent(bench, target):
    return bench.program("agent", "--cluster", "cluster1", "--kubeconfig", target.kubeconfig)


def _send(source, name):
    deployment = make(DEPLOYMENTS, "cluster1", name)
    deployment["metadata"]["labels"].update({
        "hub.transport-informer/resources": "", "hub.transport-informer/target-namespace": "default"})
    source.api.post(DEPLOYMENTS.path("cluster1"), deployment)


def _there(target):
    return sorted(item["metadata"]["name"] for item in target.api.get(DEPLOYMENTS.path())["items"])


def _replicas(target, name):
    return target.api.get(DEPLOYMENTS.path("default", name))["spec"]["replicas"]
