"""What an API server has had, and whether an informer told nothing else.

A History follows every resource of a cluster by list and watch of its own, from before the informer looks, and keeps each
version that there was. A Witness holds what `informer -o json` prints against it: every object that is told is one that the
cluster had, byte for byte less what is cut; the versions of one object come in order; only what the cluster deleted is told
as deleted, and nothing comes of it afterwards."""

import json
import threading
import time
import urllib.request

from fleet import bare, collection, key

GROUPS = [("", "v1"), ("apps", "v1"), ("batch", "v1")]
# What a provider shares where it is not told what.
SHARED = {"namespaces", "nodes", "pods", "services", "configmaps", "persistentvolumeclaims", "deployments", "replicasets",
          "statefulsets", "daemonsets", "jobs", "cronjobs", "ingresses"}


def text(item):
    """What may be compared: the order of members counts."""
    return json.dumps(bare(item), ensure_ascii=False)


class History:
    def __init__(self, cluster):
        self.cluster, self.lock, self.stopped = cluster, threading.Lock(), False
        self.versions, self.deleted, self.faults = {}, set(), []  # {(gvr, uid): [text]}, {(gvr, uid)}
        self.gvrs = [gvr for gvr in self._listed() if gvr[2] in SHARED]
        for gvr in self.gvrs:
            self._begin(gvr)

    def _listed(self):
        for group, version in GROUPS:
            path = f"/apis/{group}/{version}" if group else f"/api/{version}"
            for resource in self.cluster.request("GET", path)["resources"]:
                if {"list", "watch"} <= set(resource["verbs"]) and "/" not in resource["name"]:
                    yield group, version, resource["name"]

    def _begin(self, gvr):
        answer = self.cluster.request("GET", collection(gvr))
        for item in answer["items"]:
            kind = {"kind": answer["kind"].removesuffix("List"), "apiVersion": answer["apiVersion"]}
            self._take(gvr, "ADDED", {**kind, **item})
        threading.Thread(target=self._follow, args=(gvr, answer["metadata"]["resourceVersion"]), daemon=True).start()

    def _follow(self, gvr, version):
        while not self.stopped:
            try:
                url = f"{self.cluster.url}{collection(gvr)}?watch=1&resourceVersion={version}"
                with urllib.request.urlopen(url, timeout=600) as lines:
                    for line in lines:
                        event = json.loads(line)
                        if event["type"] == "ERROR":
                            raise ValueError(event["object"])
                        self._take(gvr, event["type"], event["object"])
                        version = event["object"]["metadata"]["resourceVersion"]
            except OSError as error:
                if self.stopped or not self.cluster.process.running():
                    return
                self.faults.append(f"the watch of {gvr} broke: {error}")
                return
            except ValueError as error:
                self.faults.append(f"the history of {gvr} has a hole: {error}")
                return

    def _take(self, gvr, kind, item):
        place = gvr, item["metadata"]["uid"]
        with self.lock:
            if kind == "DELETED":
                self.deleted.add(place)
            self.versions.setdefault(place, []).append(text(item))

    def find(self, place, told, start):
        """The place of a version, from start on; None where there was none."""
        with self.lock:
            versions = self.versions.get(place, [])
            for index in range(start, len(versions)):
                if versions[index] == told:
                    return index
        return None

    def was_deleted(self, place):
        with self.lock:
            return place in self.deleted


class Witness:
    """Of one View, and so of one run of an informer."""

    PATIENCE = 5  # seconds in which the history's own watch has to be where the informer is already

    def __init__(self, view, histories):
        self.view, self.histories = view, {history.cluster.name: history for history in histories}
        self.looked, self.last, self.gone = 0, {}, set()

    def _await(self, condition):
        deadline = time.monotonic() + self.PATIENCE
        while True:
            value = condition()
            if value is not None and value is not False or time.monotonic() > deadline:
                return value
            time.sleep(0.01)

    def _fault(self, event):
        history = self.histories[event["cluster"]]
        gvr, item = (event["group"], event["version"], event["resource"]), event["object"]
        place = gvr, item["metadata"]["uid"]
        if (event["cluster"], place) in self.gone:
            return "came after its deletion"
        if event["type"] == "DELETED":
            self.gone.add((event["cluster"], place))
            return None if self._await(lambda: history.was_deleted(place)) else "was not deleted by the cluster"
        start = self.last.get((event["cluster"], place), 0)
        index = self._await(lambda: history.find(place, text(item), start))
        if index is None:
            return "is older than what was told" if history.find(place, text(item), 0) is not None else "never was like that"
        self.last[event["cluster"], place] = index
        return None

    def faults(self):
        """All that was wrong in what has been told since the last look."""
        out = [fault for history in self.histories.values() for fault in history.faults] + self.view.read().faults
        for event in self.view.events[self.looked:]:
            wrong = event["type"] not in ("SYNCED", "STALE") and self._fault(event)
            if wrong:
                out.append(f"{event['cluster']}: {event['type']} {event['resource']} {key(event['object'])}: {wrong}")
        self.looked = len(self.view.events)
        return out
