"""Documents of every kind that a minicluster acts on, as whole as they come: hostile.py spoils them."""

import collections

NAMES = ["a", "b", "c"]
NAMESPACES = ["default", "default", "default", "a", "b"]


class Kind(collections.namedtuple("Kind", "root plural namespaced kind document own_name")):
    @property
    def api_version(self):
        return self.root.removeprefix("/apis/").removeprefix("/api/")

    def collection(self, namespace):
        return f"{self.root}/namespaces/{namespace}/{self.plural}" if self.namespaced else f"{self.root}/{self.plural}"


def metadata():
    fields = {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:containers": {'k:{"name":"a"}': {".": {}, "f:image": {}}}}}
    return {"name": "a", "labels": {"app": "x"}, "annotations": {"minicluster/start-seconds": "0", "minicluster/run-seconds": "1"},
            "finalizers": ["a/b"], "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "u", "controller": True}],
            "managedFields": [{"manager": "one", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}],
            "deletionTimestamp": None}


CONTAINER = {"name": "a", "image": "i", "env": [{"name": "x", "value": "y"}], "ports": [{"containerPort": 80, "protocol": "TCP", "name": "p"}],
             "volumeMounts": [{"mountPath": "/x", "name": "v"}], "resources": {"limits": {"cpu": "1"}}, "command": ["x"]}
POD = {"containers": [CONTAINER], "initContainers": [{"name": "b", "image": "i"}], "volumes": [{"name": "v", "emptyDir": {}}],
       "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}], "nodeSelector": {},
       "restartPolicy": "Always", "terminationGracePeriodSeconds": 0, "securityContext": {}}
TEMPLATE = {"metadata": {"labels": {"app": "x"}, "annotations": {"minicluster/exit-code": "0"}}, "spec": POD}
SELECTOR = {"matchLabels": {"app": "x"}, "matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}}
POD_STATUS = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}],
              "containerStatuses": [{"name": "a", "state": {"running": {}}, "ready": True}], "podIP": "10.0.0.1"}
SCHEMA = {"type": "object", "properties": {
    "spec": {"type": "object", "required": ["a"], "properties": {
        "a": {"type": "string", "default": "x", "pattern": "^[a-z]*$", "enum": ["x", "y"], "maxLength": 3},
        "list": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
                 "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        "replicas": {"type": "integer", "minimum": 0, "maximum": 9, "nullable": True},
        "any": {"x-kubernetes-preserve-unknown-fields": True}, "port": {"x-kubernetes-int-or-string": True},
        "map": {"type": "object", "additionalProperties": {"type": "integer"}}}},
    "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}}}}
DEFINITION = {
    "group": "example.com", "scope": "Namespaced", "conversion": {"strategy": "None"},
    "names": {"plural": "ws", "singular": "w", "kind": "W", "listKind": "WList", "shortNames": ["x"], "categories": ["all"]},
    "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA},
                  "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
                  "additionalPrinterColumns": [{"name": "A", "type": "string", "jsonPath": ".spec.a"}]}]}


def kind(root, plural, word, document, namespaced=True, own_name=None):
    return Kind(root, plural, namespaced, word, {"apiVersion": root.removeprefix("/apis/").removeprefix("/api/"), "kind": word,
                                                 "metadata": {**metadata(), "name": own_name or "a"}, **document}, own_name)


DOCUMENTS = [
    kind("/api/v1", "configmaps", "ConfigMap", {"data": {"a": "b"}, "binaryData": {"x": "aa=="}, "immutable": False}),
    kind("/api/v1", "secrets", "Secret", {"data": {"a": "Yg=="}, "stringData": {"c": "d"}, "type": "Opaque"}),
    kind("/api/v1", "serviceaccounts", "ServiceAccount", {"secrets": [{"name": "x"}], "imagePullSecrets": [{"name": "x"}]}),
    kind("/api/v1", "pods", "Pod", {"spec": POD, "status": POD_STATUS}),
    kind("/api/v1", "services", "Service", {"spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": "p"}], "selector": {"app": "x"},
                                                     "clusterIP": "", "type": "ClusterIP"}}),
    kind("/api/v1", "events", "Event", {"involvedObject": {"kind": "Pod", "name": "a", "namespace": "default"}, "reason": "r", "message": "m",
                                        "firstTimestamp": "2020-01-01T00:00:00Z", "count": 1, "series": {"count": 2}}),
    kind("/api/v1", "namespaces", "Namespace", {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}, namespaced=False),
    kind("/api/v1", "nodes", "Node", {"spec": {"taints": [{"key": "a", "effect": "NoExecute"}], "unschedulable": False},
                                      "status": {"conditions": [{"type": "Ready", "status": "True"}], "capacity": {"cpu": "1", "pods": "3"},
                                                 "addresses": [{"type": "InternalIP", "address": "1.2.3.4"}]}}, namespaced=False),
    kind("/apis/apps/v1", "deployments", "Deployment", {"spec": {"replicas": 2, "selector": SELECTOR, "template": TEMPLATE, "strategy": ROLLING},
                                                        "status": {"replicas": 1, "conditions": [{"type": "Available"}]}}),
    kind("/apis/apps/v1", "replicasets", "ReplicaSet", {"spec": {"replicas": 1, "selector": SELECTOR, "template": TEMPLATE}}),
    kind("/apis/apps/v1", "daemonsets", "DaemonSet", {"spec": {"selector": SELECTOR, "template": TEMPLATE, "updateStrategy": ROLLING}}),
    kind("/apis/apps/v1", "statefulsets", "StatefulSet", {"spec": {"replicas": 2, "selector": SELECTOR, "template": TEMPLATE, "serviceName": "x",
                                                                   "podManagementPolicy": "Parallel", "volumeClaimTemplates": [{"metadata": {"name": "v"}}],
                                                                   "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}}}),
    kind("/apis/apps/v1", "controllerrevisions", "ControllerRevision", {"data": {"spec": {"template": TEMPLATE}}, "revision": 1}),
    kind("/apis/batch/v1", "jobs", "Job", {"spec": {"completions": 2, "parallelism": 1, "backoffLimit": 1, "ttlSecondsAfterFinished": 1,
                                                    "template": {**TEMPLATE, "spec": {**POD, "restartPolicy": "Never"}}}}),
    kind("/apis/batch/v1", "cronjobs", "CronJob", {"spec": {"schedule": "* * * * *", "concurrencyPolicy": "Allow", "successfulJobsHistoryLimit": 1,
                                                            "jobTemplate": {"spec": {"template": TEMPLATE}}}}),
    kind("/apis/policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", {"spec": {"minAvailable": "50%", "selector": SELECTOR},
                                                                            "status": {"disruptionsAllowed": 1}}),
    kind("/apis/autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", {"spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}, "minReplicas": 1, "maxReplicas": 2}}),
    kind("/apis/coordination.k8s.io/v1", "leases", "Lease", {"spec": {"holderIdentity": "x", "renewTime": "2020-01-01T00:00:00.000000Z"}}),
    kind("/apis/rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", {"rules": [{"apiGroups": [""], "verbs": ["get"]}]}, namespaced=False),
    kind("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", {"spec": DEFINITION, "status": {"conditions": []}},
         namespaced=False, own_name="ws.example.com"),
    kind("/apis/example.com/v1", "ws", "W", {"spec": {"a": "x", "list": [{"name": "q"}], "replicas": 1, "any": {"b": [1]}, "port": 80, "map": {"k": 1}},
                                             "status": {"replicas": 1}}),
    kind("/api/v1", "nodes", "Node", {"spec": {}}, namespaced=False, own_name="node-1"),
]

QUESTIONS = [
    ("/api/v1/namespaces/default/pods/a/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a", "namespace": "default"},
                                                    "deleteOptions": {"gracePeriodSeconds": 0, "preconditions": {"uid": "x"}, "dryRun": ["All"]}}),
    ("/api/v1/namespaces/default/pods/a/binding", {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "a"},
                                                   "target": {"kind": "Node", "name": "node-1"}}),
    ("/api/v1/namespaces/default/serviceaccounts/a/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {
        "audiences": ["a"], "expirationSeconds": 3600, "boundObjectRef": {"kind": "Pod", "name": "a", "uid": "u", "apiVersion": "v1"}}}),
    ("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"kind": "SelfSubjectAccessReview", "spec": {"nonResourceAttributes": None, "resourceAttributes": {
        "verb": "get", "group": "", "resource": "pods", "subresource": "log", "namespace": "x"}}}),
    ("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"kind": "SelfSubjectRulesReview", "spec": {"namespace": "default"}}),
    ("/apis/authentication.k8s.io/v1/selfsubjectreviews", {"kind": "SelfSubjectReview", "status": {"userInfo": {}}}),
]
