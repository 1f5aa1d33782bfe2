"""The 2,000 objects of the scenarios: eight kinds and a custom resource, in four namespaces.

Beside many small ones they hold what breaks careless code: names with every legal character, text that JSON escapes,
integers beyond a double, empty and large objects.
"""

import base64

from kubeapi import Resource
from mirror import CONFIGMAPS, DEPLOYMENTS, JOBS, PODS, ROLES, SECRETS, SERVICE_ACCOUNTS, SERVICES
from process import wait

WIDGETS = Resource("example.com", "v1", "widgets", "Widget")
GADGETS = Resource("example.com", "v1alpha1", "gadgets", "Gadget", namespaced=False)

BUILT_IN = (CONFIGMAPS, SECRETS, SERVICES, SERVICE_ACCOUNTS, PODS, DEPLOYMENTS, JOBS, ROLES)
TEAMS = ("team-a", "team-b", "team-c", "0")

# How many of each; the deployments and jobs bring some 100 pods of their own.
COUNTS = {
    CONFIGMAPS: 700, SECRETS: 300, SERVICES: 150, SERVICE_ACCOUNTS: 200, PODS: 150, DEPLOYMENTS: 60, JOBS: 40, ROLES: 200,
    WIDGETS: 200,
}

AWKWARD_TEXT = "<b>&amp;</b> \u2028 \u00e4\u00f6\u20ac \U0001f680 \"quoted\" \\back\\slash\\ \t\r\n\x01\x1f end"


def crd(resource):
    scope = "Namespaced" if resource.namespaced else "Cluster"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "group": resource.group,
            "scope": scope,
            "names": {"plural": resource.plural, "singular": resource.plural[:-1], "kind": resource.kind},
            "versions": [{
                "name": resource.version, "served": True, "storage": True, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    }


def establish_crd(api, resource):
    """Returns once the resource can be written."""
    api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd(resource))
    wait(f"{resource!r} is served", lambda: api.exists(resource.path()), 30)


def _pod_spec(number):
    return {
        "containers": [{
            "name": "main",
            "image": f"registry.example.com/app:{number}",
            "env": [{"name": "N", "value": str(number)}],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        }],
    }


def _fields(resource, number):
    labels = {"app": f"app-{number % 7}"}
    if resource is CONFIGMAPS:
        return {"data": {"number": str(number), "text": AWKWARD_TEXT, "empty": ""},
                "binaryData": {"bytes": base64.b64encode(bytes(range(256))).decode()}}
    if resource is SECRETS:
        return {"type": "Opaque", "stringData": {"password": f"p{number}"}}
    if resource is SERVICES:
        return {"spec": {"selector": labels, "ports": [{"port": 80, "targetPort": "http"}]}}
    if resource is PODS:
        return {"spec": _pod_spec(number)}
    if resource is DEPLOYMENTS:
        template = {"metadata": {"labels": labels}, "spec": _pod_spec(number)}
        return {"spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}}
    if resource is JOBS:
        return {"spec": {"template": {"spec": {**_pod_spec(number), "restartPolicy": "Never"}}}}
    if resource is ROLES:
        return {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]}
    if resource.group == WIDGETS.group:
        return {"spec": {"beyondDouble": 9007199254740993, "real": 1.5e21, "nothing": None, "deep": [[[]], {"": {}}],
                         "text": AWKWARD_TEXT, "managedFields": [{"not": "metadata"}]}}
    return {}


def make(resource, namespace, name, number=0):
    metadata = {"name": name, "labels": {"app": f"app-{number % 7}", "number": str(number)},
                "annotations": {"note": AWKWARD_TEXT, "quoted": '{"managedFields":[1]}'}}
    if resource.namespaced:
        metadata["namespace"] = namespace
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata,
            **_fields(resource, number)}


def _name(resource, number):
    # Not every kind allows every name: a service's is a DNS label, a role's any path segment.
    if resource is ROLES:
        return f"team:read.ALL_{number}(x) y~?#\u00e9+&=" if number % 10 == 0 else f"role-{number}"
    if resource in (CONFIGMAPS, SECRETS, WIDGETS) and number % 10 == 0:
        return f"0{number}.{'long-' * 20}name.example.com"
    return f"{resource.plural.rstrip('s')}-{number}"


def all_objects():
    """[(resource, namespace, body)], 2,000 of them."""
    return [
        (resource, TEAMS[number % len(TEAMS)], make(resource, TEAMS[number % len(TEAMS)], _name(resource, number), number))
        for resource, count in COUNTS.items() for number in range(count)
    ]


def create_all(api, objects):
    api.every(lambda entry: api.post(entry[0].path(entry[1]), entry[2]), objects)


def path_of(entry):
    resource, namespace, body = entry
    return resource.path(namespace, body["metadata"]["name"])
