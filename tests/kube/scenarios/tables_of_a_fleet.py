"""What kubectl shows of a cluster through a hub is what it shows of the cluster itself: for every kind, the columns and the cells,
those of -o wide too, and short names and categories."""

import json

from kubeapi import Api
from process import Failed, free_ports, wait

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
AGES = ("Age", "Last Seen", "First Seen", "Duration", "Last Schedule")  # they pass while we look
NS = "compared"
POD = {"containers": [{"name": "main", "image": "nginx:1"}, {"name": "side", "image": "busybox:1"}]}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": POD}
SELECTOR = {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["test", "dev"]}]}
COLUMNS = [("Text", "string", ".spec.text"), ("Whole", "integer", ".spec.whole"), ("Part", "number", ".spec.part"),
           ("Good", "boolean", ".spec.good"), ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
           ("First", "string", ".spec.list[0]"), ("All", "string", ".spec.list"), ("Dotted", "string", r".metadata.labels.a\.b/c")]
DEFINITION = {"metadata": {"name": "widgets.compared.example.com"},
              "spec": {"group": "compared.example.com", "scope": "Namespaced",
                       "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["gadgets"]},
                       "versions": [{"name": "v1", "served": True, "storage": True,
                                     "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                                     "additionalPrinterColumns": [
                                         {"name": name, "type": type_, "jsonPath": path, "priority": int(name == "All")}
                                         for name, type_, path in COLUMNS]}]}}


def scaled(**spec):
    return {"spec": {"selector": SELECTOR, "template": TEMPLATE, **spec}}


# Group and version, plural, namespaced, objects by name.
OBJECTS = [
    ("v1", "configmaps", True, {"map": {"data": {"a": "1", "b": "2"}, "binaryData": {"c": ""}}}),
    ("v1", "secrets", True, {"secret": {"stringData": {"a": "1"}}}),
    ("v1", "serviceaccounts", True, {"account": {}}),
    ("v1", "pods", True, {"pod": {"spec": {**POD, "readinessGates": [{"conditionType": "x.y/z"}]}}}),
    ("v1", "replicationcontrollers", True, {"rc": {"spec": {"replicas": 0, "selector": {"app": "rc"}, "template": {
        "metadata": {"labels": {"app": "rc"}}, "spec": POD}}}}),
    ("v1", "services", True, {
        "nodes": {"spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [
            {"name": "a", "port": 80, "nodePort": 30080}, {"name": "b", "port": 53, "protocol": "UDP", "nodePort": 30053}]}},
        "pending": {"spec": {"type": "LoadBalancer", "ports": [{"port": 80, "nodePort": 30081}]}},
        "outside": {"spec": {"type": "ExternalName", "externalName": "example.com"}}}),
    ("v1", "endpoints", True, {
        "many": {"subsets": [{"addresses": [{"ip": f"10.1.0.{n}"} for n in range(1, 6)], "ports": [{"port": 80}]}]},
        "headless": {"subsets": [{"addresses": [{"ip": "10.1.0.1"}]}]}, "none": {}}),
    ("v1", "persistentvolumeclaims", True, {"claim": {"spec": {
        "accessModes": ["ReadWriteOnce", "ReadOnlyMany"], "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}}}),
    ("v1", "persistentvolumes", False, {"compared": {"spec": {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"], "storageClassName": "other", "hostPath": {"path": "/x"}}}}),
    ("v1", "nodes", False, {"compared": {"metadata": {"labels": {"node-role.kubernetes.io/worker": ""}}, "spec": {"unschedulable": True}}}),
    ("v1", "resourcequotas", True, {"quota": {"spec": {"hard": {"pods": "10", "limits.cpu": "2"}}}}),
    ("v1", "limitranges", True, {"range": {"spec": {"limits": [{"type": "Container", "max": {"cpu": "4"}}]}}}),
    ("v1", "events", True, {"event": {"involvedObject": {"kind": "Pod", "name": "pod", "namespace": NS, "fieldPath": "spec"},
                                      "type": "Normal", "reason": "Tested", "message": "a line", "source": {"component": "us", "host": "here"}}}),
    ("apps/v1", "deployments", True, {"deploy": scaled(replicas=0)}),
    ("apps/v1", "replicasets", True, {"rs": scaled(replicas=0)}),
    ("apps/v1", "statefulsets", True, {"sts": scaled(replicas=0, serviceName="x")}),
    ("apps/v1", "daemonsets", True, {"ds": {"spec": {"selector": SELECTOR, "template": {
        **TEMPLATE, "spec": {**POD, "nodeSelector": {"a": "b"}}}}}}),
    ("batch/v1", "jobs", True, {"job": {"spec": {"suspend": True, "parallelism": 2, "template": {"spec": {**POD, "restartPolicy": "Never"}}}}}),
    ("batch/v1", "cronjobs", True, {"cron": {"spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {
        "template": {"spec": {**POD, "restartPolicy": "Never"}}}}}}}),
    ("networking.k8s.io/v1", "ingresses", True, {
        "hosts": {"spec": {"ingressClassName": "x", "tls": [{"hosts": ["a"]}], "rules": [{"host": f"h{n}.example.com"} for n in range(5)]}},
        "any": {"spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}}}),
    ("networking.k8s.io/v1", "ingressclasses", False, {"compared": {
        "metadata": {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
        "spec": {"controller": "x.y/z", "parameters": {"apiGroup": "g.example.com", "kind": "K", "name": "n"}}}}),
    ("networking.k8s.io/v1", "networkpolicies", True, {"policy": {"spec": {"podSelector": SELECTOR}}}),
    ("policy/v1", "poddisruptionbudgets", True, {"budget": {"spec": {"minAvailable": "50%", "selector": SELECTOR}}}),
    ("autoscaling/v2", "horizontalpodautoscalers", True, {"hpa": {"spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "deploy"}, "maxReplicas": 9, "metrics": [
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}},
            {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "10"}}},
            {"type": "External", "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "7"}}}]}}}),
    ("discovery.k8s.io/v1", "endpointslices", True, {
        "slice": {"addressType": "IPv4", "ports": [{"name": "a", "port": 80}, {"name": "b"}],
                  "endpoints": [{"addresses": ["10.1.0.1"]}, {"addresses": ["10.1.0.2"]}, {"addresses": ["10.1.0.3"]}, {"addresses": ["10.1.0.4"]}]},
        "unset": {"addressType": "IPv4", "endpoints": []}}),
    ("coordination.k8s.io/v1", "leases", True, {"lease": {"spec": {"holderIdentity": "me"}}}),
    ("rbac.authorization.k8s.io/v1", "roles", True, {"role": {"rules": []}}),
    ("rbac.authorization.k8s.io/v1", "rolebindings", True, {"binding": {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "role"}, "subjects": [
            {"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"}, {"kind": "Group", "name": "g", "apiGroup": "rbac.authorization.k8s.io"},
            {"kind": "ServiceAccount", "name": "account", "namespace": NS}]}}),
    ("scheduling.k8s.io/v1", "priorityclasses", False, {"compared": {"value": 1000}}),
    ("storage.k8s.io/v1", "storageclasses", False, {"compared": {
        "metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "disk", "allowVolumeExpansion": True}}),
    ("storage.k8s.io/v1", "csidrivers", False, {"compared.example.com": {"spec": {"volumeLifecycleModes": ["Persistent", "Ephemeral"]}}}),
    ("storage.k8s.io/v1", "csinodes", False, {"compared": {"spec": {"drivers": [{"name": "d.example.com", "nodeID": "n"}]}}}),
    ("storage.k8s.io/v1", "volumeattachments", False, {"compared": {"spec": {"attacher": "d", "nodeName": "n", "source": {"persistentVolumeName": "v"}}}}),
    ("node.k8s.io/v1", "runtimeclasses", False, {"compared": {"handler": "runc"}}),
    ("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", False, {"compared": {"webhooks": []}}),
    ("apiextensions.k8s.io/v1", "customresourcedefinitions", False, {}),
    ("compared.example.com/v1", "widgets", True, {
        "whole": {"metadata": {"labels": {"a.b/c": "dotted"}}, "spec": {"text": "a", "whole": 3, "part": 0.5, "good": True, "list": ["x", "y"]},
                  "status": {"conditions": [{"type": "Synced", "status": "False"}, {"type": "Ready", "status": "True"}]}},
        "odd": {"spec": {"text": 7, "whole": "x", "part": "y", "good": "z", "list": {"a": 1}}}, "empty": {}}),
]


def path(version, plural, namespace=None):
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"


def fill(api):
    api.create_namespace(NS)
    api.post(path("apiextensions.k8s.io/v1", "customresourcedefinitions"), DEFINITION)
    wait("the definition is served", lambda: api.exists("/apis/compared.example.com/v1/widgets"))
    wait("the namespace has its service account", lambda: api.exists(f"/api/v1/namespaces/{NS}/serviceaccounts/default"))
    for version, plural, namespaced, objects in OBJECTS:
        for name, body in objects.items():
            typed = {"apiVersion": version, "kind": "Widget"} if plural == "widgets" else {}
            api.post(path(version, plural, NS if namespaced else None),
                     {**typed, **body, "metadata": {**body.get("metadata", {}), "name": name}})


def ask(api, where, accept):
    connection = api.connect()
    connection.request("GET", where, headers={"Accept": accept, "Authorization": f"Bearer {api.token}"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def table(api, where):
    """Columns, and the cells of each row by its object's name; but for ages."""
    answer = ask(api, where, TABLE)
    if answer["kind"] != "Table":
        raise Failed(f"{where}: {answer}")
    columns = [(c["name"], c["type"], c["format"], c["priority"]) for c in answer["columnDefinitions"]]
    rows = {row["object"]["metadata"]["name"]: {column[0]: cell for column, cell in zip(columns, row["cells"]) if column[0] not in AGES}
            for row in answer["rows"]}
    return columns, rows


def views(resource):
    """What is to be had of its objects that the objects themselves tell."""
    return sorted({each["subresource"] for each in resource.get("subresources", ())} & {"scale", "status"})


def names(api, prefix=""):
    answer = {item["metadata"].get("name", ""): item for root in ("/api", "/apis") for item in ask(
        api, prefix + root, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")["items"]}
    return {(group, version["version"], r["resource"]): (r["singularResource"], r.get("shortNames"), r.get("categories"), r["responseKind"]["kind"], views(r))
            for group, item in answer.items() for version in item["versions"] for r in version["resources"]}


def differences(cluster, hub):
    found = []
    for version, plural, namespaced, objects in OBJECTS:
        where = path(version, plural, NS if namespaced else None)
        ours, theirs = table(hub, f"/clusters/cluster1{where}"), table(cluster, where)
        if ours[0] != theirs[0]:
            found.append(f"{plural}: columns {ours[0]}, not {theirs[0]}")
        for name in objects or theirs[1]:
            if ours[1].get(name) != theirs[1].get(name):
                found.append(f"{plural} {name}: {ours[1].get(name)}, not {theirs[1].get(name)}")
    own, here = names(cluster), names(hub, "/clusters/cluster1")
    found += [f"{key}: called {value}, not {own.get(key)}" for key, value in here.items() if value != own.get(key)]
    return found


def run(bench):
    cluster = bench.cluster("cluster1", controllers="serviceaccount-controller,serviceaccount-token-controller")
    bench.broker()
    api = cluster.wait_ready().api
    fill(api)
    bench.provider(cluster, flags=("--always", "--resource", "*", "--resource", "secrets"))
    (port,) = free_ports(1)
    state = bench.directory / "state"
    program = bench.program("hub", "--listen", f"127.0.0.1:{port}", "--state-dir", state)
    wait("the hub serves", lambda: "serving the fleet" in program.log(), must_run=[program])
    hub = Api("127.0.0.1", port, state / "tls.crt", (state / "token").read_text(encoding="utf-8"))
    wait("the cluster is mirrored", lambda: '"type":"Synced","status":"True"' in hub.raw(
        "GET", "/apis/fleet.transport-informer.io/v1alpha1/clusters/cluster1")[1].decode(), 60)
    if found := differences(api, hub):
        raise Failed("\n".join(found))
    bench.check(f"tables of {len(OBJECTS)} kinds are the cluster's own, as are the names of all resources")
