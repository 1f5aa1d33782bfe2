"""client-go's informers follow a hub, the fleet and single clusters, as they follow the API servers themselves: under churn,
while connections break, when what they knew has expired, and when the hub begins anew.

The program in informers/ compares their caches with lists; a watch lasts a few seconds there, for which it takes minutes
elsewhere, so this minute is an hour of reconnects.
"""

import json
import os
import subprocess

from bench import Skipped
from kubeapi import Plain
from process import Failed, free_ports, wait
from proxy import Proxy

GROUP = "followed.example.com"
RESOURCES = [("", "v1", "pods", "Pod"), ("", "v1", "configmaps", "ConfigMap"), (GROUP, "v1", "widgets", "Widget")]
CHURN_PER_SECOND = 200  # in each of two clusters; about half of it finds something to change
COMPARED = 15  # lists of each resource at each server, held against what events have led to, before anything breaks
LARGE_BYTES = 900_000


def definition():
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"widgets.{GROUP}"},
            "spec": {"group": GROUP, "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}]}}


class Informers:
    """The program in informers/: a command for each line of its input, and a line of JSON for an answer."""

    def __init__(self, bench, config):
        program = os.environ.get("INFORMERS")
        if not program:
            raise Skipped("there is no Go to build informers/ with")
        path = bench.directory / "informers.json"
        path.write_text(json.dumps(config, indent=2))
        self.log_path = bench.directory / "informers.log"
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen([program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

    def ask(self, command):
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise Failed(f"informers ended with {self.child.wait()}:\n{self.log_path.read_text()[-3000:]}")
        return json.loads(line)

    def close(self):
        self.child.kill()
        self.child.wait()


class Setting:
    """A real cluster and a minicluster, mirrored by a hub, and a network before the hub and before the minicluster."""

    def __init__(self, bench):
        self.bench = bench
        self.cluster = bench.cluster("cluster1")
        self.mini = bench.minicluster("cluster2", "--nodes", "1")
        bench.broker()
        self.cluster.wait_ready()
        for api in (self.cluster.api, self.mini):
            api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())
            wait("widgets are served", lambda api=api: api.exists(f"/apis/{GROUP}/v1/widgets"), 20)
        self.providers = [self.start_provider("cluster1", self.cluster.kubeconfig),
                          self.start_provider("cluster2", self.mini.kubeconfig)]
        self.port, self.http = free_ports(2)
        self.kubeconfig = bench.directory / "fleet.yaml"
        self.start_hub()
        self.to_hub, self.to_mini = self._proxy(self.port), self._proxy(self.mini.port)

    def start_provider(self, name, kubeconfig):
        resources = [flag for group, _, plural, _ in RESOURCES for flag in ("--resource", f"{plural}.{group}" if group else plural)]
        return self.bench.provider(None, kubeconfig=kubeconfig, flags=["--always", *resources], name=name)

    def _proxy(self, port):
        proxy = Proxy(("127.0.0.1", port))
        self.bench.proxies.append(proxy)
        return proxy

    def start_hub(self):
        self.hub = self.bench.program("hub", "--listen", f"127.0.0.1:{self.port}", "--kubeconfig-out", self.kubeconfig,
                                      "--read-only-http", f"127.0.0.1:{self.http}", "--state-dir", self.bench.directory / "state")
        self.fleet = Plain(self.http)
        wait("the hub has both clusters", self._has_all, 60, must_run=[self.hub, *self.providers])

    def _has_all(self):
        items = self.fleet.get("/apis/fleet.transport-informer.io/v1alpha1/clusters")["items"]
        synced = [item["metadata"]["name"] for item in items for condition in item["status"]["conditions"]
                  if condition["type"] == "Synced" and condition["status"] == "True"]
        return len(synced) == 2 and self.fleet.exists(f"/apis/{GROUP}/v1/widgets")

    def config(self):
        hub = f"https://127.0.0.1:{self.to_hub.port}"
        return {
            "servers": [
                {"name": "kube-apiserver", "kubeconfig": self.cluster.kubeconfig},
                {"name": "minicluster", "kubeconfig": self.mini.kubeconfig, "server": f"http://127.0.0.1:{self.to_mini.port}"},
                {"name": "fleet", "kubeconfig": str(self.kubeconfig), "server": hub, "fleet": True},
                {"name": "cluster1", "kubeconfig": str(self.kubeconfig), "server": f"{hub}/clusters/cluster1"},
                {"name": "cluster2", "kubeconfig": str(self.kubeconfig), "server": f"{hub}/clusters/cluster2"},
            ],
            "resources": [dict(zip(("group", "version", "resource", "kind"), resource)) for resource in RESOURCES],
            "churn": [{"kubeconfig": kubeconfig, "perSecond": CHURN_PER_SECOND}
                      for kubeconfig in (self.cluster.kubeconfig, self.mini.kubeconfig)],
        }


# What is behind the proxies, and so is cut.
BEHIND = {"fleet", "cluster1", "cluster2", "minicluster"}


def followers(told, servers, only=""):
    """Those of some servers; only: of one resource."""
    return [each for name, each in told["followers"].items() if name.split()[0] in servers and name.endswith(only)]


def wait_for(informers, what, enough, servers, only="", timeout_s=60):
    """Until enough(of each follower of those servers)."""
    wait(what, lambda: all(map(enough, followers(informers.ask("tell"), servers, only))), timeout_s)


def expect_rest(bench, informers, what):
    answer = informers.ask("check")
    if not answer["rested"]:
        raise Failed(f"{what}: caches differ from lists at rest: " + "\n".join(answer["why"]))
    bench.check(what)


def cut_connections(setting, informers, times):
    """Each time all that were open, and a moment in which none can be opened."""
    for _ in range(times):
        told = informers.ask("tell")["followers"]
        for proxy in (setting.to_hub, setting.to_mini):
            proxy.cut()
            proxy.restore()
        wait("all watch again", lambda told=told: all(
            each["watches"] > told[name]["watches"] + 1 and each["events"] > told[name]["events"]
            for name, each in informers.ask("tell")["followers"].items() if name.split()[0] in BEHIND), 60)


def outrun(setting, informers):
    """While nobody is connected, one object changes until what the watches were at is not to be had any more."""
    path = "/api/v1/namespaces/default/configmaps"
    for proxy in (setting.to_hub, setting.to_mini):
        proxy.cut()
    known = {api: api.get(path)["metadata"]["resourceVersion"] for api in (setting.fleet, setting.mini)}
    setting.mini.post(path, {"metadata": {"name": "large"}, "data": {"text": ""}})

    def forgotten(api):
        for i in range(10):
            setting.mini.patch(f"{path}/large", {"data": {"text": f"{i}" * LARGE_BYTES}})
        return api.raw("GET", f"{path}?limit=1&resourceVersionMatch=Exact&resourceVersion={known[api]}")[0] == 410

    for api in known:
        wait("what is known has expired", lambda api=api: forgotten(api), 60)
    setting.mini.delete(f"{path}/large")
    for proxy in (setting.to_hub, setting.to_mini):
        proxy.restore()
    wait_for(informers, "what was known has expired", lambda each: each["expired"] > 0,
             servers={"minicluster", "fleet", "cluster2"}, only="configmaps")


def follow(bench, setting, informers):
    wait_for(informers, "events, bookmarks and comparisons everywhere",
             lambda each: each["bookmarks"] > 3 and sum(each["compared"].values()) >= COMPARED, BEHIND | {"kube-apiserver"})
    expect_rest(bench, informers, "caches equal lists, under churn and at rest")
    cut_connections(setting, informers, 3)
    expect_rest(bench, informers, "… after connections that broke")
    outrun(setting, informers)
    expect_rest(bench, informers, "… after more was changed than is remembered")
    setting.providers[0].kill()
    setting.providers[0] = setting.start_provider("cluster1", setting.cluster.kubeconfig)
    expect_rest(bench, informers, "… after a provider began anew")
    before = informers.ask("tell")["followers"]
    setting.hub.kill()
    setting.start_hub()
    wait("what was known of the hub has expired", lambda: all(
        each["expired"] > before[name]["expired"] for name, each in informers.ask("tell")["followers"].items()
        if name.split()[0] in {"fleet", "cluster1", "cluster2"}), 60)
    expect_rest(bench, informers, "… after the hub began anew")


def summary(verdict):
    """A line for each server."""
    for server in dict.fromkeys(name.split()[0] for name in verdict["followers"]):
        each = followers(verdict, {server})
        total = {key: sum(one[key] for one in each) for key in ("events", "bookmarks", "watches", "streamed", "lists", "expired")}
        total["compared"] = sum(sum(one["compared"].values()) for one in each)
        print(f"   {server}: " + ", ".join(f"{value} {key}" for key, value in total.items()), flush=True)


def run(bench):
    setting = Setting(bench)
    informers = Informers(bench, setting.config())
    try:
        follow(bench, setting, informers)
        verdict = informers.ask("stop")
        summary(verdict)
        if not verdict["sound"]:
            raise Failed(json.dumps({name: (each["faults"], each["mismatches"]) for name, each in verdict["followers"].items()
                                     if each["faults"]["count"] + each["mismatches"]["count"]}, indent=1))
        bench.check(f"{verdict['changes']} changes: versions grow, and what is told of was not there, or was")
    finally:
        informers.close()
