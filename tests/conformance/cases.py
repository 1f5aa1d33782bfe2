"""The requests, in the order in which they are asked: each stands on what those before it have left.

A case is a dict: name, method, path, and where needed body, type (of the body), headers, save ({name: where in the answer}, for
later paths and bodies to use as `{name}`), show (what of the answer is looked at, where not all of it), and events: how many
lines of a watch are read, None for all until it ends; distinct: one after the other that is the same counts once. A case with
`until` waits for a path to be served, one with `until_gone` until it is not any more.
A case that is `fleeting` looks at a state that may be over before a mirror has it; one that `asks` changes nothing, though it is a POST.
"""

JSON = "application/json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE_TYPE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

NAMESPACE = "/api/v1/namespaces/conformance"
MAPS = f"{NAMESPACE}/configmaps"
PODS = f"{NAMESPACE}/pods"
APPS = "/apis/apps/v1/namespaces/conformance"
DEPLOYMENTS = f"{APPS}/deployments"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "conformance.example.com"
WIDGETS = f"/apis/{GROUP}/v1/namespaces/conformance/widgets"
NO_UID = "00000000-0000-0000-0000-000000000000"

TABLE = []


def add(name, method, path, body=None, type_=JSON, accept=None, **more):
    case = {"name": name, "method": method, "path": path, "body": body, "type": type_, **more}
    if accept:
        case["headers"] = {**case.get("headers", {}), "Accept": accept}
    TABLE.append(case)


def watch(name, path, events, **more):
    add(name, "GET", path, events=events, **more)


def config_map(name, data=None, **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data or {"k": "v"}}


def pod(name, **metadata):
    # The account is named, as there is one for those without only where service accounts are looked after.
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata},
            "spec": {"serviceAccountName": "default", "containers": [{"name": "main", "image": "nginx:1"}]}}


def deployment(name, replicas=0, image="nginx:1", selector="web", label="web", **spec):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": selector}},
                     "template": {"metadata": {"labels": {"app": label}},
                                  "spec": {"containers": [{"name": "main", "image": image, "ports": [{"containerPort": 80}]}]}},
                     **spec}}


def definition(plural="widgets", kind="Widget", **version):
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.{GROUP}"},
            "spec": {"group": GROUP, "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema, **version}]}}


def widget(name, **fields):
    return {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": name}, **fields}


def image(name):
    return {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": name}]}}}}


def metadata_only(answer):
    """Of an object: what its life hangs on."""
    metadata = answer.get("metadata", {})
    return {"kind": answer.get("kind"), "reason": answer.get("reason"), "finalizers": metadata.get("finalizers"),
            "deleted": "deletionTimestamp" in metadata, "grace": metadata.get("deletionGracePeriodSeconds"),
            "generation": metadata.get("generation")}


def names(answer):
    """Of a list."""
    listed = {"kind": answer.get("kind"), "items": [item["metadata"]["name"] for item in answer.get("items") or []],
              "left": answer.get("metadata", {}).get("remainingItemCount"), "more": bool(answer.get("metadata", {}).get("continue"))}
    return listed if "items" in answer else answer.get("reason")


def rows(answer):
    """Of a Table: its columns as kubectl shows them, and its rows without ages."""
    return {"columns": [[column["name"], column["type"], column["format"], column["priority"]]
                        for column in answer.get("columnDefinitions") or []],
            "cells": [row["cells"][:-1] for row in answer["rows"]], "keys": list(answer),
            "objects": [(row.get("object") or {}).get("kind") for row in answer["rows"]]}


# ---- writing and reading one object ----

add("namespace", "POST", "/api/v1/namespaces", {"metadata": {"name": "conformance"}})
add("namespace, again", "POST", "/api/v1/namespaces", {"metadata": {"name": "conformance"}})
add("create", "POST", MAPS, config_map("a"), save={"first": "metadata.resourceVersion", "uid": "metadata.uid"})
add("create what exists", "POST", MAPS, config_map("a"))
add("create without a name", "POST", MAPS, {"metadata": {}})
add("create with a bad name", "POST", MAPS, config_map("No_Name"))
add("create with too long a name", "POST", MAPS, config_map("a" * 254))
add("create elsewhere", "POST", MAPS, config_map("b", namespace="other"))
add("create in no namespace", "POST", "/api/v1/namespaces/none/configmaps", config_map("b"))
add("create with a version", "POST", MAPS, config_map("rv", resourceVersion="1"))
add("create of another apiVersion", "POST", MAPS, {**config_map("b"), "apiVersion": "v2"})
add("create of another kind", "POST", MAPS, {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "b"}})
add("create without kind", "POST", MAPS, {"metadata": {"name": "kindless"}, "data": {"k": "v"}})
add("create as a form", "POST", MAPS, b"a=b", "application/x-www-form-urlencoded")
add("create of nothing", "POST", MAPS, b"")
add("create of a list", "POST", MAPS, b"[]")
add("create of broken JSON", "POST", MAPS, b'{"metadata":')
add("create of YAML", "POST", MAPS, b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  k: v\n", "application/yaml")
add("create under a name", "POST", f"{MAPS}/a", config_map("a"))
add("create with labels that are none", "POST", MAPS, config_map("lb", labels={"a b": "c d"}))
add("create with an annotation that is none", "POST", MAPS, config_map("an", annotations={"a b": "c"}))
add("create with a number for a label", "POST", MAPS, config_map("nl", labels={"a": 1}))
add("create with data that is none", "POST", MAPS, {**config_map("dn"), "data": {"k": {"a": 1}}})
add("create with a key that is none", "POST", MAPS, config_map("kn", {"a b": "c"}))
add("create with fields of nobody's", "POST", MAPS, {**config_map("extra"), "extra": 1})
add("create strictly", "POST", f"{MAPS}?fieldValidation=Strict", {**config_map("strict"), "extra": 1})
add("create with a warning", "POST", f"{MAPS}?fieldValidation=Warn", {**config_map("warn"), "extra": 1})
add("create with an unknown validation", "POST", f"{MAPS}?fieldValidation=Maybe", config_map("uv"))
add("create dry", "POST", f"{MAPS}?dryRun=All", config_map("dry"))
add("… is not there", "GET", f"{MAPS}/dry")
add("create by another dryness", "POST", f"{MAPS}?dryRun=Some", config_map("dry"))
add("create by generateName", "POST", MAPS, {"metadata": {"generateName": "generated-"}, "data": {"k": "v"}},
    save={"generated": "metadata.name"})
add("… is there", "GET", f"{MAPS}/{{generated}}")
add("create with both names", "POST", MAPS, {"metadata": {"generateName": "generated-", "name": "named"}, "data": {"k": "v"}})
add("get", "GET", f"{MAPS}/a")
add("get as a table", "GET", f"{MAPS}/a", accept=TABLE_TYPE, show=rows)
add("get as metadata", "GET", f"{MAPS}/a", accept=PARTIAL)
add("get what is not there", "GET", f"{MAPS}/none")
add("get of a group, not there", "GET", f"{DEPLOYMENTS}/none")
add("get pretty", "GET", f"{MAPS}/a?pretty=true", show=names)
add("get in a type that nobody has", "GET", f"{MAPS}/a", accept="text/csv")
add("get in any type", "GET", f"{MAPS}/a", accept="*/*")
add("get at a version", "GET", f"{MAPS}/a?resourceVersion=0")
add("get at a bad version", "GET", f"{MAPS}/a?resourceVersion=x")
add("no such resource", "GET", f"{NAMESPACE}/nonsense")
add("no such group", "GET", "/apis/nonsense/v1/things")
add("no such version", "GET", "/apis/apps/v9/deployments")
add("no such path", "GET", "/nonsense")
add("no such method", "PATCH", MAPS, {}, MERGE)
add("post where there is nothing", "POST", "/nonsense", {})
add("no subresource", "GET", f"{MAPS}/a/nonsense")

# ---- replacing, and who was first ----

add("replace", "PUT", f"{MAPS}/a", config_map("a", {"k": "w"}))
add("replace with the current version", "PUT", f"{MAPS}/a", config_map("a", {"k": "w2"}, uid="{uid}"))
add("replace by the same", "PUT", f"{MAPS}/a", config_map("a", {"k": "w2"}), save={"same": "metadata.resourceVersion"})
add("… has the same version", "PUT", f"{MAPS}/a", config_map("a", {"k": "w2"}, resourceVersion="{same}"))
add("replace what is not there", "PUT", f"{DEPLOYMENTS}/none", deployment("none"))
add("replace a map that is not there", "PUT", f"{MAPS}/made-by-put", config_map("made-by-put"))
add("replace with a stale version", "PUT", f"{MAPS}/a", config_map("a", {"k": "x"}, resourceVersion="{first}"))
add("replace with a bad version", "PUT", f"{MAPS}/a", config_map("a", {"k": "x"}, resourceVersion="x"))
add("replace with another uid", "PUT", f"{MAPS}/a", config_map("a", {"k": "x"}, uid=NO_UID))
add("replace under another name", "PUT", f"{MAPS}/b", config_map("a"))
add("replace in another namespace", "PUT", f"{MAPS}/a", config_map("a", namespace="other"))
add("replace dry", "PUT", f"{MAPS}/a?dryRun=All", config_map("a", {"k": "dry"}))
add("… has changed nothing", "GET", f"{MAPS}/a")
add("freeze", "PUT", f"{MAPS}/a", {**config_map("a", {"k": "w2"}), "immutable": True})
add("replace what is frozen", "PUT", f"{MAPS}/a", {**config_map("a", {"k": "x"}), "immutable": True})

# ---- patches ----

add("what is patched", "POST", MAPS, config_map("p", {"k": "v", "l": "v"}), save={"patched": "metadata.resourceVersion"})
add("merge patch", "PATCH", f"{MAPS}/p", {"data": {"k": None, "n": "1"}}, MERGE)
add("merge patch of nothing", "PATCH", f"{MAPS}/p", {}, MERGE)
add("merge patch with a stale version", "PATCH", f"{MAPS}/p", {"metadata": {"resourceVersion": "{patched}"}, "data": {"k": "1"}}, MERGE)
add("merge patch of the name", "PATCH", f"{MAPS}/p", {"metadata": {"name": "q"}}, MERGE)
add("merge patch of the uid", "PATCH", f"{MAPS}/p", {"metadata": {"uid": NO_UID}}, MERGE)
add("merge patch that is no object", "PATCH", f"{MAPS}/p", b'"text"', MERGE)
add("merge patch of broken JSON", "PATCH", f"{MAPS}/p", b"{", MERGE)
add("merge patch dry", "PATCH", f"{MAPS}/p?dryRun=All", {"data": {"dry": "1"}}, MERGE)
add("json patch", "PATCH", f"{MAPS}/p", [{"op": "add", "path": "/data/m", "value": "2"}, {"op": "test", "path": "/data/m", "value": "2"},
                                         {"op": "copy", "from": "/data/m", "path": "/data/o"}, {"op": "remove", "path": "/data/m"}], JSON_PATCH)
add("json patch: replace and move", "PATCH", f"{MAPS}/p", [{"op": "replace", "path": "/data/o", "value": "3"},
                                                           {"op": "move", "from": "/data/o", "path": "/data/r"}], JSON_PATCH)
add("json patch: remove what is not there", "PATCH", f"{MAPS}/p", [{"op": "remove", "path": "/data/zz"}], JSON_PATCH)
add("json patch: replace what is not there", "PATCH", f"{MAPS}/p", [{"op": "replace", "path": "/data/zz", "value": "1"}], JSON_PATCH)
add("json patch: a test that fails", "PATCH", f"{MAPS}/p", [{"op": "test", "path": "/data/n", "value": "9"}], JSON_PATCH)
add("json patch: no operation", "PATCH", f"{MAPS}/p", [{"op": "jump", "path": "/data/n"}], JSON_PATCH)
add("json patch that is no list", "PATCH", f"{MAPS}/p", {"op": "remove"}, JSON_PATCH)
add("json patch of the version", "PATCH", f"{MAPS}/p", [{"op": "replace", "path": "/metadata/resourceVersion", "value": "{patched}"}], JSON_PATCH)
add("strategic patch", "PATCH", f"{MAPS}/p", {"metadata": {"labels": {"x": "y"}}}, STRATEGIC)
add("strategic patch: replace", "PATCH", f"{MAPS}/p", {"data": {"$patch": "replace", "only": "1"}}, STRATEGIC)
add("patch of another type", "PATCH", f"{MAPS}/p", {}, "application/nonsense")
add("patch of plain JSON", "PATCH", f"{MAPS}/p", {}, JSON)
add("patch what is not there", "PATCH", f"{MAPS}/none", {}, MERGE)
add("patch into what is not valid", "PATCH", f"{MAPS}/p", {"data": {"a b": "c"}}, MERGE)

# ---- deletion ----

add("delete with another uid", "DELETE", f"{MAPS}/p", {"preconditions": {"uid": NO_UID}})
add("delete with a stale version", "DELETE", f"{MAPS}/p", {"preconditions": {"resourceVersion": "{patched}"}})
add("delete with options that are none", "DELETE", f"{MAPS}/p", b"[]")
add("delete with options of another kind", "DELETE", f"{MAPS}/p", config_map("p"))
add("delete by an unknown policy", "DELETE", f"{MAPS}/p?propagationPolicy=Maybe")
add("delete by two policies", "DELETE", f"{MAPS}/p", {"orphanDependents": True, "propagationPolicy": "Orphan"})
add("delete dry", "DELETE", f"{MAPS}/p?dryRun=All")
add("delete what is not there", "DELETE", f"{MAPS}/none")
add("delete", "DELETE", f"{MAPS}/p")
add("… is gone", "GET", f"{MAPS}/p")
add("delete a namespace that must stay", "DELETE", "/api/v1/namespaces/kube-system")
add("hold", "POST", MAPS, config_map("held", finalizers=["example.com/hold"]))
add("hold by a bad name", "POST", MAPS, config_map("held2", finalizers=["nonsense"]))
add("delete what is held", "DELETE", f"{MAPS}/held", show=metadata_only)
add("… is still there", "GET", f"{MAPS}/held", show=metadata_only)
add("delete it again", "DELETE", f"{MAPS}/held", show=metadata_only)
add("hold by one more", "PATCH", f"{MAPS}/held", {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}, MERGE)
add("change what is on its way", "PATCH", f"{MAPS}/held", {"data": {"late": "1"}}, MERGE, show=metadata_only)
add("let it go", "PATCH", f"{MAPS}/held", {"metadata": {"finalizers": None}}, MERGE)
add("it is gone", "GET", f"{MAPS}/held")
for policy in ("Foreground", "Orphan", "Background"):
    add(f"{policy}: what is deleted", "POST", MAPS, config_map(policy.lower()), save={policy: "metadata.resourceVersion"})
    add(f"{policy}: delete", "DELETE", f"{MAPS}/{policy.lower()}", {"propagationPolicy": policy}, show=metadata_only)
    # Who looks for dependents may be there, and be quick: the next thing that happens to it is the same.
    watch(f"{policy}: afterwards", f"{MAPS}?watch=1&fieldSelector=metadata.name%3D{policy.lower()}&resourceVersion={{{policy}}}", 1,
          fleeting=True)
add("a pod that ends at once", "POST", PODS, pod("brief"), show=metadata_only)
add("delete a pod that no node has", "DELETE", f"{PODS}/brief", show=metadata_only)
add("… has gone", "GET", f"{PODS}/brief")
for i in range(3):
    add(f"for a collection: {i}", "POST", MAPS, config_map(f"many-{i}", labels={"many": f"m{i % 2}"}), show=metadata_only)
add("delete a collection, dry", "DELETE", f"{MAPS}?labelSelector=many&dryRun=All", show=names)
add("delete a collection", "DELETE", f"{MAPS}?labelSelector=many%3Dm0", show=names)
add("… those are gone", "GET", f"{MAPS}?labelSelector=many", show=names)
add("delete all namespaces", "DELETE", "/api/v1/namespaces")
add("delete a collection of none", "DELETE", f"{MAPS}?labelSelector=none", show=names)

# ---- lists ----

LISTED = f"{MAPS}?labelSelector=listed"
for i in range(5):
    add(f"for lists: {i}", "POST", MAPS, config_map(f"l{i}", labels={"listed": f"n{i}", "even": "yes" if i % 2 == 0 else "no"}),
        save={f"l{i}": "metadata.resourceVersion"}, show=metadata_only)
add("list", "GET", LISTED)
add("list of none", "GET", f"{MAPS}?labelSelector=none")
add("list of none, of a group", "GET", DEPLOYMENTS)
add("list of the first two", "GET", f"{LISTED}&limit=2", save={"token": "metadata.continue", "listed": "metadata.resourceVersion"})
add("list without a selector, in pages", "GET", f"{DEPLOYMENTS}?limit=1")
add("a change between pages", "POST", MAPS, config_map("l2a", labels={"listed": "n9"}), show=metadata_only)
add("list of the next two", "GET", f"{LISTED}&limit=2&continue={{token}}", save={"next": "metadata.continue"}, show=names)
add("list of the rest", "GET", f"{LISTED}&limit=2&continue={{next}}", show=names)
add("list on with a version", "GET", f"{LISTED}&limit=2&continue={{token}}&resourceVersion=1")
add("list on with match", "GET", f"{LISTED}&limit=2&continue={{token}}&resourceVersionMatch=Exact")
add("list with a bad token", "GET", f"{MAPS}?limit=1&continue=nonsense")
add("list of a negative limit", "GET", f"{LISTED}&limit=-1", show=names)
add("list of a limit that is no number", "GET", f"{LISTED}&limit=many")
for version in ("", "0", "{listed}", "999999999999999999", "x", "-1"):
    for match in ("", "Exact", "NotOlderThan", "Maybe"):
        for limit in ("", "2"):
            where = "".join(f"&{key}={value}" for key, value in
                            (("resourceVersion", version), ("resourceVersionMatch", match), ("limit", limit)) if value)
            if version.startswith("999") and match == "":  # a real server waits for three seconds: two of them will do
                continue
            add(f"list at '{version}', match '{match}', limit '{limit}'", "GET", f"{LISTED}{where}",
                show=lambda answer: names(answer) if "items" in answer else {"code": answer.get("code"), **answer})
SELECTORS = ["labelSelector=even%3Dyes", "labelSelector=even%3D%3Dno", "labelSelector=listed,even!%3Dyes", "labelSelector=listed+in+(n0,n1)",
             "labelSelector=listed,listed+notin+(n0,n1)", "labelSelector=!listed,even", "labelSelector=listed,!even", "labelSelector=a+b",
             "labelSelector=listed+in+n0", "labelSelector=%3D", "labelSelector=listed%3Da%20b!", "labelSelector=listed+gt+1",
             "labelSelector=listed>1", "fieldSelector=metadata.name%3Dl1", "fieldSelector=metadata.name!%3Dl1&labelSelector=listed",
             "fieldSelector=metadata.namespace%3Dconformance&labelSelector=listed", "fieldSelector=data.k%3Dv",
             "fieldSelector=metadata.name", "fieldSelector=metadata.name%3Dl1,metadata.name%3Dl2"]
for selector in SELECTORS:
    add(f"list by {selector}", "GET", f"{MAPS}?{selector}", show=lambda answer: names(answer) if "items" in answer else answer)
add("pods by a field", "GET", f"{PODS}?fieldSelector=spec.nodeName%3Dx,status.phase%3DPending", show=names)
add("list over all namespaces", "GET", "/api/v1/configmaps?labelSelector=listed", show=names)
add("list in no namespace", "GET", "/api/v1/namespaces/none/configmaps")
add("list as a table", "GET", LISTED, accept=TABLE_TYPE, show=rows)
add("list as a table with objects", "GET", f"{LISTED}&includeObject=Object", accept=TABLE_TYPE, show=rows)
add("list as a table with nothing", "GET", f"{LISTED}&includeObject=None", accept=TABLE_TYPE, show=rows)
add("list as a table with nonsense", "GET", f"{LISTED}&includeObject=Nonsense", accept=TABLE_TYPE)
add("list of none as a table", "GET", f"{MAPS}?labelSelector=none", accept=TABLE_TYPE)
add("list as metadata", "GET", f"{LISTED}&limit=1", accept=PARTIAL_LIST)
add("list as a table of another version", "GET", LISTED, accept="application/json;as=Table;v=v9;g=meta.k8s.io")

# ---- watches ----

WATCHED = f"{MAPS}?watch=1&labelSelector=watched"
add("for watches: 1", "POST", MAPS, config_map("w1", labels={"watched": "yes"}), save={"from": "metadata.resourceVersion"}, show=metadata_only)
add("for watches: 2", "POST", MAPS, config_map("w2", labels={"watched": "yes"}), show=metadata_only)
add("for watches: change", "PATCH", f"{MAPS}/w1", {"data": {"k": "w"}}, MERGE, show=metadata_only)
add("for watches: leave", "PATCH", f"{MAPS}/w2", {"metadata": {"labels": {"watched": None}}}, MERGE, show=metadata_only)
add("for watches: change outside", "PATCH", f"{MAPS}/w2", {"data": {"k": "w"}}, MERGE, show=metadata_only)
add("for watches: come back", "PATCH", f"{MAPS}/w2", {"metadata": {"labels": {"watched": "yes"}}}, MERGE, show=metadata_only)
add("for watches: delete", "DELETE", f"{MAPS}/w1", show=metadata_only)
watch("watch from a version", f"{WATCHED}&resourceVersion={{from}}", 5)
watch("watch by the query's other spelling", f"{MAPS}?watch=true&labelSelector=watched&resourceVersion={{from}}", 1)
watch("watch by the old path", "/api/v1/watch/namespaces/conformance/configmaps?labelSelector=watched&resourceVersion={from}", 1)
watch("watch of one by name", f"{MAPS}?watch=1&fieldSelector=metadata.name%3Dw1&resourceVersion={{from}}", 2)
watch("watch as metadata", f"{WATCHED}&resourceVersion={{from}}", 2, headers={"Accept": PARTIAL})
watch("watch as a table", f"{WATCHED}&resourceVersion={{from}}", 2, headers={"Accept": TABLE_TYPE})
watch("watch from nothing", WATCHED, 1)
watch("watch from 0", f"{WATCHED}&resourceVersion=0", 1)
watch("watch that ends", f"{WATCHED}&resourceVersion={{from}}&timeoutSeconds=1", None)
watch("watch with bookmarks that ends", f"{WATCHED}&timeoutSeconds=2&allowWatchBookmarks=true", None, distinct=True)
watch("watch with initial events", f"{WATCHED}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", 2)
watch("watch with initial events, without bookmarks", f"{WATCHED}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1", None)
watch("watch with initial events from 0", f"{WATCHED}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
      "&resourceVersion=0", 2)
watch("watch with initial events from a version", f"{WATCHED}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
      "&allowWatchBookmarks=true&resourceVersion={from}", 2)
watch("watch without initial events", f"{WATCHED}&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
      "&resourceVersion={from}", 1)
watch("watch with initial events as a table", f"{WATCHED}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
      "&allowWatchBookmarks=true", 2, headers={"Accept": TABLE_TYPE})
watch("watch with initial events as metadata", f"{WATCHED}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
      "&allowWatchBookmarks=true", 2, headers={"Accept": PARTIAL})
for name, query in (("match and no initial events", "resourceVersion=1&resourceVersionMatch=NotOlderThan"),
                    ("initial events and no match", "sendInitialEvents=true"),
                    ("initial events at exactly", "sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1"),
                    ("a bad version", "resourceVersion=x"), ("a limit", "limit=1&timeoutSeconds=1"), ("a token", "continue=nonsense&timeoutSeconds=1"),
                    ("a selector that is none", "labelSelector=a+b"), ("a timeout that is none", "timeoutSeconds=x")):
    add(f"watch with {name}", "GET", f"{MAPS}?watch=1&labelSelector=none&{query}" if "labelSelector" not in query else f"{MAPS}?watch=1&{query}")
add("list with initial events", "GET", f"{MAPS}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=1")
add("watch what is not there", "GET", f"{NAMESPACE}/nonsense?watch=1")

# ---- workloads: defaults, generation, status, scale ----

add("create a deployment", "POST", DEPLOYMENTS, deployment("d"))
add("deployment without a selector", "POST", DEPLOYMENTS,
    {"metadata": {"name": "e"}, "spec": {"template": deployment("x")["spec"]["template"]}})
add("deployment that misses its pods", "POST", DEPLOYMENTS, deployment("e", label="other"))
add("deployment of fewer than none", "POST", DEPLOYMENTS, deployment("e", replicas=-1))
add("deployment of a text", "POST", DEPLOYMENTS, deployment("e", replicas="two"))
add("strategic patch of a container", "PATCH", f"{DEPLOYMENTS}/d", image("nginx:2"), STRATEGIC)
add("strategic patch: another container", "PATCH", f"{DEPLOYMENTS}/d",
    {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "busybox:1"}]}}}}, STRATEGIC)
add("strategic patch: delete a container", "PATCH", f"{DEPLOYMENTS}/d",
    {"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}}, STRATEGIC)
add("merge patch replaces the containers", "PATCH", f"{DEPLOYMENTS}/d", image("nginx:4"), MERGE)
add("another selector", "PATCH", f"{DEPLOYMENTS}/d", {"spec": {"selector": {"matchLabels": {"app": "other"}}}}, MERGE)
add("status by status", "PATCH", f"{DEPLOYMENTS}/d/status", {"status": {"collisionCount": 3}, "spec": {"replicas": 7}}, MERGE)
add("status by the object", "PATCH", f"{DEPLOYMENTS}/d", {"status": {"collisionCount": 9}}, MERGE)
add("status", "GET", f"{DEPLOYMENTS}/d/status")
add("scale of it", "GET", f"{DEPLOYMENTS}/d/scale")
add("scale it", "PUT", f"{DEPLOYMENTS}/d/scale", {"apiVersion": "autoscaling/v1", "kind": "Scale",
                                                  "metadata": {"name": "d", "namespace": "conformance"}, "spec": {"replicas": 2}})
add("scale it by a patch", "PATCH", f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 3}}, MERGE)
add("scale it below nothing", "PATCH", f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": -1}}, MERGE)
add("… is scaled", "GET", f"{DEPLOYMENTS}/d", show=lambda answer: {"replicas": answer["spec"]["replicas"], **metadata_only(answer)})
add("no scale of it", "GET", f"{MAPS}/l0/scale")
add("no status of it", "PATCH", f"{MAPS}/l0/status", {}, MERGE)
add("deployments as a table", "GET", DEPLOYMENTS, accept=TABLE_TYPE, show=rows)
add("namespace as a table", "GET", "/api/v1/namespaces/conformance", accept=TABLE_TYPE, show=rows)
add("a pod", "POST", PODS, pod("p", labels={"app": "web"}))
add("a pod without containers", "POST", PODS, {"metadata": {"name": "q"}, "spec": {"containers": []}})
add("another image for the pod", "PATCH", f"{PODS}/p", {"spec": {"containers": [{"name": "main", "image": "nginx:2"}]}}, STRATEGIC,
    show=lambda answer: answer["spec"]["containers"][0]["image"])
add("status of the pod", "PATCH", f"{PODS}/p/status", {"status": {"phase": "Running", "podIP": "10.0.0.1"}}, MERGE,
    show=lambda answer: answer["status"]["phase"])
add("pods as a table", "GET", PODS, accept=TABLE_TYPE, show=lambda answer: rows(answer)["columns"])
add("pods by phase", "GET", f"{PODS}?fieldSelector=status.phase%3DRunning", show=names)

# ---- apply ----

add("apply", "PATCH", f"{MAPS}/s?fieldManager=one", config_map("s", {"x": "1", "y": "1"}), APPLY)
add("apply again", "PATCH", f"{MAPS}/s?fieldManager=one", config_map("s", {"x": "1", "y": "1"}), APPLY)
add("apply the same beside it", "PATCH", f"{MAPS}/s?fieldManager=two", config_map("s", {"x": "1"}), APPLY)
add("apply against it", "PATCH", f"{MAPS}/s?fieldManager=two", config_map("s", {"x": "2"}), APPLY)
add("apply by force", "PATCH", f"{MAPS}/s?fieldManager=two&force=true", config_map("s", {"x": "2"}), APPLY)
add("apply less", "PATCH", f"{MAPS}/s?fieldManager=one", config_map("s", {"z": "1"}), APPLY)
add("apply by nobody", "PATCH", f"{MAPS}/s", config_map("s"), APPLY)
add("apply under another name", "PATCH", f"{MAPS}/t?fieldManager=one", config_map("s"), APPLY)
add("apply with managed fields", "PATCH", f"{MAPS}/s?fieldManager=one", config_map("s", managedFields=[{"manager": "x"}]), APPLY)
add("apply of another kind", "PATCH", f"{MAPS}/s?fieldManager=one", {**config_map("s"), "kind": "Secret"}, APPLY)
add("apply of YAML", "PATCH", f"{MAPS}/applied?fieldManager=one", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {a: '1'}\n", APPLY)
add("apply of broken YAML", "PATCH", f"{MAPS}/y?fieldManager=one", b"a: [", APPLY)
add("apply dry", "PATCH", f"{MAPS}/dry?fieldManager=one&dryRun=All", config_map("dry"), APPLY)
add("… has made nothing", "GET", f"{MAPS}/dry")
add("apply with a version that is stale", "PATCH", f"{MAPS}/s?fieldManager=one", config_map("s", {"z": "1"}, resourceVersion="{first}"), APPLY)
add("apply with a uid to what is not there", "PATCH", f"{MAPS}/u?fieldManager=one", config_map("u", uid=NO_UID), APPLY)
add("plain change of what is applied", "PATCH", f"{MAPS}/s?fieldManager=three", {"data": {"z": "9"}}, MERGE)
add("apply against the plain change", "PATCH", f"{MAPS}/s?fieldManager=one", config_map("s", {"z": "1"}), APPLY)
add("force without apply", "PATCH", f"{MAPS}/s?force=true", {}, MERGE)
add("apply a deployment", "PATCH", f"{DEPLOYMENTS}/ad?fieldManager=one", deployment("ad"), APPLY)
add("scale what is applied", "PATCH", f"{DEPLOYMENTS}/ad?fieldManager=two", {"spec": {"replicas": 0, "paused": True}}, MERGE)
add("apply another image", "PATCH", f"{DEPLOYMENTS}/ad?fieldManager=one", deployment("ad", image="nginx:2"), APPLY)
add("apply another image against it", "PATCH", f"{DEPLOYMENTS}/ad?fieldManager=three", deployment("ad", image="nginx:3"), APPLY)

# ---- custom resources ----

add("define a scale that is nowhere", "POST", DEFINITIONS, definition(subresources={"scale": {"statusReplicasPath": ".status.replicas"}}))
add("define a scale that is elsewhere", "POST", DEFINITIONS, definition(subresources={"scale": {
    "specReplicasPath": ".status.replicas", "statusReplicasPath": ".status.replicas"}}))
add("define", "POST", DEFINITIONS, definition(subresources={"status": {}, "scale": {
    "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
    additionalPrinterColumns=[{"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                              {"name": "Colour", "type": "string", "jsonPath": ".spec.colour", "priority": 1}]),
    show=metadata_only)
add("define under another name", "POST", DEFINITIONS, {**definition(), "metadata": {"name": f"x.{GROUP}"}})
TABLE.append({"until": WIDGETS})
add("list of no custom objects", "GET", WIDGETS)
add("create a custom object", "POST", WIDGETS, widget("w", spec={"big": 9007199254740993, "size": 3}), save={"custom": "metadata.resourceVersion"})
add("create it again", "POST", WIDGETS, widget("w"))
add("create a custom object of another kind", "POST", WIDGETS, {**widget("v"), "kind": "Gadget"})
add("create a custom object without a kind", "POST", WIDGETS, {"metadata": {"name": "v"}})
add("get it", "GET", f"{WIDGETS}/w")
add("custom object that is not there", "GET", f"{WIDGETS}/none")
add("merge patch of it", "PATCH", f"{WIDGETS}/w", {"spec": {"a": 1}}, MERGE)
add("merge patch of it, again", "PATCH", f"{WIDGETS}/w", {"spec": {"a": 1}}, MERGE)
add("json patch of it", "PATCH", f"{WIDGETS}/w", [{"op": "add", "path": "/spec/list", "value": [1, 2]}], JSON_PATCH)
add("strategic patch of it", "PATCH", f"{WIDGETS}/w", {"spec": {"a": 1}}, STRATEGIC)
add("replace it without a version", "PUT", f"{WIDGETS}/w", widget("w", spec={"a": 2}))
add("replace it with a stale version", "PUT", f"{WIDGETS}/w", {**widget("w"), "metadata": {"name": "w", "resourceVersion": "{custom}"}})
add("its status by status", "PATCH", f"{WIDGETS}/w/status", {"status": {"ready": True, "replicas": 2}, "spec": {"a": 9}}, MERGE)
add("its status by the object", "PATCH", f"{WIDGETS}/w", {"status": {"ready": False}}, MERGE)
add("its scale", "GET", f"{WIDGETS}/w/scale")
add("scale it by its scale", "PATCH", f"{WIDGETS}/w/scale", {"spec": {"replicas": 4}}, MERGE)
add("apply to it", "PATCH", f"{WIDGETS}/w?fieldManager=one", widget("w", spec={"b": 1}), APPLY)
add("apply to it by another", "PATCH", f"{WIDGETS}/w?fieldManager=two", widget("w", spec={"b": 2}), APPLY)
add("custom objects as a table", "GET", WIDGETS, accept=TABLE_TYPE, show=lambda answer: rows(answer)["columns"])
add("custom objects by a field", "GET", f"{WIDGETS}?fieldSelector=metadata.name%3Dw", show=names)
add("custom objects by a field that is none", "GET", f"{WIDGETS}?fieldSelector=spec.a%3D1")
watch("watch of custom objects", f"{WIDGETS}?watch=1&resourceVersion={{custom}}", 3)
add("delete it, custom", "DELETE", f"{WIDGETS}/w")
add("custom objects in pages: 1", "POST", WIDGETS, widget("page-1"), show=metadata_only)
add("custom objects in pages: 2", "POST", WIDGETS, widget("page-2", metadata={"name": "page-2", "finalizers": ["example.com/hold"]}),
    show=metadata_only)
add("the first of the custom objects", "GET", f"{WIDGETS}?limit=1")
add("custom objects as metadata", "GET", f"{WIDGETS}?limit=1", accept=PARTIAL_LIST)
add("undefine", "DELETE", f"{DEFINITIONS}/widgets.{GROUP}", show=metadata_only)
TABLE.append({"until_gone": f"{WIDGETS}/page-1"})
add("a definition with objects stays", "GET", f"{DEFINITIONS}/widgets.{GROUP}", show=metadata_only)
add("… and what is held, too", "GET", f"{WIDGETS}/page-2", show=metadata_only)
add("… but nothing new is made", "POST", WIDGETS, widget("late"))
add("the last of them goes", "PATCH", f"{WIDGETS}/page-2", {"metadata": {"finalizers": None}}, MERGE, show=metadata_only)
TABLE.append({"until_gone": f"{DEFINITIONS}/widgets.{GROUP}"})

# ---- schemas of custom resources, and fields that nobody has ----

SHAPED = f"/apis/{GROUP}/v1/namespaces/conformance/shapes"
SCHEMA = {"type": "object", "required": ["spec"], "properties": {
    "spec": {"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 5},
        "size": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3},
        "share": {"type": "number"}, "on": {"type": "boolean"},
        "colour": {"type": "string", "enum": ["red", "green"], "default": "red"},
        "port": {"x-kubernetes-int-or-string": True},
        "maybe": {"type": "string", "nullable": True},
        "parts": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer", "default": 1}}}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"known": {"type": "string"}}}}},
    "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}}}}


def shape(called, **spec):
    return {"apiVersion": f"{GROUP}/v1", "kind": "Shape", "metadata": {"name": called}, "spec": {"name": "abc", **spec}}


add("define with a schema", "POST", DEFINITIONS, definition("shapes", "Shape", schema={"openAPIV3Schema": SCHEMA}, subresources={"status": {}}),
    show=metadata_only)
TABLE.append({"until": SHAPED})
add("shaped: defaults", "POST", SHAPED, shape("s", parts=[{"a": "x"}, {"b": 2}]))
add("shaped: unknown fields", "POST", SHAPED, {**shape("u", extra=1, parts=[{"c": 1}], free={"any": {"thing": 1}}, labels={"a": "b"}), "other": 1})
add("shaped: unknown fields, strictly", "POST", f"{SHAPED}?fieldValidation=Strict", {**shape("v", extra=1), "other": 1})
add("shaped: unknown fields, quietly", "POST", f"{SHAPED}?fieldValidation=Ignore", shape("w", extra=1))
add("shaped: what may be many things", "POST", SHAPED, shape("x", port="http", maybe=None, share=0.5, on=True))
for name, spec in (("no name", {"name": None}), ("a text for a number", {"size": "x"}), ("a fraction for an integer", {"size": 1.5}),
                   ("too small", {"size": 0}), ("too large", {"size": 11}), ("none of those", {"colour": "blue"}), ("too short", {"name": "a"}),
                   ("too long", {"name": "abcdef"}), ("a number for a text", {"name": 1}), ("an object for a list", {"parts": {}}),
                   ("a number inside", {"labels": {"a": 1}}), ("a text inside", {"parts": [{"b": "x"}]}), ("an object for a port", {"port": {}}),
                   ("a text for a switch", {"on": "yes"})):
    add(f"shaped: {name}", "POST", SHAPED, shape("bad", **spec))
add("shaped: no spec", "POST", SHAPED, {"apiVersion": f"{GROUP}/v1", "kind": "Shape", "metadata": {"name": "bad"}})
add("shaped: a patch to what is not valid", "PATCH", f"{SHAPED}/s", {"spec": {"size": 99}}, MERGE)
add("shaped: a patch with an unknown field", "PATCH", f"{SHAPED}/s", {"spec": {"extra": 1, "size": 4}}, MERGE)
add("shaped: a default comes back", "PATCH", f"{SHAPED}/s", {"spec": {"size": None}}, MERGE)
add("shaped: status", "PATCH", f"{SHAPED}/s/status", {"status": {"ready": True, "extra": 1}}, MERGE)
add("shaped: a bad status", "PATCH", f"{SHAPED}/s/status", {"status": {"ready": 1}}, MERGE)
add("unknown metadata", "POST", MAPS, config_map("um", nonsense=1))
add("unknown fields of two kinds", "POST", f"{DEPLOYMENTS}?fieldValidation=Strict", {**deployment("uf"), "a": 1, "b": 2})
add("merge patch with an unknown field", "PATCH", f"{MAPS}/um", {"extra": 1, "data": {"k": "u"}}, MERGE)
add("merge patch with an unknown field, strictly", "PATCH", f"{MAPS}/um?fieldValidation=Strict", {"extra": 1}, MERGE,
    show=lambda answer: [answer["reason"], answer["details"]["causes"][0]["field"], answer["message"].rpartition(": ")[2]])
add("replace with an unknown field", "PUT", f"{MAPS}/um", {**config_map("um"), "extra": 1})
add("undefine the shapes", "DELETE", f"{DEFINITIONS}/shapes.{GROUP}", show=metadata_only)

# ---- discovery and health ----

def version_kinds(answer):
    return {key: answer[key] for key in answer if key not in ("serverAddressByClientCIDRs", "resources", "groups", "items")}


def resources(*wanted):
    """Of a list of resources: those, in the order of their names, without the hashes, which are for nobody but storage."""
    return lambda answer: {**version_kinds(answer), "resources": sorted(
        ({key: value for key, value in one.items() if key != "storageVersionHash"}
         for one in answer["resources"] if one["name"] in wanted), key=lambda one: one["name"])}


add("version", "GET", "/version", show=lambda answer: [answer["major"], answer["minor"]])
add("api", "GET", "/api", show=version_kinds)
add("apis", "GET", "/apis", show=version_kinds)
add("a group", "GET", "/apis/apps")
add("no such group's discovery", "GET", "/apis/nonsense")
add("resources of a group", "GET", "/apis/apps/v1", show=resources("deployments", "deployments/status", "deployments/scale"))
add("resources of the core", "GET", "/api/v1",
    show=resources("configmaps", "namespaces", "namespaces/finalize", "namespaces/status", "pods", "pods/status", "services"))
for at in ("/healthz", "/livez", "/readyz"):
    add(f"health: {at}", "GET", at)

# ---- what clients ask about themselves ----

AUTHORIZATION = "/apis/authorization.k8s.io/v1"


def review(kind, group, **spec):
    return {"kind": kind, "apiVersion": f"{group}.k8s.io/v1", "spec": spec}


def access(**spec):
    return review("SelfSubjectAccessReview", "authorization", **spec)


def allowed(answer):
    """Of an answer that says yes: each server has reasons of its own."""
    return {**answer, "status": answer["status"].get("allowed")}


add("may I", "POST", f"{AUTHORIZATION}/selfsubjectaccessreviews",
    access(resourceAttributes={"verb": "get", "resource": "pods", "namespace": "conformance"}), show=allowed, asks=True)
add("may I read a path", "POST", f"{AUTHORIZATION}/selfsubjectaccessreviews", access(nonResourceAttributes={"verb": "get", "path": "/version"}),
    show=allowed, asks=True)
add("may I do nothing", "POST", f"{AUTHORIZATION}/selfsubjectaccessreviews", access(), asks=True)
add("what may I", "POST", f"{AUTHORIZATION}/selfsubjectrulesreviews", review("SelfSubjectRulesReview", "authorization", namespace="conformance"),
    show=lambda answer: {**answer, "status": sorted(answer["status"])}, asks=True)
add("what may I, nowhere", "POST", f"{AUTHORIZATION}/selfsubjectrulesreviews", review("SelfSubjectRulesReview", "authorization"),
    asks=True)
add("who am I", "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"},
    show=lambda answer: {**answer, "status": {key: type(value).__name__ for key, value in answer["status"]["userInfo"].items()
                                              if key in ("username", "groups")}}, asks=True)
add("there are no reviews", "GET", f"{AUTHORIZATION}/selfsubjectaccessreviews")
