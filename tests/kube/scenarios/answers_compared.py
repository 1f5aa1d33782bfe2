"""The same requests to a real API server and to minicluster: same codes, reasons and messages, and of objects the same fields,
wherever a client could tell them apart."""

import json
import re

from kubeapi import APPLY, MERGE
from process import Failed, wait

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
NS = "/api/v1/namespaces/compared"
CMS = f"{NS}/configmaps"
APPS = "/apis/apps/v1/namespaces/compared"
DEPLOYS = f"{APPS}/deployments"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/compared.example.com/v1/namespaces/compared/widgets"
NO_UID = "00000000-0000-0000-0000-000000000000"


def config_map(name, data=None, **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data or {"k": "v"}}


def deployment(name, replicas=0, image="nginx:1", selector="web", label="web", **spec):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": selector}},
                     "template": {"metadata": {"labels": {"app": label}},
                                  "spec": {"containers": [{"name": "main", "image": image, "ports": [{"containerPort": 80}]}]}},
                     **spec}}


def definition():
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.compared.example.com"},
            "spec": {"group": "compared.example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}]}}


def pod_template(image):
    return {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}


# Name, method, path, body, content type. In this order, each on what the ones before have left.
REQUESTS = [
    ("create", "POST", CMS, config_map("a"), JSON),
    ("create what exists", "POST", CMS, config_map("a"), JSON),
    ("create without a name", "POST", CMS, {"metadata": {}}, JSON),
    ("create with a bad name", "POST", CMS, config_map("No_Name"), JSON),
    ("create elsewhere", "POST", CMS, config_map("b", namespace="other"), JSON),
    ("create in no namespace", "POST", "/api/v1/namespaces/none/configmaps", config_map("b"), JSON),
    ("create with a version", "POST", CMS, config_map("b", resourceVersion="1"), JSON),
    ("create of another apiVersion", "POST", CMS, {**config_map("b"), "apiVersion": "v2"}, JSON),
    ("create as a form", "POST", CMS, b"a=b", "application/x-www-form-urlencoded"),
    ("create under a name", "POST", f"{CMS}/a", config_map("a"), JSON),
    ("no such resource", "GET", f"{NS}/nonsense", None, None),
    ("no such group", "GET", "/apis/nonsense/v1/things", None, None),
    ("get", "GET", f"{CMS}/a", None, None),
    ("get what is not there", "GET", f"{CMS}/none", None, None),
    ("get of a group", "GET", f"{DEPLOYS}/none", None, None),
    ("replace", "PUT", f"{CMS}/a", config_map("a", {"k": "w"}), JSON),
    ("replace what is not there", "PUT", f"{DEPLOYS}/none", deployment("none"), JSON),
    ("replace with a stale version", "PUT", f"{CMS}/a", config_map("a", {"k": "x"}, resourceVersion="1"), JSON),
    ("replace with another uid", "PUT", f"{CMS}/a", config_map("a", {"k": "x"}, uid=NO_UID), JSON),
    ("replace under another name", "PUT", f"{CMS}/b", config_map("a"), JSON),
    ("merge patch", "PATCH", f"{CMS}/a", {"data": {"k": None, "l": "1"}}, MERGE),
    ("json patch", "PATCH", f"{CMS}/a", [{"op": "add", "path": "/data/m", "value": "2"}], JSON_PATCH),
    ("strategic patch", "PATCH", f"{CMS}/a", {"metadata": {"labels": {"x": "y"}}}, STRATEGIC),
    ("patch of another type", "PATCH", f"{CMS}/a", {}, "application/nonsense"),
    ("patch what is not there", "PATCH", f"{CMS}/none", {}, MERGE),
    ("json patch: remove what is not there", "PATCH", f"{CMS}/a", [{"op": "remove", "path": "/data/zz"}], JSON_PATCH),
    ("list with a bad version", "GET", f"{CMS}?resourceVersion=x", None, None),
    ("list with match and no version", "GET", f"{CMS}?resourceVersionMatch=Exact", None, None),
    ("list with an unknown match", "GET", f"{CMS}?resourceVersion=1&resourceVersionMatch=Maybe", None, None),
    ("list exactly 0", "GET", f"{CMS}?resourceVersion=0&resourceVersionMatch=Exact", None, None),
    ("list with a bad token", "GET", f"{CMS}?limit=1&continue=nonsense", None, None),
    ("list by a field that is none", "GET", f"{CMS}?fieldSelector=data.k%3Dv", None, None),
    ("list by nonsense", "GET", f"{CMS}?labelSelector=a+b", None, None),
    ("watch with match and no initial events", "GET", f"{CMS}?watch=1&resourceVersion=1&resourceVersionMatch=NotOlderThan",
     None, None),
    ("initial events without match", "GET", f"{CMS}?watch=1&sendInitialEvents=true&timeoutSeconds=1", None, None),
    ("delete with another uid", "DELETE", f"{CMS}/a", {"preconditions": {"uid": NO_UID}}, JSON),
    ("delete what is not there", "DELETE", f"{CMS}/none", None, None),
    ("delete", "DELETE", f"{CMS}/a", None, None),
    ("delete a namespace that must stay", "DELETE", "/api/v1/namespaces/kube-system", None, None),
    ("create a deployment", "POST", DEPLOYS, deployment("d"), JSON),
    ("deployment without a selector", "POST", DEPLOYS,
     {"metadata": {"name": "e"}, "spec": {"template": deployment("x")["spec"]["template"]}}, JSON),
    ("deployment that misses its pods", "POST", DEPLOYS, deployment("e", label="other"), JSON),
    ("deployment of fewer than none", "POST", DEPLOYS, deployment("e", replicas=-1), JSON),
    ("strategic patch of a container", "PATCH", f"{DEPLOYS}/d", pod_template("nginx:2"), STRATEGIC),
    ("status by status", "PATCH", f"{DEPLOYS}/d/status", {"status": {"collisionCount": 3}, "spec": {"replicas": 7}}, MERGE),
    ("scale of it", "GET", f"{DEPLOYS}/d/scale", None, None),
    ("no scale of it", "GET", f"{CMS}/a/scale", None, None),
    ("no status of it", "PATCH", f"{CMS}/a/status", {}, MERGE),
    ("apply", "PATCH", f"{CMS}/s?fieldManager=one", config_map("s", {"x": "1", "y": "1"}), APPLY),
    ("apply again", "PATCH", f"{CMS}/s?fieldManager=one", config_map("s", {"x": "1", "y": "1"}), APPLY),
    ("apply the same beside it", "PATCH", f"{CMS}/s?fieldManager=two", config_map("s", {"x": "1"}), APPLY),
    ("apply against it", "PATCH", f"{CMS}/s?fieldManager=two", config_map("s", {"x": "2"}), APPLY),
    ("apply by force", "PATCH", f"{CMS}/s?fieldManager=two&force=true", config_map("s", {"x": "2"}), APPLY),
    ("apply less", "PATCH", f"{CMS}/s?fieldManager=one", config_map("s", {"z": "1"}), APPLY),
    ("apply by nobody", "PATCH", f"{CMS}/s", config_map("s"), APPLY),
    ("apply under another name", "PATCH", f"{CMS}/t?fieldManager=one", config_map("s"), APPLY),
    ("plain change of what is applied", "PATCH", f"{CMS}/s?fieldManager=three", {"data": {"z": "9"}}, MERGE),
    ("apply against the plain change", "PATCH", f"{CMS}/s?fieldManager=one", config_map("s", {"z": "1"}), APPLY),
    ("apply a deployment", "PATCH", f"{DEPLOYS}/ad?fieldManager=one", deployment("ad"), APPLY),
    ("scale what is applied", "PATCH", f"{DEPLOYS}/ad?fieldManager=two", {"spec": {"replicas": 0, "paused": True}}, MERGE),
    ("apply another image", "PATCH", f"{DEPLOYS}/ad?fieldManager=one", deployment("ad", image="nginx:2"), APPLY),
    ("apply another image against it", "PATCH", f"{DEPLOYS}/ad?fieldManager=three", deployment("ad", image="nginx:3"), APPLY),
    ("hold", "POST", CMS, config_map("held", finalizers=["example.com/hold"]), JSON),
    ("delete what is held", "DELETE", f"{CMS}/held", None, None),
    ("delete it again", "DELETE", f"{CMS}/held", None, None),
    ("let it go", "PATCH", f"{CMS}/held", {"metadata": {"finalizers": None}}, MERGE),
    ("it is gone", "GET", f"{CMS}/held", None, None),
    ("define", "POST", CRDS, definition(), JSON),
    ("define under another name", "POST", CRDS, {**definition(), "metadata": {"name": "x.compared.example.com"}}, JSON),
]

CUSTOM = [
    ("create a custom object", "POST", WIDGETS, {"apiVersion": "compared.example.com/v1", "kind": "Widget",
                                                 "metadata": {"name": "w"}, "spec": {"big": 9007199254740993}}, JSON),
    ("get it", "GET", f"{WIDGETS}/w", None, None),
    ("custom object that is not there", "GET", f"{WIDGETS}/none", None, None),
    ("merge patch of it", "PATCH", f"{WIDGETS}/w", {"spec": {"a": 1}}, MERGE),
    ("strategic patch of it", "PATCH", f"{WIDGETS}/w", {"spec": {"a": 1}}, STRATEGIC),
    ("delete it", "DELETE", f"{WIDGETS}/w", None, None),
]

# What is made anew in each cluster, and what minicluster does without: who may do what is not its matter.
MADE = {"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "lastTransitionTime", "lastUpdateTime"}
# What controllers add when they come to it, and when fields were taken over.
LEFT_OUT = {"deployment.kubernetes.io/revision", "time"}
# Known to differ, in the words only: each with its reason. A difference that is gone is to be taken out here.
KNOWN = {
    "list with a bad token": "the token is the server's own",
    "list by nonsense": "ours shows the whole selector",
    "deployment without a selector": "of several faults the first is told",
}


def masked(value):
    if isinstance(value, dict):
        kept = {key: "…" if key in MADE and inner else masked(inner) for key, inner in value.items() if key not in LEFT_OUT}
        if kept.get("annotations") == {}:
            del kept["annotations"]
        return kept
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    if isinstance(value, str):
        value = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "UID", value)
    return value


def owners(item):
    """managedFields in an order of their own, without what plain requests call themselves."""
    entries = item.get("metadata", {}).get("managedFields")
    if entries:
        kept = [entry for entry in entries if entry["operation"] == "Apply"]
        item["metadata"]["managedFields"] = sorted(kept, key=lambda entry: entry["manager"])
        if not kept:
            del item["metadata"]["managedFields"]
    return item


def answer(api, method, path, body, content_type):
    code, data = api.raw(method, path, body, content_type or JSON)
    try:
        value = json.loads(data)
    except ValueError:
        return code, data.decode("utf-8", "replace").strip()
    if value.get("kind") not in ("Status", "Scale"):
        value.pop("status", None)
    return code, masked(owners(value))


def differences(left, right, path=""):
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(set(left) | set(right)):
            yield from differences(left.get(key), right.get(key), f"{path}.{key}")
    elif left != right:
        yield f"{path}: {left!r} there, {right!r} here"


def compare(bench, real, mini, requests):
    wrong = 0
    for name, *request in requests:
        there, here = answer(real, *request), answer(mini, *request)
        if name in KNOWN and there[0] == here[0]:
            for _, body in (there, here):
                body.pop("message")
                body.get("details", {}).pop("causes", None)
        found = list(differences({"code": there[0], "body": there[1]}, {"code": here[0], "body": here[1]}))
        if not found:
            bench.check(name)
        else:
            wrong += 1
            print(f"FAIL {bench.name}: {name}: " + "; ".join(found), flush=True)
    return wrong


def run(bench):
    cluster = bench.cluster("real")
    mini = bench.minicluster()
    cluster.wait_ready()
    real = cluster.api
    for api in (real, mini):
        api.create_namespace("compared")
    wrong = compare(bench, real, mini, REQUESTS)
    for api in (real, mini):
        wait("the custom resource is served", lambda api=api: api.exists(WIDGETS), 20)
    wrong += compare(bench, real, mini, CUSTOM)
    if wrong:
        raise Failed(f"{wrong} answers differ")
