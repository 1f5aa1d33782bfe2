#!/usr/bin/env python3
"""A Deployment at the hub's source cluster runs on the cluster whose name is its namespace, and what becomes of it comes back:
over a real broker, by the command lines of the README, with kubectl at both ends where it is there."""

import shutil
import signal
import subprocess
import time
import unittest

from bench import ROOT, Bench, answers
from fleet import PLURALS, Cluster, View, collection

SAMPLE = ROOT / "samples" / "nginx-deployment.yaml"
AVAILABLE = "cluster.available.replicas/"
DEPLOYMENTS = PLURALS["Deployment"]


class Workloads(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.port = self.bench.broker()
        self.source = Cluster(self.bench, "source", "--nodes", 0)
        self.there = Cluster(self.bench, "cluster1")
        self.count = 0

    def start(self, program, *arguments, client="sourceId", environment=None):
        self.count += 1
        return self.bench.program(program, "--broker", f"tcp://127.0.0.1:{self.port}", "--client-id", client, "--signal-topic",
                                  "/signal", "--payload-topic", "/payload", *arguments, environment=environment,
                                  label=f"{program}-{self.count}")

    def agent(self, cluster=None, *arguments):
        cluster = cluster or self.there
        return self.start("agent", "--cluster", cluster.name, *arguments, environment={"KUBECONFIG": str(cluster.kubeconfig)})

    def hub(self, source=None):
        return self.start("hub", "--kubeconfig", (source or self.source).kubeconfig, client="controlplaneId")

    def kubectl(self, cluster, *arguments):
        subprocess.run(["kubectl", "--kubeconfig", str(cluster.kubeconfig), *map(str, arguments)], check=True,
                       stdout=subprocess.DEVNULL, timeout=30)

    def deploy(self, source=None):
        self.kubectl(source or self.source, "apply", "-f", SAMPLE)

    def nginx(self, cluster=None, namespace="default"):
        return (cluster or self.there).get("Deployment", "nginx", namespace)

    def at_source(self):
        return self.source.get("Deployment", "nginx", "cluster1")

    def wait_replicas(self, replicas):
        self.bench.wait(f"nginx has {replicas} replicas on cluster1",
                        lambda: (self.nginx() or {"spec": {}})["spec"].get("replicas") == replicas)

    def scale(self, replicas):
        self.source.patch("Deployment", "nginx", {"spec": {"replicas": replicas}}, "cluster1")

    def reported(self):
        annotations = self.at_source()["metadata"].get("annotations", {})
        return {name.removeprefix(AVAILABLE): value for name, value in annotations.items() if name.startswith(AVAILABLE)}

    @unittest.skipUnless(shutil.which("kubectl"), "SKIPPED: there is no kubectl on the PATH")
    def test_a_workload_goes_down_and_its_replicas_come_back(self):
        hub, agent = self.hub(), self.agent()
        self.deploy()
        self.wait_replicas(2)
        applied = self.there.request("GET", f"{collection(DEPLOYMENTS, 'default')}/nginx")["metadata"]
        self.assertIn(("transport-informer", "Apply"),
                      [(entry["manager"], entry["operation"]) for entry in applied["managedFields"]])

        self.bench.wait("available replicas are reported", lambda: self.reported() == {"default": "2"}, 30)
        uid = self.nginx()["metadata"]["uid"]
        self.there.delete("Deployment", "nginx")
        self.bench.wait("deleted on cluster1, it comes back",
                        lambda: (self.nginx() or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid)
        self.kubectl(self.source, "scale", "-n", "cluster1", "deployment/nginx", "--replicas", 3)
        self.wait_replicas(3)
        self.bench.wait("and is reported", lambda: self.reported() == {"default": "3"}, 30)

        self.kubectl(self.source, "delete", "-n", "cluster1", "deployment/nginx")
        self.bench.wait("deleted at the source, it is pruned", lambda: not self.nginx())
        self.assertEqual((hub.stop(), agent.stop()), (0, 0))

    @unittest.skipUnless(shutil.which("kubectl"), "SKIPPED: there is no kubectl on the PATH")
    def test_reports_are_no_changes_of_the_workload(self):
        hub, agent = self.hub(), self.agent()
        self.deploy()
        self.bench.wait("available replicas are reported", lambda: self.reported() == {"default": "2"}, 30)
        time.sleep(1)  # for what would follow, if reports led to more
        before = (self.at_source()["metadata"]["resourceVersion"], self.nginx()["metadata"]["resourceVersion"])
        time.sleep(2)
        self.assertEqual((self.at_source()["metadata"]["resourceVersion"], self.nginx()["metadata"]["resourceVersion"]), before)
        self.assertTrue(hub.running() and agent.running())

    @unittest.skipUnless(shutil.which("kubectl"), "SKIPPED: there is no kubectl on the PATH")
    def test_deaths_delete_nothing_and_are_caught_up_with(self):
        hub, agent = self.hub(), self.agent()
        self.deploy()
        self.wait_replicas(2)
        uid = self.nginx()["metadata"]["uid"]
        for end in [signal.SIGKILL, signal.SIGTERM]:
            hub.child.send_signal(end)
            hub.wait()
            self.scale(4)
            hub = self.hub()
            self.wait_replicas(4)
            agent.child.send_signal(end)
            agent.wait()
            self.scale(5)
            agent = self.agent()
            self.wait_replicas(5)
        self.bench.wait("the replicas are reported again", lambda: self.reported() == {"default": "5"}, 30)
        self.assertEqual(self.nginx()["metadata"]["uid"], uid)

        agent.stop()
        self.source.delete("Deployment", "nginx", "cluster1")
        agent = self.agent()
        self.bench.wait("deleted while the agent was away, it is pruned", lambda: not self.nginx())

    @unittest.skipUnless(shutil.which("kubectl"), "SKIPPED: there is no kubectl on the PATH")
    def test_another_source_takes_nothing_away(self):
        hub, agent = self.hub(), self.agent()
        self.deploy()
        self.wait_replicas(2)
        uid = self.nginx()["metadata"]["uid"]
        hub.stop()
        empty = Cluster(self.bench, "another-source", "--nodes", 0)
        self.hub(empty)
        log = agent.log
        self.bench.wait("the agent has met the other source", lambda: "another cluster" in log(), 40)
        self.deploy(empty)
        self.bench.wait("it says that it leaves the workload alone", lambda: "frozen" in log(), 30)
        self.assertEqual(self.nginx()["metadata"]["uid"], uid)

    def swap(self, cluster, *arguments):
        """Another, empty cluster comes to answer under the address of this one."""
        address = cluster.url.removeprefix("http://")
        cluster.process.child.kill()
        cluster.process.wait()
        self.count += 1
        self.bench.program("minicluster", "--listen", address, "--kubeconfig-out", self.bench.directory / "swapped", *arguments,
                           label=f"swapped-{self.count}")
        self.bench.wait("the other cluster answers", lambda: answers(int(address.rpartition(":")[2])))

    @unittest.skipUnless(shutil.which("kubectl"), "SKIPPED: there is no kubectl on the PATH")
    def test_a_source_that_is_swapped_under_its_address_takes_nothing_away(self):
        hub, agent = self.hub(), self.agent()
        self.deploy()
        self.wait_replicas(2)
        uid = self.nginx()["metadata"]["uid"]
        self.swap(self.source, "--nodes", 0)
        self.bench.wait("the hub has begun anew", lambda: hub.log().count("source of workloads:") == 2, 90)
        self.bench.wait("so has the agent", lambda: "another cluster" in agent.log(), 40)
        self.deploy()
        self.bench.wait("it says that it leaves the workload alone", lambda: "frozen" in agent.log(), 30)
        self.assertEqual(self.nginx()["metadata"]["uid"], uid)
        self.assertEqual((hub.stop(), agent.stop()), (0, 0))

    def test_a_cluster_that_is_swapped_under_its_address_is_another_one(self):
        agent = self.agent()
        view = View(self.start("informer", "-o", "json", client="controlplaneId"))
        self.addCleanup(view.file.close)
        self.there.create("ConfigMap", "old")
        self.bench.wait("cluster1 is mirrored", lambda: view.equals(self.there, "ConfigMap", "Namespace"))
        self.swap(self.there)
        self.there.create("ConfigMap", "new")
        self.bench.wait("the agent has seen it", lambda: "another cluster answers" in agent.log(), 90)
        self.bench.wait("the other one is mirrored", lambda: view.equals(self.there, "ConfigMap", "Namespace"), 40)
        self.bench.wait("the informer knows that it is another one", lambda: "another cluster" in view.process.log(), 40)
        self.assertEqual(view.faults, [])
        self.assertEqual(agent.stop(), 0)

    @unittest.skipUnless(shutil.which("kubectl"), "SKIPPED: there is no kubectl on the PATH")
    def test_each_cluster_gets_its_own(self):
        other = Cluster(self.bench, "cluster2")
        self.hub()
        self.agent()
        self.agent(other)
        self.deploy()
        self.source.create("Namespace", "cluster2")
        self.wait_replicas(2)
        self.source.create("Deployment", "web", "cluster2", metadata={"labels": {"hub.transport-informer/resources": ""}},
                           spec={"selector": {"matchLabels": {"a": "b"}}, "template": {
                               "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}})
        self.bench.wait("cluster2 has its own", lambda: other.get("Deployment", "web", "cluster2"))
        self.assertEqual([key for key in other.state(DEPLOYMENTS)], [("cluster2", "web")])
        self.assertEqual([key for key in self.there.state(DEPLOYMENTS)], [("default", "nginx")])

    def test_a_hub_without_source_shows_the_clusters(self):
        other = Cluster(self.bench, "cluster2")
        hub = self.start("hub", client="controlplaneId")
        agent = self.agent()
        self.start("provider", "--cluster", "cluster2", environment={"KUBECONFIG": str(other.kubeconfig)})
        for name in ["cluster1", "cluster2"]:
            self.bench.wait(f"{name} is shown", lambda name=name: f"{name}: synced, 13 of 13 resources" in hub.out())
        agent.stop()
        self.bench.wait("an agent that ended is shown", lambda: "cluster1: silent" in hub.out())
        self.assertNotIn("hub:", hub.out())
        self.assertEqual(hub.stop(), 0)

    def test_an_informer_sees_what_an_agent_mirrors(self):
        self.agent()
        view = View(self.start("informer", "-o", "json", client="controlplaneId"))
        self.addCleanup(view.file.close)
        self.there.create("ConfigMap", "one", data={"a": "b"})
        self.bench.wait("cluster1 is mirrored", lambda: view.equals(self.there, "ConfigMap", "Namespace"))
        self.assertEqual(view.faults, [])


if __name__ == "__main__":
    unittest.main()
