"""The half of the table that only reads, asked of a cluster and of a hub that serves a mirror of it at /clusters/NAME: what is
answered must be the same, but for what is known to differ (known_hub.py).

What writes is asked of the cluster alone, and waited for at the hub. Versions are each server's own: where a case saves one, the hub's
is that under which it has the same state, which it tells on its root, beside the cluster's.
"""

import json
import re
import time

import cases
import suite

OURS = "cluster.transport-informer/"  # annotations that a hub adds
VERSION_THERE = f"{OURS}resource-version"
WAIT_S = 30


def object_path(case, data):
    """Where what was written stands: an object, or a collection of which some were deleted."""
    path = re.sub(r"/(status|scale)$", "", case["path"].partition("?")[0])
    if case["method"] != "POST":
        return path
    return f"{path}/{json.loads(data)['metadata']['name']}"


def without_ours(value):
    """An answer less what says that it is a hub's."""
    if isinstance(value, list):
        return [without_ours(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    less = {key: without_ours(inner) for key, inner in value.items() if not key.startswith(OURS)}
    if less.get("annotations") == {} != value["annotations"]:
        del less["annotations"]
    return less


class ThroughHub:
    """cluster and hub: their wires; name: of the cluster."""

    def __init__(self, cluster, hub, name):
        self.cluster, self.hub = suite.Run(cluster), suite.Run(hub, f"/clusters/{name}")

    @staticmethod
    def _versions(run, path, of):
        """{name: its version in the cluster} of an object or a list."""
        code, _, data = run.wire.ask("GET", path)
        if code != 200:
            return {}
        answer = json.loads(data)
        return {item["metadata"]["name"]: of(item["metadata"]) for item in answer.get("items", [answer])}

    def _state(self, path):
        """The same of both."""
        return (self._versions(self.cluster, path, lambda metadata: metadata["resourceVersion"]),
                self._versions(self.hub, path, lambda metadata: metadata["annotations"][VERSION_THERE]))

    def _await_state(self, path):
        deadline = time.monotonic() + WAIT_S
        while (state := self._state(path))[0] != state[1]:
            if time.monotonic() > deadline:
                raise AssertionError(f"{path}: the cluster has {state[0]}, the hub {state[1]}")
            time.sleep(0.01)

    def _write(self, case):
        code = self.cluster.answer(case)["code"]
        if code >= 400 or "dryRun" in case["path"] or "dryRun" in str(case.get("body")):
            return
        path = self.cluster.filled(object_path(case, self.cluster.data))
        self._await_state(path)
        for name, place in case.get("save", {}).items():
            self.hub.saved[name] = self.cluster.saved[name]
            if place == "metadata.resourceVersion":
                self.hub.saved[name] = json.loads(self.hub.wire.ask("GET", path)[2])["metadata"]["resourceVersion"]

    def _read(self, case):
        """(what the cluster answers, what the hub answers)."""
        theirs, ours = (json.loads(json.dumps(run.answer(case))) for run in (self.cluster, self.hub))
        return theirs, without_ours(ours)

    def _await(self, case):
        """At the hub, until it has all of it, too: it warns where it has not."""
        self.cluster.await_served(case)
        self.hub.await_served(case)
        deadline = time.monotonic() + WAIT_S
        while "until" in case and (warning := self.hub.wire.ask("GET", self.hub.prefix + case["until"])[1].get("Warning")):
            if time.monotonic() > deadline:
                raise AssertionError(f"{case['until']}: {warning}")
            time.sleep(0.01)

    def compare(self, known=()):
        """As suite.compare()."""
        known, passed, faults = dict(known), 0, []
        for case in cases.TABLE:
            if "method" not in case:
                self._await(case)
            elif case["method"] != "GET" and not case.get("asks"):
                self._write(case)
            elif not case.get("fleeting"):
                found = suite.unexpected(case["name"], *self._read(case), known, faults)
                passed += not found
        faults += [f"{name}: known to differ, but not asked" for name in known]
        return passed, faults
