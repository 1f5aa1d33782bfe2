#!/usr/bin/env python3
"""kubectl's lines for workloads and nodes do on a minicluster what they do on a cluster."""

import base64
import json
import unittest

from minicluster_case import KUBECTL, MiniclusterCase


@unittest.skipUnless(KUBECTL, "SKIPPED: there is no kubectl on the PATH")
class Kubectl(MiniclusterCase):
    def refused(self, *arguments):
        done = self.run_kubectl(*arguments)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr

    def wait_for(self, what, expected, *arguments):
        self.bench.wait(what, lambda: self.kubectl(*arguments) == expected)

    def web(self, replicas=4):
        self.kubectl("create", "deployment", "web", "--image=nginx:1", f"--replicas={replicas}")
        self.kubectl("rollout", "status", "deployment/web", "--timeout=20s")

    def nodes_of_pods(self):
        return set(self.kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}").split())


class Nodes(Kubectl):
    def test_drain_leaves_a_node_empty_within_the_budget(self):
        self.start("--nodes", "2")
        self.web(6)
        self.assertEqual(self.nodes_of_pods(), {"node-1", "node-2"})
        self.kubectl("create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=3")
        self.wait_for("three may go", "3", "get", "pdb", "web", "-o", "jsonpath={.status.disruptionsAllowed}")
        self.assertIn("node/node-1 drained", self.kubectl("drain", "node-1", "--timeout=60s"))
        self.assertEqual(self.nodes_of_pods(), {"node-2"})
        self.assertIn("SchedulingDisabled", self.kubectl("get", "node", "node-1"))
        self.kubectl("uncordon", "node-1")
        self.assertNotIn("SchedulingDisabled", self.kubectl("get", "node", "node-1"))

    def test_drain_waits_for_the_budget(self):
        self.start("--nodes", "1")
        self.web(2)
        self.kubectl("create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=100%")
        self.wait_for("none may go", "2", "get", "pdb", "web", "-o", "jsonpath={.status.desiredHealthy}")
        self.assertIn("Cannot evict pod as it would violate the pod's disruption budget",
                      self.refused("drain", "node-1", "--timeout=1s"))

    def test_pods_leave_a_node_that_is_silent(self):
        self.start("--nodes", "2", "--node-grace", "2", "--toleration", "1")
        self.web()
        self.kubectl("annotate", "node", "node-1", "minicluster/kubelet=stopped")
        self.kubectl("wait", "node/node-1", "--for=condition=Ready=Unknown", "--timeout=20s")
        self.wait_for("all run elsewhere", "4", "get", "deployment", "web", "-o", "jsonpath={.status.availableReplicas}")
        self.assertIn("NotReady", self.kubectl("get", "node", "node-1"))
        self.kubectl("annotate", "node", "node-1", "minicluster/kubelet-")
        self.kubectl("wait", "node/node-1", "--for=condition=Ready", "--timeout=20s")


MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {a: "1"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "nginx:1", ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: main, image: "db:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - host: web.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 2, maxReplicas: 5}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
"""


class Workloads(Kubectl):
    IMAGE = "jsonpath={.spec.template.spec.containers[0].image}"

    def roll_out(self, what):
        self.assertIn("roll", self.kubectl("rollout", "status", what, "--timeout=30s"))

    def test_manifest_of_many_kinds_comes_to_life(self):
        self.start("--nodes", "2")
        self.assertEqual(self.kubectl("apply", "-f", "-", stdin=MANIFEST).count(" created"), 7)
        # kubectl replaces a budget's selector each time, everywhere.
        self.assertEqual(self.kubectl("apply", "-f", "-", stdin=MANIFEST).count(" unchanged"), 6)
        self.roll_out("deployment/web")
        self.roll_out("statefulset/db")
        self.assertEqual(self.kubectl("get", "pods", "-l", "app=db", "-o", "name").split(), ["pod/db-0", "pod/db-1"])
        self.wait_for("the service leads to the pods", "8080 true true true", "get", "endpointslices", "-o",
                      "jsonpath={.items[0].ports[0].port} {.items[0].endpoints[*].conditions.ready}")
        self.assertIn("Started container main", self.kubectl("describe", "pod", "db-0"))
        for kind in ["ingress", "hpa", "pdb", "configmap"]:
            self.assertIn("web" if kind != "configmap" else "conf", self.kubectl("get", kind))
        self.kubectl("delete", "-f", "-", "--timeout=30s", stdin=MANIFEST)
        self.bench.wait("nothing is left of it", lambda: self.kubectl("get", "all,endpointslices", "-o", "name") == "")

    def test_rollout_goes_on_and_back(self):
        self.start()
        self.kubectl("apply", "-f", "-", stdin=MANIFEST)
        self.roll_out("deployment/web")
        self.kubectl("set", "image", "deployment/web", "main=nginx:2")
        self.kubectl("annotate", "deployment/web", "kubernetes.io/change-cause=to two")
        self.roll_out("deployment/web")
        self.bench.wait("its revision tells why", lambda: "2         to two" in self.kubectl("rollout", "history", "deployment/web"))
        self.kubectl("rollout", "undo", "deployment/web")
        self.roll_out("deployment/web")
        self.assertEqual(self.kubectl("get", "deployment", "web", "-o", self.IMAGE), "nginx:1")
        history = self.kubectl("rollout", "history", "deployment/web").split("\n")
        self.assertEqual([line.split()[0] for line in history[2:] if line], ["2", "3"])
        self.kubectl("rollout", "restart", "deployment/web")
        self.roll_out("deployment/web")
        self.kubectl("rollout", "pause", "deployment/web")
        self.kubectl("set", "image", "deployment/web", "main=nginx:3")
        self.kubectl("scale", "deployment/web", "--replicas=4")
        self.kubectl("wait", "deployment/web", "--for=jsonpath={.status.availableReplicas}=4", "--timeout=20s")
        self.assertNotIn("nginx:3", self.kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.containers[0].image}"))
        self.kubectl("rollout", "resume", "deployment/web")
        self.roll_out("deployment/web")
        self.wait_for("all are new", " ".join(["nginx:3"] * 4), "get", "pods", "-l", "app=web", "-o",
                      "jsonpath={.items[*].spec.containers[0].image}")

    def test_sets_go_back_to_a_revision(self):
        self.start()
        self.kubectl("apply", "-f", "-", stdin=MANIFEST)
        daemons = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"},
                   "spec": {"selector": {"matchLabels": {"app": "agent"}},
                            "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [{"name": "main", "image": "db:1"}]}}}}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(daemons))
        for what in ["statefulset/db", "daemonset/agent"]:
            self.roll_out(what)
            self.kubectl("set", "image", what, "main=db:2")
            self.roll_out(what)
            self.kubectl("rollout", "undo", what)
            self.roll_out(what)
            self.assertEqual(self.kubectl("get", what, "-o", self.IMAGE), "db:1")
            history = self.kubectl("rollout", "history", what).split("\n")
            self.assertEqual([line.split()[0] for line in history[2:] if line], ["2", "3"])
            self.kubectl("rollout", "restart", what)
            self.roll_out(what)

    def test_pods_and_jobs_of_a_line(self):
        self.start()
        self.kubectl("run", "one", "--image=nginx", "--port=80", "--expose")
        self.kubectl("wait", "pod/one", "--for=condition=Ready", "--timeout=20s")
        self.kubectl("run", "task", "--image=busybox", "--restart=Never", "--", "true")
        self.kubectl("wait", "pod/task", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=20s")
        self.kubectl("create", "cronjob", "tick", "--image=busybox", "--schedule=0 0 1 1 *", "--", "date")
        self.kubectl("create", "job", "by-hand", "--from=cronjob/tick")
        self.kubectl("wait", "job/by-hand", "--for=condition=Complete", "--timeout=20s")
        self.assertIn("Job completed", self.kubectl("describe", "job", "by-hand"))
        for line in [["logs", "one"], ["exec", "one", "--", "ls"], ["attach", "one"]]:
            self.assertIn("are pretended", self.refused(*line))


class Ingresses(Kubectl):
    def test_ingress_is_made_of_rules(self):
        self.start()
        self.kubectl("create", "ingress", "web", "--class=nginx", "--default-backend=any:http", "--rule=a.b/=web:80",
                     "--rule=c.d/x*=api:grpc,tls=cert")
        spec = json.loads(self.kubectl("get", "ingress", "web", "-o", "json"))["spec"]
        self.assertEqual(spec["ingressClassName"], "nginx")
        self.assertEqual(spec["defaultBackend"], {"service": {"name": "any", "port": {"name": "http"}}})
        self.assertEqual(spec["tls"], [{"hosts": ["c.d"], "secretName": "cert"}])
        self.assertEqual([rule["host"] for rule in spec["rules"]], ["a.b", "c.d"])
        self.assertEqual(spec["rules"][0]["http"]["paths"], [
            {"path": "/", "pathType": "Exact", "backend": {"service": {"name": "web", "port": {"number": 80}}}}])
        self.assertEqual(spec["rules"][1]["http"]["paths"], [
            {"path": "/x", "pathType": "Prefix", "backend": {"service": {"name": "api", "port": {"name": "grpc"}}}}])
        self.assertIn("web:80", self.kubectl("describe", "ingress", "web"))


class Tokens(Kubectl):
    def test_token_says_who_it_is_for(self):
        self.start()
        self.bench.wait("the account is there", lambda: self.run_kubectl("get", "serviceaccount", "default").returncode == 0)
        part = self.kubectl("create", "token", "default", "--duration=15m").split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        self.assertEqual(claims["sub"], "system:serviceaccount:default:default")
        self.assertEqual(claims["exp"] - claims["iat"], 900)
        self.assertIn('serviceaccounts "nobody" not found', self.refused("create", "token", "nobody"))


if __name__ == "__main__":
    unittest.main()
