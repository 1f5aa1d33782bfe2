#!/usr/bin/env python3
"""Compares what an informer printed with what a cluster says of itself.

Usage: verify.py EVENTS CLUSTER KUBECONFIG RESOURCES [SECONDS]

EVENTS is the growing output of `informer -o json`. The cluster may go on changing: for each resource (comma separated, as
kubectl spells them) it is listed again until the informer has just that state, within SECONDS (60). Equal means the same
keys and, for each object, the same JSON less metadata.managedFields.
"""

import json
import os
import subprocess
import sys
import time


def kubectl(kubeconfig, *arguments):
    environment = {**os.environ, "KUBECONFIG": kubeconfig}
    done = subprocess.run(["kubectl", "--request-timeout=10s", *arguments], env=environment, capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise SystemExit(f"verify: kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def key(item):
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def listed(kubeconfig, resource):
    """{key: object} as the cluster has them now."""
    items = kubectl(kubeconfig, "get", resource, "--all-namespaces", "-o", "json")["items"]
    for item in items:
        item["metadata"].pop("managedFields", None)
    return {key(item): item for item in items}


class Informer:
    """The state of one cluster, by its events."""

    def __init__(self, path, cluster):
        self.file, self.cluster, self.partial = open(path, encoding="utf-8"), cluster, ""
        self.state = {}
        self.synced = set()

    def read(self):
        lines = (self.partial + self.file.read()).split("\n")
        self.partial = lines.pop()
        for line in lines:
            event = json.loads(line)
            if event["cluster"] == self.cluster:
                self._take(event)

    def _take(self, event):
        resource = event["resource"] + ("." + event["group"] if event["group"] else "")
        if event["type"] == "SYNCED":
            self.synced.add(resource)
        elif event["type"] == "STALE":
            pass
        elif event["type"] == "DELETED":
            self.state.get(resource, {}).pop(key(event["object"]), None)
        else:
            event["object"]["metadata"].pop("managedFields", None)
            self.state.setdefault(resource, {})[key(event["object"])] = event["object"]


def difference(ours, theirs):
    """One line that says how two states differ; None where they are equal."""
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            return f"{'/'.join(name)} is at the informer only"
        if name not in ours:
            return f"{'/'.join(name)} is missing at the informer"
        if ours[name] != theirs[name]:
            versions = ours[name]["metadata"].get("resourceVersion"), theirs[name]["metadata"].get("resourceVersion")
            return f"{'/'.join(name)} differs: version {versions[0]} at the informer, {versions[1]} at the cluster"
    return None


def compare(informer, kubeconfig, resource):
    theirs = listed(kubeconfig, resource)
    wrong = "not synced yet"
    for _ in range(20):
        informer.read()
        if resource in informer.synced:
            wrong = difference(informer.state.get(resource, {}), theirs)
        if not wrong:
            return None, len(theirs)
        time.sleep(0.02)
    return wrong, len(theirs)


def main():
    if len(sys.argv) < 5:
        raise SystemExit(__doc__)
    path, cluster, kubeconfig, resources = sys.argv[1:5]
    deadline = time.monotonic() + float(sys.argv[5] if len(sys.argv) > 5 else 60)
    informer = Informer(path, cluster)
    counts = []
    for resource in resources.split(","):
        wrong = "?"
        while wrong:
            wrong, count = compare(informer, kubeconfig, resource)
            if wrong and time.monotonic() > deadline:
                raise SystemExit(f"verify: {cluster}: {resource}: {wrong}")
        counts.append(f"{count} {resource}")
    print(f"verified: the informer has {cluster} as it is: {', '.join(counts)}")


if __name__ == "__main__":
    main()
