"""A Deployment written at the source cluster runs on cluster1, and what happens to it there shows at the source.

The source has no Deployment controller, else it would run the Deployment too. cluster1 has all controllers but no
kubelet: the test says which pods are ready.
"""

import pathlib

from mirror import DEPLOYMENTS, PODS
from population import make
from process import Failed, wait

SAMPLE = pathlib.Path(__file__).resolve().parents[3] / "samples" / "nginx-deployment.yaml"
ANNOTATION = "cluster.available.replicas/"


def run(bench):
    source = bench.cluster("source", controllers="*,-deployment-controller,-replicaset-controller")
    target = bench.cluster("cluster1")
    bench.broker()
    source.wait_ready()
    target.wait_ready()
    bystander = make(DEPLOYMENTS, "default", "bystander")
    target.api.post(DEPLOYMENTS.path("default"), bystander)

    def hub():
        return bench.program("hub", "--kubeconfig", source.kubeconfig)

    def agent():
        return bench.program("agent", "--cluster", "cluster1", "--kubeconfig", target.kubeconfig)

    programs = {"hub": hub(), "agent": agent()}
    story = Story(bench, source.api, target.api, programs)
    source.kubectl("apply", "-f", str(SAMPLE))
    story.runs()
    story.comes_back()
    story.scales(3)
    story.available(2)

    uid = story.there()["metadata"]["uid"]
    programs["hub"].kill()
    programs["hub"] = hub()
    story.scales(4)
    programs["agent"].kill()
    story.scale_source(2)
    programs["agent"] = agent()
    story.scales(2)
    story.source_outage(source)
    if story.there()["metadata"]["uid"] != uid:
        raise Failed("the Deployment was replaced by a restart or an outage")
    bench.check("restarts of hub and agent and an outage of the source delete nothing")

    story.pruned()
    if not target.api.exists(DEPLOYMENTS.path("default", "bystander")):
        raise Failed("a Deployment that nobody sent from the source was deleted too")
    bench.check("what the agent did not bring stays")


class Story:
    def __init__(self, bench, source, target, programs):
        self.bench, self.source, self.target, self.programs = bench, source, target, programs
        self.name = None

    def wait(self, what, condition, timeout_s=60):
        return wait(what, condition, timeout_s, must_run=self.programs.values())

    def at_source(self):
        (deployment,) = self.source.get(DEPLOYMENTS.path("cluster1"))["items"]
        return deployment

    def there(self):
        """The one Deployment on cluster1 with the source's name, in whatever namespace it was brought to; or None."""
        found = [item for item in self.target.get(DEPLOYMENTS.path())["items"] if item["metadata"]["name"] == self.name]
        if len(found) > 1:
            raise Failed(f"{self.name} is in {len(found)} namespaces")
        return found[0] if found else None

    def pods(self):
        deployment = self.there()
        if not deployment:
            return []
        pods = self.target.get(PODS.path(deployment["metadata"]["namespace"]))["items"]
        labels = deployment["spec"]["selector"]["matchLabels"].items()
        return [pod for pod in pods if labels <= pod["metadata"].get("labels", {}).items()
                and "deletionTimestamp" not in pod["metadata"]]

    def runs(self):
        sent = self.at_source()
        self.name = sent["metadata"]["name"]
        deployment = self.wait("the Deployment arrives on cluster1", self.there)
        namespace = sent["metadata"].get("labels", {}).get("hub.transport-informer/target-namespace")
        if namespace and deployment["metadata"]["namespace"] != namespace:
            raise Failed(f"it is in namespace {deployment['metadata']['namespace']}, not in {namespace}")
        image = [d["spec"]["template"]["spec"]["containers"][0]["image"] for d in (sent, deployment)]
        if image[0] != image[1]:
            raise Failed(f"its image is {image[1]}, not {image[0]}")
        replicas = sent["spec"]["replicas"]
        self.wait(f"it has {replicas} pods", lambda: len(self.pods()) == replicas)
        self.bench.check("applied at the source, it runs on cluster1")
        applied = [m["manager"] for m in deployment["metadata"]["managedFields"] if m["operation"] == "Apply"]
        if not applied:
            raise Failed(f"not by server-side apply: {deployment['metadata']['managedFields']}")
        self.bench.check(f"by server-side apply, as field manager {applied[0]}")

    def comes_back(self):
        deployment = self.there()
        uid = deployment["metadata"]["uid"]
        self.target.delete(DEPLOYMENTS.path(deployment["metadata"]["namespace"], self.name))
        self.wait("it comes back", lambda: (self.there() or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid)
        self.bench.check("deleted on cluster1, it comes back")

    def scale_source(self, replicas):
        self.source.patch(DEPLOYMENTS.path("cluster1", self.name, "scale"), {"spec": {"replicas": replicas}})

    def scales(self, replicas):
        self.scale_source(replicas)
        self.wait(f"it is scaled to {replicas}", lambda: self.there()["spec"]["replicas"] == replicas)
        self.wait(f"it has {replicas} pods", lambda: len(self.pods()) == replicas)
        self.bench.check(f"scaled to {replicas} at the source, it scales on cluster1")

    def available(self, count):
        deployment = self.there()
        namespace = deployment["metadata"]["namespace"]
        for pod in self.pods()[:count]:
            self.target.patch(PODS.path(namespace, pod["metadata"]["name"], "status"), {"status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            }})
        self.wait("cluster1's controller counts them",
                  lambda: self.there().get("status", {}).get("availableReplicas") == count)

        def shown():
            annotations = self.at_source()["metadata"].get("annotations", {})
            ours = {key: value for key, value in annotations.items() if key.startswith(ANNOTATION)}
            if ours != {ANNOTATION + namespace: str(count)}:
                raise Failed(f"annotations are {ours}, and not {ANNOTATION}{namespace}={count}")
            return True

        self.wait("available replicas show at the source", shown)
        self.bench.check(f"{count} available replicas show at the source as an annotation")

    def source_outage(self, source):
        """The hub lists the source again after it; anything that it sends then proves that it has."""
        source.apiserver.kill()
        source.start_apiserver()
        source.wait_ready()
        self.scales(3)

    def pruned(self):
        self.source.delete(DEPLOYMENTS.path("cluster1", self.name))
        self.wait("it is pruned", lambda: not self.there())
        self.bench.check("deleted at the source, it is pruned on cluster1")
