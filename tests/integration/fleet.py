"""Clusters for the scenarios, and what an informer has seen of them."""

import copy
import json
import re
import urllib.error
import urllib.request

PLURALS = {"ConfigMap": ("", "v1", "configmaps"), "Secret": ("", "v1", "secrets"), "Namespace": ("", "v1", "namespaces"),
           "Deployment": ("apps", "v1", "deployments"), "Pod": ("", "v1", "pods")}


def collection(gvr, namespace=None):
    """The path of a resource, in one namespace or in all."""
    group, version, resource = gvr
    base = f"/apis/{group}/{version}" if group else f"/api/{version}"
    return f"{base}/namespaces/{namespace}/{resource}" if namespace else f"{base}/{resource}"


def bare(item):
    """An object less what is always cut."""
    return {**item, "metadata": {key: value for key, value in item["metadata"].items() if key != "managedFields"}}


def key(item):
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


class Cluster:
    """A minicluster, spoken to directly."""

    def __init__(self, bench, name, *arguments):
        self.name, self.kubeconfig = name, bench.directory / f"{name}.kubeconfig"
        self.process = bench.program("minicluster", "--listen", "127.0.0.1:0", "--kubeconfig-out", self.kubeconfig, *arguments,
                                     label=f"minicluster-{name}")
        bench.wait(f"{name} is ready", self.kubeconfig.exists)
        self.url = re.search(r"server: *\"?(http://[^\s\"]+)", self.kubeconfig.read_text(encoding="utf-8")).group(1)

    def at(self, url):
        """Another one of the same process."""
        other = copy.copy(self)
        other.url = url
        return other

    def request(self, method, path, body=None, content_type="application/json"):
        request = urllib.request.Request(self.url + path, method=method, headers={"Content-Type": content_type},
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def create(self, kind, name, namespace="default", **fields):
        group, version, _ = gvr = PLURALS[kind]
        body = {"apiVersion": f"{group}/{version}" if group else version, "kind": kind, "metadata": {"name": name}, **fields}
        body["metadata"].update(fields.pop("metadata", {}))
        body["metadata"].setdefault("name", name)
        return self.request("POST", collection(gvr, None if kind == "Namespace" else namespace), body)

    def patch(self, kind, name, patch, namespace="default"):
        return self.request("PATCH", f"{collection(PLURALS[kind], namespace)}/{name}", patch, "application/merge-patch+json")

    def delete(self, kind, name, namespace="default"):
        return self.request("DELETE", f"{collection(PLURALS[kind], namespace)}/{name}")

    def get(self, kind, name, namespace="default"):
        try:
            return bare(self.request("GET", f"{collection(PLURALS[kind], namespace)}/{name}"))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def state(self, gvr):
        """{key: object} of a resource: as single GETs give them, which have kind and apiVersion."""
        answer = self.request("GET", collection(gvr))
        kind, version = answer["kind"].removesuffix("List"), answer["apiVersion"]
        return {key(item): bare({"kind": kind, "apiVersion": version, **item}) for item in answer["items"]}


class View:
    """The state of all clusters, by the output of `informer -o json`. Faults are events that cannot be."""

    def __init__(self, process):
        self.process = process
        self.file, self.partial = open(process.out_path, encoding="utf-8"), ""
        self.states, self.synced, self.events, self.faults = {}, set(), [], []

    def read(self):
        lines = (self.partial + self.file.read()).split("\n")
        self.partial = lines.pop()
        for line in lines:
            self._take(json.loads(line))
        return self

    def _take(self, event):
        self.events.append(event)
        stream = event["cluster"], (event["group"], event["version"], event["resource"])
        state = self.states.setdefault(stream, {})
        if event["type"] == "SYNCED":
            self.synced.add(stream)
        if event["type"] in ("SYNCED", "STALE"):
            return
        item = event["object"]
        present = key(item) in state
        if present == (event["type"] == "ADDED"):
            self.faults.append(f"{event['type']} of {key(item)}, which was {'there' if present else 'not there'}")
        if event["type"] == "DELETED":
            state.pop(key(item), None)
        else:
            state[key(item)] = bare(item)

    def state(self, cluster, gvr):
        return self.read().states.get((cluster, gvr), {})

    def get(self, cluster, kind, name, namespace="default"):
        return self.state(cluster, PLURALS[kind]).get((namespace, name))

    def equals(self, cluster, *kinds):
        """Synced, and equal to the cluster."""
        self.read()
        return all((cluster.name, PLURALS[kind]) in self.synced and
                   self.state(cluster.name, PLURALS[kind]) == cluster.state(PLURALS[kind]) for kind in kinds)
