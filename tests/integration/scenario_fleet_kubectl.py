#!/usr/bin/env python3
"""kubectl's other verbs before a fleet, on its root and on one cluster: custom resources as their definitions have them, describe,
wait, rollout status, get -w, api-resources and explain."""

import json
import re
import signal
import unittest

import fleet_hub
from widgets import DEFINITIONS, RED, WIDGET, WIDGETS


@unittest.skipUnless(fleet_hub.KUBECTL, "SKIPPED: there is no kubectl on the PATH")
class Verbs(fleet_hub.FleetCase):
    providing = ("--resource", "*")

    def prepare(self):
        for cluster in self.clusters.values():
            cluster.request("POST", DEFINITIONS, WIDGET)
            cluster.request("POST", WIDGETS, RED)

    def of(self, cluster, *arguments, code=0):
        return self.kubectl(*arguments, "--server", f"https://127.0.0.1:{self.https}/clusters/{cluster}", code=code)

    def asking(self):
        """kubectl before all clusters, and before one."""
        return self.kubectl, lambda *arguments: self.of("cluster1", *arguments)

    def test_custom_resources_are_as_their_definitions_have_them(self):
        self.bench.wait("both are mirrored", lambda: len(self.items("/apis/example.com/v1/widgets")) == 2)
        self.assertRegex(self.kubectl("get", "widgets.example.com"),
                         r"CLUSTER +NAME +COLOR +READY\ncluster1 +one +red +True\ncluster2 +one +red +True\n")
        self.assertRegex(self.kubectl("get", "widgets.example.com", "-o", "wide"), r"COLOR +READY +SIZE\ncluster1 +one +red +True +4\n")
        self.assertRegex(self.of("cluster2", "get", "widgets.example.com"), r"^NAME +COLOR +READY\none +red +True\n$")

    def test_names_are_those_of_the_clusters(self):
        self.bench.wait("both are mirrored", lambda: len(self.items("/apis/example.com/v1/widgets")) == 2)
        self.assertRegex(self.kubectl("api-resources", "--api-group", "example.com"), r"widgets +wd +example.com/v1 +true +Widget")
        for ask in self.asking():
            for name in ("wd", "widget", "gadgets", "widgets", "Widget"):
                self.assertRegex(ask("get", name, "-A"), r"default +(cluster1 +)?one +red", name)
        names = {**WIDGET["spec"]["names"], "shortNames": ["gw"]}
        self.clusters["cluster1"].request("PATCH", f"{DEFINITIONS}/widgets.example.com", {"spec": {"names": names}},
                                          "application/merge-patch+json")
        self.bench.wait("what it is called now", lambda: '"shortNames":["gw"]' in json.dumps(
            self.get("/apis/example.com/v1")[2], separators=(",", ":")))
        self.assertRegex(self.kubectl("get", "gw", "-A"), r"cluster1 +one +red")

    def test_definitions_that_change_arrive_while_all_runs(self):
        self.bench.wait("both are mirrored", lambda: len(self.items("/apis/example.com/v1/widgets")) == 2)
        self.await_synced()
        versions = json.loads(json.dumps(WIDGET["spec"]["versions"]))
        versions[0]["additionalPrinterColumns"].append({"name": "Weight", "type": "integer", "jsonPath": ".spec.size"})
        for cluster in self.clusters.values():
            cluster.request("PATCH", f"{DEFINITIONS}/widgets.example.com", {"spec": {"versions": versions}}, "application/merge-patch+json")
        self.bench.wait("there is another column", lambda: re.search(r"COLOR +READY +WEIGHT\n(.|\n)*cluster2 +one +red +True +4\n",
                                                                    self.kubectl("get", "widgets.example.com")))
        gear = json.loads(json.dumps(WIDGET).replace("widget", "gear").replace("Widget", "Gear").replace('"wd"', '"gr"'))
        self.clusters["cluster1"].request("POST", DEFINITIONS, gear)
        self.clusters["cluster1"].request("POST", WIDGETS.replace("widgets", "gears"), {**RED, "kind": "Gear"})
        self.bench.wait("there is another resource", lambda: self.items("/apis/example.com/v1/gears"))
        self.assertRegex(self.kubectl("get", "gr", "-A"), r"default +cluster1 +one +red")
        self.clusters["cluster1"].request("DELETE", f"{DEFINITIONS}/gears.example.com")
        self.bench.wait("it is gone", lambda: "gears" not in json.dumps(self.get("/apis/example.com/v1")[2]))

    def test_a_definition_that_comes_back_for_another_kind_is_another_one(self):
        self.bench.wait("both are mirrored", lambda: len(self.items("/apis/example.com/v1/widgets")) == 2)
        gadget = json.loads(json.dumps(WIDGET).replace('"kind": "Widget"', '"kind": "Gadget"'))
        for cluster in self.clusters.values():
            cluster.request("DELETE", f"{DEFINITIONS}/widgets.example.com")
            cluster.request("POST", DEFINITIONS, gadget)
            cluster.request("POST", WIDGETS, {**RED, "kind": "Gadget", "metadata": {"name": "two"}})
        self.bench.wait("the other ones are mirrored", lambda: [
            (item["kind"], item["metadata"]["name"]) for item in self.items("/apis/example.com/v1/widgets")] == [("Gadget", "two")] * 2)
        for ask, path in zip(self.asking(), ("", "/clusters/cluster1")):
            self.assertEqual(self.get(f"{path}/apis/example.com/v1/widgets")[2]["kind"], "GadgetList")
            self.assertRegex(ask("api-resources", "--api-group", "example.com"), r"widgets +wd +example.com/v1 +true +Gadget")
            self.assertRegex(ask("get", "Gadget.v1.example.com"), r"two +red +True")

    def test_views_of_objects_are_those_of_the_clusters(self):
        gear = json.loads(json.dumps(WIDGET).replace("widget", "gear").replace("Widget", "Gear").replace('"wd"', '"gr"'))
        gear["spec"]["versions"][0]["subresources"] = {"scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.n"}}
        cluster = self.clusters["cluster1"]
        cluster.request("POST", DEFINITIONS, gear)
        cluster.request("POST", WIDGETS.replace("widgets", "gears"), {**RED, "kind": "Gear"})
        cluster.create("Deployment", "web", spec={
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}})
        self.bench.wait("there are gears", lambda: self.items("/apis/example.com/v1/gears"))
        self.bench.wait("it is mirrored", lambda: [deployment for deployment in self.items("/apis/apps/v1/deployments")
                                                   if deployment["status"].get("readyReplicas") == 2])
        for ask, path in zip(self.asking(), ("", "/clusters/cluster1")):
            self.assertEqual(ask("get", "deploy", "web", "--subresource=status", "-o", "jsonpath={.kind} {.status.readyReplicas}"), "Deployment 2")
            self.assertEqual(ask("get", "deploy", "web", "--subresource=scale", "-o", "jsonpath={.kind} {.spec.replicas} {.status.selector}"),
                             "Scale 2 app=web")
            self.assertRegex(ask("get", "deploy", "web", "--subresource=scale"), r"NAME(.|\n)*web")
            self.assertEqual(ask("get", "gears", "one", "--subresource=scale", "-o", "jsonpath={.kind} {.spec.replicas}"), "Scale 4")
            self.assertEqual(ask("auth", "can-i", "get", "deploy", "--subresource=scale"), "yes\n")
            views = [each["name"] for each in self.get(f"{path}/apis/example.com/v1")[2]["resources"] if "/" in each["name"]]
            self.assertEqual(views, ["gears/scale"])

    @unittest.skipUnless(fleet_hub.kubectl_minor() >= 27, "SKIPPED: kubectl explains out of OpenAPI version 3 since 1.27")
    def test_kinds_are_explained_as_far_as_they_are_known(self):
        self.bench.wait("both are mirrored", lambda: len(self.items(DEFINITIONS)) == 2)
        for ask in self.asking():
            self.assertRegex(ask("explain", "wd"), r"KIND: +Widget\n(.|\n)*A widget, of its color.\n(.|\n)*spec\t<Object>")
            self.assertRegex(ask("explain", "widgets.spec.color"), r"FIELD: color <string>\n(.|\n)*How it looks.")
            self.assertIn("The fields of Pod are not known here", " ".join(ask("explain", "pods").split()))
        self.assertRegex(self.kubectl("explain", "clusters.status"), r"heard\t<string>\n +When its API server was last heard")
        self.assertIn("Connected or Synced", self.kubectl("explain", "clusters.status.conditions.type"))

    def test_rights_are_to_read(self):
        self.await_synced()
        self.assertRegex(self.kubectl("auth", "whoami"), r"Username +fleet\n")
        for ask in self.asking():
            self.assertEqual(ask("auth", "can-i", "watch", "pods"), "yes\n")
            self.assertRegex(ask("auth", "can-i", "--list"), r"\*\.\* .*\[get list watch\]\n")
        self.assertRegex(self.kubectl("auth", "can-i", "delete", "pods", code=1), "no - .*only read here")
        read_only = "--server", f"http://127.0.0.1:{self.http}", "auth", "can-i"
        self.assertRegex(self.kubectl(*read_only, "get", "secrets", code=1), "no - secrets are not for those who may only read")
        self.assertRegex(self.kubectl(*read_only, "--list"), "incomplete: secrets are not")
        self.assertRegex(self.of("cluster1", "auth", "can-i", "get", "pods", "--subresource=log", code=1), "no - .*not mirrored")

    def test_there_is_no_way_into_pods(self):
        self.clusters["cluster1"].create("Pod", "web", spec={"containers": [{"name": "c", "image": "nginx:1"}]})
        self.bench.wait("it runs", lambda: [pod for pod in self.items("/api/v1/pods") if pod["status"]["phase"] == "Running"])
        for verb in (["logs", "web"], ["exec", "web", "--", "true"], ["port-forward", "web", "0:80"]):
            self.assertRegex(self.of("cluster1", *verb, code=1), "without a way to their nodes: ask the cluster itself")

    def test_workloads_are_described_and_waited_for(self):
        self.await_synced()
        watch = self.follow("get", "deploy", "-w")
        self.clusters["cluster1"].create("Deployment", "web", spec={
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}})
        self.bench.wait("it is followed", lambda: re.search(r"cluster1 +web +2/2", watch.out()))
        for ask in self.asking():
            self.assertIn("successfully rolled out", ask("rollout", "status", "deploy/web", "--timeout=10s"))
            self.assertEqual(ask("wait", "--for=condition=Ready", "pod", "-l", "app=web", "--timeout=10s").count("condition met"), 2)
            self.bench.wait("pods are described, with what happened to them", lambda ask=ask: re.search(
                r"Node: +node-1/(.|\n)*Image: +nginx:1\n(.|\n)*Events:\n(.|\n)*Normal +Scheduled", ask("describe", "pod", "-l", "app=web")))
            self.assertRegex(ask("describe", "deploy", "web"), r"2 desired \| 2 updated(.|\n)*NewReplicaSet: +web-\w+ \(2/2 replicas created\)")
            self.assertRegex(ask("get", "all", "-o", "wide"), r"pod/web-\w+-\w+ +1/1 +Running(.|\n)*deployment.apps/web +2/2 +2 +2 +\S+ +c +nginx:1 +app=web")
            self.assertRegex(ask("api-resources"), r"deployments +deploy +apps/v1 +true +Deployment")
        self.assertRegex(self.of("cluster1", "describe", "node", "node-1"), r"Non-terminated Pods: +\(2 in total\)")


@unittest.skipUnless(fleet_hub.KUBECTL, "SKIPPED: there is no kubectl on the PATH")
class Lines(fleet_hub.FleetCase):
    """Those of the README, as they stand there."""

    def prepare(self):
        for cluster in self.clusters.values():
            self.deploy(cluster, "web")

    def deploy(self, cluster, name, **pod):
        labels = {"app": name}
        cluster.create("Deployment", name, spec={"replicas": 1, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}], **pod}}})

    def line(self, line):
        return self.kubectl(*line.split())

    def shown(self, line, pattern):
        self.bench.wait(f"{line} shows {pattern}", lambda: re.search(pattern, self.line(line), re.M))

    def test_what_is_there(self):
        self.await_synced()
        rows = (rf"default +cluster{i} +web-\S+ +1/1 +Running +0 +\w+\n" for i in (1, 2))
        self.shown("get pods -A", r"^NAMESPACE +CLUSTER +NAME +READY +STATUS +RESTARTS +AGE\n" + "".join(rows))
        self.shown("get clusters", r"^NAME +CONNECTED +SYNCED +VERSION +NODES +PODS +LAG +AGE\n"
                   r"cluster1 +True +True +v1\S+ +1 +1 +\w+ +\w+\ncluster2 +True +True +v1\S+ +1 +1 +\w+ +\w+\n$")
        self.shown(f"--server http://127.0.0.1:{self.http}/clusters/cluster1 get deploy,pods -o wide",
                   r"^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\n"
                   r"deployment.apps/web +1/1 +1 +1 +\w+ +c +nginx:1 +app=web\n(.|\n)*pod/web-\S+ +1/1 +Running +0 +\w+ +\S+ +node-1 ")

    def test_what_becomes_of_it(self):
        self.await_synced()
        one = self.follow(*"get pods -A -l app=web --field-selector cluster=cluster1 -w".split())
        clusters = self.follow("get", "clusters", "-w")
        self.bench.wait("it begins with what is there", lambda: re.search(r"^default +cluster1 +web-\S+ +1/1 ", one.out(), re.M))
        for cluster in self.clusters.values():
            cluster.patch("Deployment", "web", {"spec": {"replicas": 2}})
        self.bench.wait("another pod is told", lambda: len(set(re.findall(r"^default +cluster1 +(web-\S+) +1/1 ", one.out(), re.M))) == 2)
        self.providers["cluster2"].stop(signal.SIGKILL)
        self.bench.wait("a cluster that goes is told", lambda: re.search(r"^cluster2 +False +False ", clusters.out(), re.M))
        self.provider("cluster2")
        self.bench.wait("and that it is back", lambda: re.search(r"^cluster2 +False +False (.|\n)*^cluster2 +True +True ", clusters.out(), re.M))
        self.assertNotRegex(one.out(), "cluster2|load-0")

    def test_what_is_waited_for_comes(self):
        self.await_synced()
        self.deploy(self.clusters["cluster1"], "late", nodeSelector={"late": "yes"})
        self.bench.wait("it is mirrored", lambda: self.items("/apis/apps/v1/deployments?fieldSelector=metadata.name%3Dlate"))
        ones = "--server", f"https://127.0.0.1:{self.https}/clusters/cluster1"
        rollouts = [self.follow("rollout", "status", "deploy/late", *more) for more in ((), ones)]
        conditions = ["--for=condition=Available", *(["--for=jsonpath={.status.readyReplicas}=1"] if fleet_hub.kubectl_minor() >= 23 else [])]
        waits = [self.follow("wait", condition, "deploy/late", "--timeout=60s", *more) for more in ((), ones) for condition in conditions]
        for rollout in rollouts:
            self.bench.wait("it is not rolled out yet", lambda rollout=rollout: "Waiting for deployment" in rollout.out())
        self.clusters["cluster1"].request("PATCH", "/api/v1/nodes/node-1", {"metadata": {"labels": {"late": "yes"}}}, "application/merge-patch+json")
        self.assertEqual({each.wait(60) for each in (*rollouts, *waits)}, {0})


if __name__ == "__main__":
    unittest.main()
