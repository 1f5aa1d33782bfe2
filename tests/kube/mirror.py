"""What an informer prints with `-o json`, replayed, and compared with the API server's own answers.

Equal means: the same keys, and for each the same bytes as a single GET of it returns, less metadata.managedFields, the
field that is cut by default. The cut here is the test's own, made by Python's JSON scanner.
"""

import json

import kubeapi
from process import Failed, wait

_SCANNER = json.JSONDecoder()
_MANAGED_FIELDS = '"managedFields":'


def cut_managed_fields(text):
    """JSON as the API server writes it (no white space) without metadata.managedFields; else byte for byte the same."""
    begin = text.find(_MANAGED_FIELDS)
    if begin < 0:
        return text
    _, end = _SCANNER.raw_decode(text, begin + len(_MANAGED_FIELDS))
    if text[begin - 1] == ",":
        begin -= 1
    elif text[end] == ",":
        end += 1
    return text[:begin] + text[end:]


def without_managed_fields(document):
    metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    return {**document, "metadata": metadata}


class Changing(Failed):
    """The cluster changed while it was read: to be read again."""


class Truth:
    """The objects of one cluster, by single GETs. An object is read again only when its list entry has changed."""

    def __init__(self, api, resources):
        self.api, self.resources = api, list(resources)
        self.bodies = {}

    def at_rest(self):
        """read(), once that succeeds."""
        return wait("the cluster comes to rest", self.read, 120)

    def read(self):
        """{(resource, namespace, name): GET body as text}, of one moment; Changing if something changed meanwhile."""
        listed = self._list()
        missing = [key for key, version in listed.items() if (key, version) not in self.bodies]

        def fetch(key):
            resource, namespace, name = key
            try:
                body = self.api.bytes("GET", resource.path(namespace, name)).decode()
            except kubeapi.Status as error:
                raise Changing(f"{key}: {error}") from error
            if json.loads(body)["metadata"]["resourceVersion"] != listed[key]:
                raise Changing(f"{key} is still changing")
            return (key, listed[key]), body.rstrip("\n")

        self.bodies.update(self.api.every(fetch, missing))
        return {key: self.bodies[key, version] for key, version in listed.items()}

    def _list(self):
        listed = {}
        for resource in self.resources:
            for item in self.api.get(resource.path())["items"]:
                metadata = item["metadata"]
                listed[resource, metadata.get("namespace", ""), metadata["name"]] = metadata["resourceVersion"]
        return listed


class Mirror:
    """Follows the lines that one informer writes into a file.

    Beside the state it keeps what must never be seen, in .faults: an event that contradicts the state before it, or an
    object that goes back in time. (resourceVersion is opaque to programs; here it is known to be etcd's revision.)
    """

    def __init__(self, path, resources):
        self.stream = open(path, "r", encoding="utf-8", newline="\n")
        self.known = {(r.group, r.version, r.plural): r for r in resources}
        self.partial = ""
        self.objects = {}
        self.synced = set()
        self.deleted = []
        self.faults = []
        self.lines = 0
        self.newest = {}
        self.one_history = True  # versions of two clusters say nothing about each other

    def read(self):
        """Takes in what has been written since; a line that is half written waits for its end."""
        text = self.partial + self.stream.read()
        lines = text.split("\n")
        self.partial = lines.pop()
        for line in lines:
            self.lines += 1
            self._event(line)
        return self

    def _event(self, line):
        try:
            event = json.loads(line)
            kind, cluster = event["type"], event["cluster"]
            gvr = (event.get("group", ""), event.get("version", ""), event.get("resource", ""))
        except (ValueError, KeyError, TypeError) as error:
            self.faults.append(f"not an event: {line[:200]!r}: {error!r}")
            return
        if kind == "SYNCED":
            self.synced.add((cluster, gvr))
        if kind in ("SYNCED", "STALE"):
            return
        resource = self.known.get(gvr)
        if not resource:
            self.faults.append(f"{kind} of {gvr}, which nobody asked for")
            return
        metadata = event["object"]["metadata"]
        key = (cluster, resource, metadata.get("namespace", ""), metadata["name"])
        self._check(kind, key, metadata)
        if kind == "DELETED":
            self.objects.pop(key, None)
            self.deleted.append(key)
        else:
            begin = line.index('"object":') + len('"object":')
            _, end = _SCANNER.raw_decode(line, begin)
            self.objects[key] = (line[begin:end], metadata["uid"])

    def _check(self, kind, key, metadata):
        present = key in self.objects
        if kind not in ("ADDED", "MODIFIED", "DELETED"):
            self.faults.append(f"unknown type {kind}")
        if present == (kind == "ADDED"):
            self.faults.append(f"{kind} of {key}, which was {'there' if present else 'not there'}")
        if present and self.objects[key][1] != metadata["uid"]:
            self.faults.append(f"{kind} of {key} with another uid, no DELETED in between")
        version = int(metadata["resourceVersion"])
        if self.one_history and version < self.newest.get(key, 0):
            self.faults.append(f"{kind} of {key} goes back from {self.newest[key]} to {version}")
        self.newest[key] = max(version, self.newest.get(key, 0))

    def cluster(self, name):
        """{(resource, namespace, name): text} of one cluster."""
        return {key[1:]: text for key, (text, _) in self.objects.items() if key[0] == name}

    def expect_no_faults(self):
        self.read()
        if self.faults:
            shown = "\n  ".join(self.faults[:5])
            raise Failed(f"{len(self.faults)} events that must not be:\n  {shown}")
        return self


def _some(keys):
    keys = sorted(keys, key=repr)
    return ", ".join(f"{resource!r} {namespace}/{name}" for resource, namespace, name in keys[:3]) + (
        f" and {len(keys) - 3} more" if len(keys) > 3 else "")


def compare(mirrored, true):
    """Failed unless both hold the same objects, as JSON; returns the keys whose bytes differ nevertheless."""
    if missing := true.keys() - mirrored.keys():
        raise Failed(f"{len(missing)} of {len(true)} objects missing: {_some(missing)}")
    if extra := mirrored.keys() - true.keys():
        raise Failed(f"{len(extra)} objects that the API server does not have: {_some(extra)}")
    other_bytes = [key for key in true if mirrored[key] != cut_managed_fields(true[key])]
    different = [
        key for key in other_bytes if json.loads(mirrored[key]) != without_managed_fields(json.loads(true[key]))
    ]
    if different:
        key = different[0]
        raise Failed(f"{len(different)} objects differ: {_some(different)}\n  is        {mirrored[key][:1000]}\n"
                     f"  should be {cut_managed_fields(true[key])[:1000]}")
    return other_bytes


def expect_same_bytes(mirrored, true):
    if other := compare(mirrored, true):
        key = other[0]
        raise Failed(f"{len(other)} objects are equal as JSON but not in bytes: {_some(other)}\n"
                     f"  is        {mirrored[key][:600]}\n  should be {cut_managed_fields(true[key])[:600]}")


CONFIGMAPS = kubeapi.Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = kubeapi.Resource("", "v1", "secrets", "Secret")
SERVICES = kubeapi.Resource("", "v1", "services", "Service")
SERVICE_ACCOUNTS = kubeapi.Resource("", "v1", "serviceaccounts", "ServiceAccount")
PODS = kubeapi.Resource("", "v1", "pods", "Pod")
NAMESPACES = kubeapi.Resource("", "v1", "namespaces", "Namespace", namespaced=False)
DEPLOYMENTS = kubeapi.Resource("apps", "v1", "deployments", "Deployment")
REPLICA_SETS = kubeapi.Resource("apps", "v1", "replicasets", "ReplicaSet")
ROLES = kubeapi.Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
JOBS = kubeapi.Resource("batch", "v1", "jobs", "Job")
