#!/usr/bin/env python3
"""kubectl's lines for workloads and nodes do on a minicluster what they do on a cluster."""

import base64
import json
import os
import shutil
import subprocess
import unittest

from bench import Bench

KUBECTL = shutil.which("kubectl")


@unittest.skipUnless(KUBECTL, "SKIPPED: there is no kubectl on the PATH")
class Kubectl(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.kubeconfig = self.bench.directory / "kubeconfig"

    def start(self, *arguments):
        process = self.bench.program("minicluster", "--kubeconfig-out", self.kubeconfig, *arguments)
        self.bench.wait("its kubeconfig is there", lambda: self.kubeconfig.exists() or not process.running())
        self.assertTrue(process.running(), process.log())

    def run_kubectl(self, *arguments, stdin=None):
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.bench.directory / "cache")}
        return subprocess.run([KUBECTL, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False,
                              env=environment)

    def kubectl(self, *arguments, stdin=None):
        done = self.run_kubectl(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

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
