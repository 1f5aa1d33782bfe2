"""client-go's informers follow a hub, the fleet and single clusters, as they follow the API servers themselves: under churn,
while connections break, when what they knew has expired, when a cluster is away, when the hub begins anew; those that were there
from the start, and those that come in the midst of it and leave.

The program in informers/ compares their caches with lists, and what those before the hub have with what those before the clusters have.
It is an hour in minutes: a watch lasts a few seconds there, for which it takes minutes elsewhere, and as much changes as in an hour of
a busy cluster (WATCHES, CHANGES). ROUNDS=n lets everything break n times over.
"""

import json
import os
import subprocess

from bench import Skipped
from fleet import RESOURCES, Setting
from process import Failed, wait

CHURN_PER_SECOND = 200  # in each of two clusters; about half of it finds something to change
COMPARED = 15  # lists of each resource at each server, held against what events have led to, before anything breaks
LARGE_BYTES = 900_000
CHANGES = 10_800  # 3 a second for an hour
WATCHES = 2 * 12  # of a Reflector and a SharedIndexInformer, which begin one anew each 5 to 10 minutes
AWAY = 500  # changes while a cluster is not heard


def configuration(setting):
    hub = f"https://127.0.0.1:{setting.to_hub.port}"
    kubeconfig = str(setting.kubeconfig)
    one, other = {"cluster1": "kube-apiserver"}, {"cluster2": "minicluster"}
    return {
        "servers": [
            {"name": "kube-apiserver", "kubeconfig": setting.cluster.kubeconfig},
            {"name": "minicluster", "kubeconfig": setting.mini.kubeconfig, "server": f"http://127.0.0.1:{setting.to_mini.port}"},
            {"name": "fleet", "kubeconfig": kubeconfig, "server": hub, "fleet": True, "of": one | other},
            {"name": "cluster1", "kubeconfig": kubeconfig, "server": f"{hub}/clusters/cluster1", "of": one},
            {"name": "cluster2", "kubeconfig": kubeconfig, "server": f"{hub}/clusters/cluster2", "of": other},
            {"name": "late-fleet", "kubeconfig": kubeconfig, "server": hub, "fleet": True, "of": one | other, "late": True},
            {"name": "late-cluster1", "kubeconfig": kubeconfig, "server": f"{hub}/clusters/cluster1", "of": one, "late": True},
        ],
        "resources": [dict(zip(("group", "version", "resource", "kind"), resource)) for resource in RESOURCES],
        "churn": [{"kubeconfig": kubeconfig, "perSecond": CHURN_PER_SECOND}
                  for kubeconfig in (setting.cluster.kubeconfig, setting.mini.kubeconfig)],
    }


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


# What is behind the proxies, and so is cut.
BEHIND = {"fleet", "cluster1", "cluster2", "minicluster"}
RETRY_S = 150  # client-go may wait for a minute before it tries again
LATE = ("late-fleet", "late-cluster1")


def followers(told, servers, only=""):
    """{name: what is told} of those of some servers; only: of one resource."""
    return {name: each for name, each in told["followers"].items() if name.split()[0] in servers and name.endswith(only)}


def wait_until_anew(informers, before, servers, only=""):
    """Until each of those followers has begun anew since `before`: with a 410, or, where it found nobody to speak to, by itself."""
    def begun(told):
        return told["expired"] + told["lists"] + told["streamed"]

    wait("all begin anew", lambda: all(
        begun(each) > begun(before[name]) for name, each in followers(informers.ask("tell"), servers, only).items()), RETRY_S)


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
            for name, each in followers(informers.ask("tell"), BEHIND).items()), RETRY_S)


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
    before = informers.ask("tell")["followers"]
    for proxy in (setting.to_hub, setting.to_mini):
        proxy.restore()
    wait_until_anew(informers, before, {"minicluster", "fleet", "cluster2"}, only="configmaps")


def expect(informers, command):
    if not all(informers.ask(command).values()):
        raise Failed(f"informers: {command} is not done in time")


def leave_cluster_alone(setting, informers):
    """A cluster that is not heard while it changes, and then is."""
    setting.providers[0].kill()
    wait("it is missed", lambda: setting.condition("cluster1", "Connected") == "False", 60)
    told = informers.ask("tell")["changes"]
    wait("it changes meanwhile", lambda: informers.ask("tell")["changes"] > told + AWAY, 60)
    setting.providers[0] = setting.start_provider("cluster1", setting.cluster.kubeconfig)
    wait("it is back", lambda: setting.condition("cluster1", "Synced") == "True", 60)


def renew_hub(setting, informers):
    """The hub is killed, and what it said before it is said of no more."""
    before = informers.ask("tell")["followers"]
    setting.hub.kill()
    setting.start_hub()
    wait_until_anew(informers, before, {"fleet", "cluster1", "cluster2"})


def follow(bench, setting, informers):
    wait("events, bookmarks and comparisons everywhere", lambda: all(
        each["bookmarks"] > 3 and sum(each["compared"].values()) >= COMPARED for each in informers.ask("tell")["followers"].values()), 60)
    expect_rest(bench, informers, "caches equal lists, under churn and at rest")
    for _ in range(int(os.environ.get("ROUNDS", "1"))):
        cut_connections(setting, informers, 3)
        expect_rest(bench, informers, "… after connections that broke")
        outrun(setting, informers)
        expect_rest(bench, informers, "… after more was changed than is remembered")
        for name in LATE:
            expect(informers, f"join {name}")
        expect_rest(bench, informers, "… of informers that have come late, too")
        leave_cluster_alone(setting, informers)
        expect_rest(bench, informers, "… after a cluster was away and returned")
        expect(informers, f"leave {LATE[0]}")
        renew_hub(setting, informers)
        expect_rest(bench, informers, "… after the hub began anew, and informers left")
        expect(informers, f"leave {LATE[1]}")


def an_hour(told):
    return told["changes"] >= CHANGES and all(each["watches"] >= WATCHES for name, each in told["followers"].items()
                                              if not name.startswith("late-"))


def summary(verdict):
    """A line for each server."""
    for server in dict.fromkeys(name.split()[0] for name in verdict["followers"]):
        each = followers(verdict, {server}).values()
        total = {key: sum(one[key] for one in each) for key in ("events", "bookmarks", "watches", "streamed", "lists", "expired")}
        total["compared"] = sum(sum(one["compared"].values()) for one in each)
        print(f"   {server}: " + ", ".join(f"{value} {key}" for key, value in total.items()), flush=True)


def run(bench):
    setting = Setting(bench)
    informers = Informers(bench, configuration(setting))
    try:
        follow(bench, setting, informers)
        wait("an hour's worth of changes and watches", lambda: an_hour(informers.ask("tell")), 300)
        verdict = informers.ask("stop")
        summary(verdict)
        if not any(each["expired"] for each in followers(verdict, {"fleet", "cluster1", "cluster2"}).values()):
            raise Failed("the hub has never said 410")
        if not verdict["sound"]:
            raise Failed(json.dumps({name: (each["faults"], each["mismatches"]) for name, each in verdict["followers"].items()
                                     if each["faults"]["count"] + each["mismatches"]["count"]}, indent=1))
        bench.check(f"{verdict['changes']} changes: versions grow, and what is told of was not there, or was")
    finally:
        informers.close()
