#!/usr/bin/env python3
"""Sends a minicluster what no client of good will would: requests of the whole API, whose documents are of the right
shape but for a few places. A finding is an end of the process, an answer that does not come, or one that is no JSON
where it says so.

    tests/fuzz/hostile.py MINICLUSTER [--seed N] [--requests N]

Which requests are sent is said by the seed alone, never by an answer, so that the seed and the number of the request are
all that is needed to see it again; what controllers do meanwhile is not in its power. Names are few, so that requests meet
each other: two managers apply to one object, objects go while they are changed, definitions change under what they
define. Leaks are found when the process ends, by the sanitizer it was built with.
"""

import argparse
import copy
import http.client
import json
import pathlib
import random
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from urllib.parse import quote, urlencode

from hostile_documents import DOCUMENTS, NAMES, NAMESPACES, QUESTIONS

PATIENCE_S = 60
WATCHES = 24
CLUSTERS = 2

DEEP = b'"<deep>"'  # becomes a nest of arrays
VALUES = ["<deep>", None, True, 0, 1, -1, 2**31, 2**63, -2**63, 2**64, 1e300, 0.1, "", "x", "0", "-1", "1e9", "100%", "a/b", "~1",
          "..", "\u00e9\U0001f600", "2020-01-01T00:00:00Z", "x" * 300, [], ["x"], [["x"]], [{}], [None], [1, 2], {}, {"": ""}, {"a": 1}, {"a": {"b": []}},
          {"f:a": ["x"]}, {".": {}}, {'k:{"name":"a"}': {}}, {"$patch": "delete"}, {"$patch": "replace"}, {"$ref": "#"}]
KEYS = ["", "a", "name", "f:spec", ".", "k:{}", 'k:{"name":"a"}', "v:1", "i:0", "metadata", "spec", "$patch", "$retainKeys",
        "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers", "x-kubernetes-preserve-unknown-fields", "items",
        "properties", "additionalProperties", "a.b", "a/b~c", "deletionTimestamp", "generateName", "ownerReferences"]
ACCEPTS = [*["application/json"] * 30, "*/*", "", "application/vnd.kubernetes.protobuf", "application/json;as=Table;v=v1;g=meta.k8s.io",
           "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", "application/yaml",
           "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", "application/json;as=Table;v=v9;g=;,,q=0"]
# What each may say, and what it may not.
QUERIES = {
    "limit": (["0", "1", "2"], ["-1", "x", "99999999999999999999"]), "continue": ([""], ["x", "eyJ2IjoxfQ", "=", "%00"]),
    "fieldSelector": (["metadata.name=a", "metadata.name!=a"], ["a=b=c", ",", "spec.nodeName=node-1", "=" * 200]),
    "labelSelector": (["app=x", "!app", "app in (x,y)", "app=x,app!=y"], ["app notin ()", "a in (", ",,", "=,="]),
    "resourceVersion": (["0", "1", ""], ["-1", "x", "99999999"]), "resourceVersionMatch": (["NotOlderThan"], ["Exact", "x"]),
    "allowWatchBookmarks": (["true"], ["x"]), "sendInitialEvents": (["true"], ["false", "x"]), "timeoutSeconds": (["0", "1"], ["-1"]),
    "dryRun": (["All", "All", ""], ["x"]), "fieldManager": (["one", "two", "three"], ["", "m" * 200]), "force": (["true", "false"], ["x"]),
    "fieldValidation": (["Strict", "Warn", "Ignore"], ["x"]), "propagationPolicy": (["Orphan", "Foreground", "Background"], ["x"]),
    "gracePeriodSeconds": (["0", "1"], ["-1", "x"]), "includeObject": (["None", "Object"], ["x"]), "pretty": (["true"], ["x"]),
}
PATCHES = ["application/merge-patch+json", "application/strategic-merge-patch+json", "application/json-patch+json",
           "application/apply-patch+yaml"]
SUBRESOURCES = ["status", "scale", "finalize", "eviction", "binding", "token", "log", "exec", "x"]
FAULTS = ["cut", "end", "expire", "error?code=503&times=2", "error?code=429&retry-after=1&times=1&verb=list", "drop?times=1",
          "slow?delay-ms=30&times=3", "slow?delay-ms=10&times=2&verb=watch", "stale", "x", "error?code=x", "drop?y=z"]
PATHS = ["/", "/api", "/apis", "/api/v1", "/apis/apps/v1", "/openapi/v2", "/openapi/v3", "/openapi/v3/apis/apps/v1", "/version",
         "/apis/example.com/v1", "/openapi/v3/apis/example.com/v1", "/healthz", "/readyz?verbose", "/livez/x", "//", "/api/v1/x/y/z/../%2e",
         "/metrics", "/minicluster/faults", "/apis/metrics.k8s.io/v1beta1/pods", "/api/v1/namespaces/default/pods/a/log?follow=true"]


class Finding(Exception):
    pass


# ---- what is sent ----

def spots(tree):
    """Each place in it: what holds it, and its key there."""
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield tree, key
        yield from spots(tree[key])


PECULIAR = ["finalizers", "ownerReferences", "managedFields", "deletionTimestamp"]


def plain(kind, name):
    """One that nobody would refuse."""
    tree = copy.deepcopy(kind.document)
    for key in PECULIAR:
        del tree["metadata"][key]
    tree["metadata"]["name"] = kind.own_name or name
    return tree


class Hostile:
    """Gives request after request: (cluster, method, path, headers, body)."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pick = self.random.choice

    def chance(self, share):
        return self.random.random() < share

    def value(self):
        if self.chance(0.1):
            tree = copy.deepcopy(self.pick(VALUES))
            for _ in range(self.pick([1, 3, 30])):
                tree = [tree] if self.chance(0.5) else {self.pick(KEYS): tree}
            return tree
        if self.chance(0.1):
            return {f"{self.pick(KEYS)}{i}": copy.deepcopy(self.pick(VALUES)) for i in range(self.pick([2, 20, 200]))}
        if self.chance(0.2):
            holder, key = self.pick(list(spots(self.pick(DOCUMENTS).document)))
            return copy.deepcopy(holder[key])
        return copy.deepcopy(self.pick(VALUES))

    def spoil_once(self, tree):
        holder, key = self.pick(list(spots(tree)) or [([None], 0)])
        what = self.random.random()
        if what < 0.65:
            holder[key] = self.value()
        elif what < 0.75:
            del holder[key]
        elif isinstance(holder, dict):
            holder[self.pick(KEYS)] = copy.deepcopy(holder[key]) if self.chance(0.5) else self.value()
        else:
            holder.insert(key, copy.deepcopy(self.pick(holder)) if self.chance(0.7) else self.value())

    def spoil(self, tree):
        tree = copy.deepcopy(tree)
        for _ in range(self.pick([0, 0, 1, 1, 1, 1, 2, 3, 5])):
            self.spoil_once(tree)
        return tree

    def document(self, kind, name):
        tree = plain(kind, name)
        for key in PECULIAR if self.chance(0.3) else []:
            tree["metadata"][key] = copy.deepcopy(kind.document["metadata"][key])
        tree = self.spoil(tree)
        return tree if self.chance(0.98) else self.value()

    def part(self, tree):
        """Some members of it, and of those some, as a patch has."""
        if isinstance(tree, list) and tree:
            return [self.part(item) for item in tree] if self.chance(0.8) else self.random.sample(tree, self.random.randrange(len(tree)))
        if not isinstance(tree, dict) or self.chance(0.3):
            return tree
        return {key: self.part(tree[key]) for key in tree if key in ("name", "apiVersion", "kind") or self.chance(0.4)}

    def pointer(self, tree):
        """A JSON pointer to a place in it, or to one that is not."""
        steps = []
        while isinstance(tree, (dict, list)) and tree and (not steps or self.chance(0.75)):
            key = self.pick(list(tree)) if isinstance(tree, dict) else self.random.randrange(len(tree))
            wrong = self.chance(0.08)
            steps.append(self.pick(["-", "01", "-1", "99", "", "~", "~2"]) if wrong else str(key).replace("~", "~0").replace("/", "~1"))
            tree = tree[key]
        return "".join("/" + step for step in steps)

    def json_patch(self, tree):
        step = {"op": self.pick(["add", "add", "replace", "remove", "test", "copy", "move", "x"]), "path": self.pointer(tree),
                "from": self.pointer(tree), "value": self.value()}
        if self.chance(0.1):
            self.spoil_once(step)
        return step

    def query(self, *names):
        chosen = [name for name in names if self.chance(0.25)]
        if self.chance(0.05):
            chosen.append(self.pick(list(QUERIES)))
        return "?" + urlencode([(name, self.pick(QUERIES[name][self.chance(0.04)])) for name in chosen]) if chosen else ""

    def protobuf_message(self, depth=0):
        out = b""
        for _ in range(self.random.randrange(6)):
            number = self.random.randrange(1, 20)
            if self.chance(0.3):
                out += bytes([*self.varint(number << 3), *self.varint(self.pick([0, 1, 2**31, 2**64 - 1]))])
                continue
            nested = depth < 20 and self.chance(0.6)
            body = self.protobuf_message(depth + 1) if nested else self.pick([b"", b"a", b"a/b", b"\xff", b"x\0y"])
            out += bytes([*self.varint(number << 3 | 2), *self.varint(len(body))]) + body
        return out

    @staticmethod
    def varint(number):
        while number > 127:
            yield number & 127 | 128
            number >>= 7
        yield number

    def field(self, number, body):
        return bytes([*self.varint(number << 3 | 2), *self.varint(len(body))]) + body

    def protobuf(self, kind, name):
        version, word = kind.api_version, kind.kind
        meta = self.field(1, name.encode()) + (self.protobuf_message(2) if self.chance(0.3) else b"")
        message = self.field(1, meta) + self.protobuf_message()
        body = b"k8s\0" + self.field(1, self.field(1, version.encode()) + self.field(2, word.encode())) + self.field(2, message)
        return body if self.chance(0.9) else body[:self.random.randrange(len(body))]

    # ---- kinds of requests ----

    def place(self):
        kind = self.pick(DOCUMENTS)
        collection = kind.collection(self.pick(NAMESPACES))
        name = kind.own_name or self.pick(NAMES)
        return kind, collection, name, f"{collection}/{quote(name)}"

    def create(self):
        kind, collection, name, _ = self.place()
        path = collection + self.query("dryRun", "fieldManager", "fieldValidation")
        if self.chance(0.15):
            return "POST", path, "application/vnd.kubernetes.protobuf", self.protobuf(kind, name)
        return "POST", path, "application/json", self.document(kind, name)

    def create_plain(self):
        kind, collection, name, _ = self.place()
        return "POST", collection, "application/json", plain(kind, name)

    def replace(self):
        kind, _, name, path = self.place()
        path += self.pick(["", "", "", "/status", "/" + self.pick(SUBRESOURCES)])
        return "PUT", path + self.query("dryRun", "fieldManager", "fieldValidation"), "application/json", self.document(kind, name)

    def patch(self):
        kind, _, name, path = self.place()
        tree, how = self.document(kind, name), self.pick(PATCHES)
        tree = self.part(tree) if self.chance(0.6) else tree
        path += self.pick(["", "", "", "/status", "/scale"]) + self.query("dryRun", "fieldManager", "fieldValidation")
        if how == PATCHES[2]:
            tree = [self.json_patch(kind.document) for _ in range(self.pick([1, 1, 2, 5]))]
        elif how == PATCHES[3]:
            if isinstance(tree, dict) and isinstance(tree.get("metadata"), dict) and self.chance(0.9):
                tree["metadata"].pop("managedFields", None)
            path += ("&" if "?" in path else "?") + f"fieldManager={self.pick(['one', 'two'])}&force={self.pick(['true', 'false'])}"
        return "PATCH", path, how, tree

    def delete(self):
        _, collection, _, path = self.place()
        if self.chance(0.1):
            path = collection + self.query("labelSelector", "fieldSelector", "dryRun")
        options = self.spoil({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": self.pick([0, 0, 1, None]),
                              "propagationPolicy": self.pick(["Orphan", "Foreground", "Background"]),
                              "preconditions": {"uid": "x"} if self.chance(0.1) else {}})
        return "DELETE", path, "application/json", self.pick([None, options])

    def read(self):
        _, collection, _, path = self.place()
        path = self.pick([path, path + "/" + self.pick(SUBRESOURCES), collection, self.pick(PATHS)])
        if "?" not in path:
            path += self.query("limit", "continue", "fieldSelector", "labelSelector", "resourceVersion", "resourceVersionMatch",
                               "includeObject")
        return "GET", path, None, None

    def ask(self):
        path, document = self.pick(QUESTIONS)
        return "POST", path, "application/json", self.spoil(document)

    def fault(self):
        if self.chance(0.3):
            return "DELETE", "/minicluster/faults", None, None
        return "POST", "/minicluster/faults/" + self.pick(FAULTS), None, None

    def watch(self):
        _, collection, _, _ = self.place()
        query = self.query("labelSelector", "fieldSelector", "resourceVersion", "allowWatchBookmarks", "timeoutSeconds",
                           "includeObject") or "?"
        if self.chance(0.2):
            query += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        return "WATCH", f"{collection}{query}&watch=true", None, None

    KINDS = [(create, 12), (create_plain, 14), (replace, 20), (patch, 40), (delete, 6), (read, 12), (ask, 3), (fault, 1), (watch, 6)]

    def first(self):
        """What most of the others need: namespaces, and a definition."""
        for kind in [kind for kind in DOCUMENTS if kind.plural in ("namespaces", "customresourcedefinitions")]:
            for name in NAMES * CLUSTERS:
                yield "POST", kind.collection(""), "application/json", plain(kind, name)

    def calls(self):
        makers, weights = zip(*self.KINDS)
        yield from self.first()
        while True:
            yield self.random.choices(makers, weights)[0](self)

    def requests(self):
        for method, path, content_type, body in self.calls():
            headers = {"Accept": self.pick(ACCEPTS)}
            if content_type:
                headers["Content-Type"] = content_type if self.chance(0.99) else self.pick(["x", "", "application/yaml"])
            if body is not None and not isinstance(body, bytes):
                depth = self.pick([200, 2000])
                body = json.dumps(body).encode().replace(DEEP, b"[" * depth + b"]" * depth)
            yield self.random.randrange(CLUSTERS), method, path, headers, body


# ---- who it is sent to ----

class Watches:
    """Open ones, the oldest given up for a new one. Half are read; those that are not fill up."""

    def __init__(self):
        self.sockets = []

    def open(self, port, path, headers):
        watch = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        lines = [f"GET {path} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items())]
        watch.sendall("\r\n".join([*lines, "", ""]).encode())
        watch.setblocking(False)
        self.sockets.append(watch)
        if len(self.sockets) > WATCHES:
            self.sockets.pop(0).close()

    def drain(self):
        while ready := select.select(self.sockets[::2], [], [], 0)[0]:
            for watch in ready:
                try:
                    if watch.recv(1 << 16):
                        continue
                except OSError:
                    pass
                self.sockets.remove(watch)
                watch.close()


class Target:
    def __init__(self, binary, directory):
        self.log = directory / "minicluster.log"
        kubeconfig = directory / "kubeconfig"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [binary, "--clusters", str(CLUSTERS), "--nodes", "2", "--pods", "20", "--churn", "5", "--node-grace", "2",
                 "--toleration", "1", "--log-level", "error", "--kubeconfig-out", str(kubeconfig)], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while not kubeconfig.exists() and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        self.ports = [int(port) for port in re.findall(r"server: http://127.0.0.1:(\d+)", kubeconfig.read_text())]
        self.connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S) for port in self.ports]
        self.watches = Watches()

    def send(self, cluster, method, path, headers, body):
        if method == "WATCH":
            self.watches.open(self.ports[cluster], path, headers)
            return
        connection = self.connections[cluster]
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            self.check(answer, answer.read())
        except TimeoutError:
            raise Finding("no answer") from None
        except (http.client.HTTPException, OSError):  # a fault does so, too
            connection.close()
            self.alive()
        self.watches.drain()

    def check(self, answer, body):
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            try:
                json.loads(body)
            except ValueError as error:
                raise Finding(f"no JSON ({error}): {body[:300]}") from None

    def alive(self):
        """A request that no fault takes is answered."""
        for connection in self.connections:
            try:
                connection.close()
                connection.request("GET", "/minicluster/faults")
                connection.getresponse().read()
            except (http.client.HTTPException, OSError) as error:
                self.stop(signal.SIGABRT)
                raise Finding(f"not served any more: {error!r}") from None

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


def run(target, seed, count):
    """What was found; None where nothing was."""
    number = 0
    for number, request in zip(range(1, count + 1), Hostile(seed).requests()):
        try:
            target.send(*request)
        except Finding as finding:
            return f"request {number}, {request}: {finding}"
    code = target.stop()
    return None if code == 0 else f"ended with {code} after {number} requests"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("minicluster")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=10000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ti-hostile-") as directory:
        target = Target(arguments.minicluster, pathlib.Path(directory))
        try:
            found = run(target, arguments.seed, arguments.requests)
        finally:
            if target.process.poll() is None:
                target.stop()
        if found:
            print(f"{target.log.read_text(errors='replace')[-8000:]}\nFAILED  hostile, seed {arguments.seed}: {found}"[:12000])
            return 1
    print(f"ok      hostile, seed {arguments.seed}: {arguments.requests} requests")
    return 0


if __name__ == "__main__":
    sys.exit(main())
