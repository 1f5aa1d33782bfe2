"""A resource that no cluster has by itself: its definition, and one of its objects."""

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
WIDGET = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.example.com"},
          "spec": {"group": "example.com", "scope": "Namespaced",
                   "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "shortNames": ["wd"], "categories": ["gadgets"]},
                   "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                       "type": "object", "description": "A widget, of its color.", "properties": {"spec": {
                           "type": "object", "properties": {"size": {"type": "integer"}, "color": {"type": "string", "description": "How it looks."}}},
                           "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}},
                       "additionalPrinterColumns": [
                       {"name": "Color", "type": "string", "jsonPath": ".spec.color"},
                       {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
                       {"name": "Size", "type": "integer", "jsonPath": ".spec.size", "priority": 1}]}]}}
RED = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"}, "spec": {"color": "red", "size": 4},
       "status": {"conditions": [{"type": "Synced", "status": "False"}, {"type": "Ready", "status": "True"}]}}
