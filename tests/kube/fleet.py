"""A fleet to follow: a real cluster and a minicluster, mirrored by a hub that serves them."""

from kubeapi import Plain
from process import free_ports, wait
from proxy import Proxy

CLUSTERS = "/apis/fleet.transport-informer.io/v1alpha1/clusters"
GROUP = "followed.example.com"
RESOURCES = [("", "v1", "pods", "Pod"), ("", "v1", "configmaps", "ConfigMap"), (GROUP, "v1", "widgets", "Widget")]


def definition():
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"widgets.{GROUP}"},
            "spec": {"group": GROUP, "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}]}}


class Setting:
    """A real cluster and a minicluster, mirrored by a hub, and a network before the hub and before the minicluster."""

    def __init__(self, bench, also=()):
        """also: resources to mirror beside RESOURCES, as kubectl spells them."""
        self.bench = bench
        self.resources = [f"{plural}.{group}" if group else plural for group, _, plural, _ in RESOURCES] + list(also)
        self.cluster = bench.cluster("cluster1")
        self.mini = bench.minicluster("cluster2", "--nodes", "1")
        bench.broker()
        self.cluster.wait_ready()
        for api in (self.cluster.api, self.mini):
            api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())
            wait("widgets are served", lambda api=api: api.exists(f"/apis/{GROUP}/v1/widgets"), 20)
        self.providers = [self.start_provider("cluster1", self.cluster.kubeconfig),
                          self.start_provider("cluster2", self.mini.kubeconfig)]
        self.port, self.http = free_ports(2)
        self.kubeconfig = bench.directory / "fleet.yaml"
        self.start_hub()
        self.to_hub, self.to_mini = self._proxy(self.port), self._proxy(self.mini.port)

    def start_provider(self, name, kubeconfig):
        resources = [flag for resource in self.resources for flag in ("--resource", resource)]
        return self.bench.provider(None, kubeconfig=kubeconfig, flags=["--always", *resources], name=name)

    def _proxy(self, port):
        proxy = Proxy(("127.0.0.1", port))
        self.bench.proxies.append(proxy)
        return proxy

    def start_hub(self):
        self.hub = self.bench.program("hub", "--listen", f"127.0.0.1:{self.port}", "--kubeconfig-out", self.kubeconfig,
                                      "--read-only-http", f"127.0.0.1:{self.http}", "--state-dir", self.bench.directory / "state")
        self.fleet = Plain(self.http)
        wait("the hub has both clusters", self._has_all, 60, must_run=[self.hub, *self.providers])

    def condition(self, cluster, kind):
        """What the hub says of a cluster, such as Connected: True or False, as text; None where it does not know it."""
        for item in self.fleet.get(CLUSTERS)["items"]:
            for each in item["status"]["conditions"]:
                if (item["metadata"]["name"], each["type"]) == (cluster, kind):
                    return each["status"]
        return None

    def _has_all(self):
        return (all(self.condition(cluster, "Synced") == "True" for cluster in ("cluster1", "cluster2"))
                and self.fleet.exists(f"/apis/{GROUP}/v1/widgets"))
