#!/usr/bin/env python3
"""Measures transport-informer over a real mosquitto on this machine, and prints a table.

Each run measures the broker alone as well, so that figures from different machines can be compared: ratios to it travel,
figures do not. Nothing here passes or fails; --quick is a small run that only shows that all of it works.

    tests/bench/run.py                        all of it, with the targets beside; some ten minutes
    tests/bench/run.py --only events,sync     some parts: raw, events, encodings, sync, memory, fleet, hub, store, watches, miniclusters
    tests/bench/run.py --json FILE            the rows as JSON, too; --markdown FILE: as docs/performance.md has them
"""
import argparse
import datetime
import json
import os
import platform
import re
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time

from ends import Agent, Broker, End, Hub, Minicluster, Queue, processor_s

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REST_S = 15          # a heartbeat is sent that often
SETTLED_S = 10.5     # a replica that was right for so long may ask again at once
COOL_S = 80          # what nobody has looked at for a minute is being packed by then
WATCHED_RATE = 1000  # events a second before watches of the hub
UNDER_LOAD = 20000   # events a second for latencies under load
PROVIDER_HOT = 8     # MiB of objects held as they are: what the programs have by default
INFORMER_HOT = 256
ALL_HOT = 512
FULL = {"pods": 100000, "hot": 20000, "events": 300000, "repeat": 3, "singles": 1000, "watches": 10000, "load_s": 5, "clusters": (1, 10, 100, 1000),
        "small": 50, "cluster_pods": 20000, "changed": (0, 1, 100, 1000, 100000), "raw": 1, "miniclusters": 200}
QUICK = {"pods": 1000, "hot": 500, "events": 3000, "repeat": 1, "singles": 20, "watches": 40, "load_s": 0.1, "clusters": (1, 5), "small": 5,
         "cluster_pods": 200, "changed": (0, 1, 1000), "raw": 100, "miniclusters": 5}


class Report:
    """Rows as they come: printed at once, kept for the JSON. Each carries its bare figures, too."""

    def __init__(self):
        self.rows = []
        self.raw_rate = 0

    def row(self, key, what, value, target="", **figures):
        self.rows.append({"key": key, "what": what, "value": value, "target": target, "figures": figures})
        print(f"{what:64} {value}" + (f"   (target {target})" if target else ""), flush=True)

    def beside(self, rate):
        """A rate as a multiple of the broker's own in this run."""
        return f", {rate / self.raw_rate:.1f} × the broker alone" if self.raw_rate else ""


def ms(us):
    return f"{us / 1e3:.2f}"


def mb(count):
    return f"{count / 1e6:.1f} MB"


class Bench:
    def __init__(self, options, sizes, broker, folder, report):
        self.build, self.sizes, self.broker, self.folder, self.report = options.build, sizes, broker, folder, report
        self.quick = options.quick

    def publisher(self, pods, encoding="zstd", hot=PROVIDER_HOT):
        return End(self.build, "publish", self.broker.url, hot, pods, encoding)

    def follower(self):
        return End(self.build, "follow", self.broker.url, INFORMER_HOT)

    def pair(self, pods, encoding="zstd", hot=PROVIDER_HOT):
        """A publishing and a following end that are in sync."""
        publisher = self.publisher(pods, encoding, hot)
        publisher.until("connected")
        follower = self.follower()
        follower.until("synced", lambda values: values["objects"] == pods)
        return publisher, follower

    def rest(self, seconds):
        if not self.quick:
            time.sleep(seconds)

    def cooled(self, memory):
        """Waits until what memory() gives does not fall any more, and gives that."""
        self.rest(COOL_S)
        least, since = memory(), time.monotonic()
        end = since + (0 if self.quick else COOL_S)
        while time.monotonic() < min(end, since + 5):
            time.sleep(1)
            now = memory()
            if now < least * 0.99:
                least, since = now, time.monotonic()
        return memory()

    # ---- the broker alone

    def raw(self):
        for size, count in ((200, 40000), (5000, 30000), (65536, 5000)):
            end = End(self.build, "raw", self.broker.url, size, max(count // self.sizes["raw"], 10))
            rate = end.until("raw")["rate"]
            end.end()
            if size == 200:
                self.report.raw_rate = rate
            self.report.row(f"raw_{size}", f"broker alone, {size} B at QoS 1",
                            f"{rate:,.0f} messages/s, {rate * size / 1e6:,.0f} MB/s", rate=rate, bytes_per_s=rate * size)

    # ---- events

    def all_out(self, publisher, start, count):
        """Statistics once each of so many changes is an event, or coalesced."""
        names = ("events", "coalesced")
        return publisher.await_stats(lambda values: sum(values[name] - start[name] for name in names) >= count)

    def churn(self, publisher, follower, command, count):
        """One burst of changes, and what it cost."""
        follower.say("R")
        before, broker_us = follower.stats(), self.broker.processor_us()
        start = publisher.ask(command, "started")
        publisher.until("churned")
        done = self.all_out(publisher, start, count)
        sent = done["events"] - start["events"]
        after = follower.await_stats(lambda values: values["changes"] - before["changes"] >= sent)
        return {"rate": count / ((after["last_us"] - start["us"]) / 1e6), "sent": sent,
                "out_us": (done["cpu_us"] - start["cpu_us"]) / count, "in_us": (after["cpu_us"] - before["cpu_us"]) / count,
                "broker_us": (self.broker.processor_us() - broker_us) / count,
                "bytes": (done["bytes"] - start["bytes"]) / sent, "batch": sent / (done["messages"] - start["messages"]),
                "coalesced": done["coalesced"] - start["coalesced"], "gaps": after["gaps"] - before["gaps"],
                **follower.ask("L", "latency")}

    def made_us(self, publisher, count, repeat=1):
        """What the load itself costs, which is left out."""
        return min(publisher.ask(f"make {count}", "made")["cpu_us"] for _ in range(repeat)) / count

    def throughput(self, publisher, follower, pods):
        count, repeat = self.sizes["events"], self.sizes["repeat"]
        made_us = self.made_us(publisher, count, repeat)
        runs = [self.churn(publisher, follower, f"churn {count} 0 {pods}", count) for _ in range(repeat)]
        best = max(runs, key=lambda run: run["rate"])
        out_us, in_us = min(run["out_us"] for run in runs) - made_us, min(run["in_us"] for run in runs)
        row = self.report.row
        row("events", f"deltas end to end, {pods:,} pods of 3 KB (best of {repeat})",
            f"{best['rate']:,.0f} events/s{self.report.beside(best['rate'])}", "120,000", rate=best["rate"],
            runs=[run["rate"] for run in runs])
        row("cpu", "  CPU per event, publishing + following (least)", f"{out_us:.1f} + {in_us:.1f} = {out_us + in_us:.1f} µs", "12",
            publishing_us=out_us, following_us=in_us)
        row("cpu_beside", "  beside it: making the load; the broker", f"{made_us:.1f} µs; {best['broker_us']:.1f} µs",
            load_us=made_us, broker_us=best["broker_us"])
        row("batch", "  on the wire, batched", f"{best['bytes']:,.0f} B/event, {best['batch']:.0f} events/message",
            bytes=best["bytes"], batch=best["batch"])
        row("losses", "  coalesced, gaps", f"{best['coalesced']}, {best['gaps']}", coalesced=best["coalesced"], gaps=best["gaps"])
        row("saturated", "  latency when saturated, p50 / p99 / p99.9", f"{ms(best['p50'])} / {ms(best['p99'])} / {ms(best['p999'])} ms",
            p50_us=best["p50"], p99_us=best["p99"], p999_us=best["p999"])

    def other_loads(self, publisher, follower, pods):
        row, count = self.report.row, self.sizes["events"] // 3
        publisher.say("managed 1")
        made_us = self.made_us(publisher, count)
        run = self.churn(publisher, follower, f"churn {count} 0 {pods}", count)
        publisher.say("managed 0")
        row("managed", "the same as API servers send them, managedFields to be cut",
            f"{run['rate']:,.0f} events/s, {run['out_us'] - made_us:.1f} + {run['in_us']:.1f} µs", rate=run["rate"],
            publishing_us=run["out_us"] - made_us, following_us=run["in_us"])
        count = int(UNDER_LOAD * self.sizes["load_s"])
        run = self.churn(publisher, follower, f"churn {count} {UNDER_LOAD} {pods}", count)
        row("loaded", f"latency at {UNDER_LOAD:,} events/s, p50 / p99 / p99.9",
            f"{ms(run['p50'])} / {ms(run['p99'])} / {ms(run['p999'])} ms, {run['batch']:.0f} events/message",
            p50_us=run["p50"], p99_us=run["p99"], p999_us=run["p999"])
        count = self.sizes["singles"]
        run = self.churn(publisher, follower, f"churn {count} 200 {pods}", count)
        row("idle", "latency idle (200 events/s), watch bytes to handler, p50 / p99", f"{ms(run['p50'])} / {ms(run['p99'])} ms",
            "0.5 / 2", p50_us=run["p50"], p99_us=run["p99"], max_us=run["max"])

    def coalescing(self, publisher, follower):
        """The broker stands still for a while. What changes meanwhile goes out once, in its newest state."""
        span, seconds = self.sizes["hot"] // 20, self.sizes["load_s"] / 2
        count = int(UNDER_LOAD * seconds * 2)
        before = follower.stats()
        start = publisher.ask(f"churn {count} {UNDER_LOAD} {span}", "started")
        time.sleep(seconds / 2)
        self.broker.pause()
        time.sleep(seconds)
        self.broker.resume()
        publisher.until("churned")
        sent = self.all_out(publisher, start, count)["events"] - start["events"]
        after = follower.await_stats(lambda values: values["changes"] - before["changes"] >= sent)
        self.report.row("coalescing", f"{UNDER_LOAD:,} changes/s of {span:,} pods, the broker stopped for {seconds:.1f} s",
                        f"{count:,} changes, {sent:,} events ({1 - sent / count:.0%} coalesced), {after['gaps'] - before['gaps']} gaps",
                        changes=count, events=sent)

    def stalls(self, name, publisher, follower):
        ours, theirs = publisher.stats(), follower.stats()
        self.report.row(f"stall_{name}", f"longest turn of a loop, {name}: publishing, following",
                        f"{ms(ours['stall_us'])}, {ms(theirs['stall_us'])} ms of its own time "
                        f"(on the clock {ms(ours['stall_wall_us'])}, {ms(theirs['stall_wall_us'])})", "5",
                        publishing_us=ours["stall_us"], following_us=theirs["stall_us"],
                        publishing_wall_us=ours["stall_wall_us"], following_wall_us=theirs["stall_wall_us"],
                        publishing_over_1ms=ours["over_1ms"], following_over_1ms=theirs["over_1ms"])

    def packed(self, pods):
        """Most of what changes is packed: many more pods change than --hot-memory of a provider holds."""
        publisher, follower = self.pair(pods)
        self.rest(COOL_S / 2)
        count = self.sizes["events"] // 3
        made_us = self.made_us(publisher, count)
        publisher.say("R")
        run = self.churn(publisher, follower, f"churn {count} 0 {pods}", count)
        self.report.row("packed", f"the same with --hot-memory {PROVIDER_HOT}MiB, as a provider has by default",
                        f"{run['rate']:,.0f} events/s, {run['out_us'] - made_us:.1f} + {run['in_us']:.1f} µs", rate=run["rate"],
                        publishing_us=run["out_us"] - made_us, following_us=run["in_us"])
        self.stalls("packed", publisher, follower)
        publisher.end()
        follower.end()

    def events(self):
        pods = self.sizes["hot"]
        publisher, follower = self.pair(pods, hot=ALL_HOT)
        publisher.say("R")
        self.throughput(publisher, follower, pods)
        self.other_loads(publisher, follower, pods)
        self.stalls("events", publisher, follower)
        self.coalescing(publisher, follower)
        publisher.end()
        follower.end()
        self.packed(pods)

    def encoding(self, name, target):
        """Without the time that changes carry otherwise, so that a status update is just that."""
        pods = self.sizes["hot"] // 10
        publisher, follower = self.pair(pods, name)
        publisher.say("stamped 0")
        count = self.sizes["singles"]
        single = self.churn(publisher, follower, f"churn {count} 200 {pods}", count)
        count = self.sizes["events"] // 10
        batched = self.churn(publisher, follower, f"churn {count} 0 {pods}", count)
        self.report.row(f"single_{name}", f"payload of one status update, unbatched, --encoding {name}", f"{single['bytes']:,.0f} B",
                        target, bytes=single["bytes"])
        self.report.row(f"batched_{name}", "  batched", f"{batched['bytes']:,.0f} B/event, {batched['batch']:.0f} events/message",
                        bytes=batched["bytes"], batch=batched["batch"], rate=batched["rate"])
        publisher.end()
        follower.end()

    def encodings(self):
        self.encoding("zstd", "100")
        self.encoding("plain", "")

    # ---- syncs

    def first_sync(self, publisher, pods):
        before = publisher.stats()
        follower = self.follower()
        connected = follower.until("connected")
        asked = follower.until("replica")
        synced = follower.until("synced", lambda values: values["objects"] == pods)
        seconds, transfer = (synced["us"] - connected["us"]) / 1e6, (synced["us"] - asked["us"]) / 1e6
        out = publisher.stats()
        out_s, in_s = (out["cpu_us"] - before["cpu_us"]) / 1e6, (synced["cpu_us"] - connected["cpu_us"]) / 1e6
        self.report.row("first_sync", f"first sync of {pods:,} pods, from connected to verified and told",
                        f"{seconds:.2f} s ({transfer:.2f} s of it since it was asked for), {mb(out['bytes'])}, "
                        f"{pods / seconds:,.0f} objects/s{self.report.beside(pods / seconds)}",
                        "2 s for 100,000", seconds=seconds, transfer_seconds=transfer, bytes=out["bytes"])
        self.report.row("first_sync_cpu", "  CPU, publishing + following", f"{out_s:.2f} + {in_s:.2f} s", publishing_s=out_s, following_s=in_s)
        self.stalls("first sync", publisher, follower)
        idle = self.cooled(lambda: follower.stats()["memory"])
        self.report.row("informer_memory", "informer memory per pod, idle",
                        f"{(idle - connected['memory']) / pods:,.0f} B (right after the sync "
                        f"{(synced['memory'] - connected['memory']) / pods:,.0f} B)", "600",
                        bytes=(idle - connected["memory"]) / pods, synced_bytes=(synced["memory"] - connected["memory"]) / pods)
        self.report.row("provider_memory", "  the same of the publishing side", f"{publisher.stats()['memory'] / pods:,.0f} B",
                        bytes=publisher.stats()["memory"] / pods)
        return follower

    def resync(self, publisher, follower, pods, changed):
        targets = {0: "1 KB, 20 ms, none", pods // 1000: "64 KB, 200 ms"}
        self.rest(SETTLED_S)
        follower.say("R")
        before = follower.stats()
        publisher.say(f"restart {changed}")
        connected = publisher.until("connected")
        stale = follower.until("stale")
        synced = follower.until("synced", lambda values: values["syncs"] > before["syncs"])
        after = publisher.stats()
        wire = after["bytes"] + after["heard"]
        self.report.row(f"resync_{changed}", f"re-sync of {pods:,} after a restart of the provider, {changed:,} changed",
                        f"{wire / 1e3:,.1f} KB, {ms(synced['us'] - stale['us'])} ms "
                        f"({(synced['us'] - connected['us']) / 1e6:.2f} s since it connected), "
                        f"{synced['changes'] - before['changes']:,} events told", targets.get(changed, ""), bytes=wire,
                        us=synced["us"] - stale["us"], since_connected_us=synced["us"] - connected["us"],
                        told=synced["changes"] - before["changes"])

    def sync(self):
        pods = self.sizes["pods"]
        publisher = self.publisher(pods)
        publisher.until("connected")
        publisher.say("R")
        follower = self.first_sync(publisher, pods)
        for changed in self.sizes["changed"]:
            self.resync(publisher, follower, pods, changed)
        self.stalls("re-sync of all", publisher, follower)
        publisher.end()
        follower.end()

    # ---- real processes

    def agent(self, key, what, pods, target):
        cluster = Minicluster(self.build, self.folder, pods)
        follower = self.follower()
        follower.until("connected")
        agent = Agent(self.build, self.folder, self.broker, f"cluster{pods}", cluster.kubeconfig)
        follower.until("synced", lambda values: values["objects"] >= pods and values["fresh"] == values["replicas"])
        peak = agent.memory()["VmHWM"]
        self.cooled(lambda: agent.memory()["RssAnon"])
        idle = agent.memory()
        turn = agent.longest_turn_us()
        self.report.row(key, what, f"{mb(idle['VmRSS'])} ({mb(idle['RssAnon'])} of it its own); peak while listing {mb(peak)}; "
                        f"longest turn of its loop {ms(turn)} ms on the clock", target,
                        rss=idle["VmRSS"], anonymous=idle["RssAnon"], peak=peak, turn_wall_us=turn)
        agent.end()
        follower.end()
        cluster.end()

    def memory(self):
        self.agent("agent_memory", f"agent, a cluster of {self.sizes['cluster_pods']:,} pods, idle", self.sizes["cluster_pods"], "30 MB")
        self.agent("agent_memory_small", "agent, a small cluster (20 pods), idle", 20, "10 MB")

    # ---- fleets

    def fresh(self, follower, clusters, pods):
        return follower.until("synced", lambda values: values["fresh"] == clusters and values["objects"] == clusters * pods)

    def growth(self, clusters, pods):
        """That many clusters appear before one informer. Gives both ends."""
        follower = self.follower()
        empty = follower.until("connected")
        fleet = End(self.build, "fleet", self.broker.url, PROVIDER_HOT, clusters, pods)
        fleet.until("ready")
        synced = self.fresh(follower, clusters, pods)
        first = follower.stats()
        self.rest(REST_S)
        last = follower.stats()
        share = (last["cpu_us"] - first["cpu_us"]) / (last["us"] - first["us"])
        self.report.row(f"growth_{clusters}", f"{clusters:,} clusters of {pods} pods appear before one informer",
                        f"all fresh after {(synced['us'] - empty['us']) / 1e6:.2f} s; at rest {(last['memory'] - empty['memory']) / clusters / 1e3:,.0f}"
                        f" KB and {share * 1e6 / clusters:,.1f} µs of CPU a second each", seconds=(synced["us"] - empty["us"]) / 1e6,
                        bytes_each=(last["memory"] - empty["memory"]) / clusters, cpu_us_per_s_each=share * 1e6 / clusters)
        return fleet, follower

    def hub_restart(self, clusters, pods):
        queue = Queue(self.broker)
        start_us = time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6
        follower = self.follower()
        synced = self.fresh(follower, clusters, pods)
        self.rest(2)  # for the broker's last word
        seen = queue.end()
        seconds = (synced["us"] - start_us) / 1e6
        self.report.row("hub_restart", f"restart of the informer before {clusters:,} clusters, all fresh again",
                        f"{seconds:.2f} s; {mb(synced['bytes'])}, {synced['messages']:,} messages, {synced['syncs_failed']} syncs tried again; "
                        f"broker: {seen['held_peak']:,} messages held at most, {seen['dropped']:,} dropped", "5 s, none dropped",
                        seconds=seconds, bytes=synced["bytes"], messages=synced["messages"], syncs_failed=synced["syncs_failed"], **seen)
        return follower

    def fleet(self):
        pods = self.sizes["small"]
        for clusters in self.sizes["clusters"]:
            fleet, follower = self.growth(clusters, pods)
            follower.end()
            if clusters == self.sizes["clusters"][-1]:
                self.hub_restart(clusters, pods).end()
            fleet.end()

    # ---- the hub's API

    def hub_fresh(self, hub, clusters, pods):
        """Once all pods are there, and no answer bears a warning that some are stale."""
        hub.until("/api/v1/pods", lambda body: body.count(b'"creationTimestamp"') >= clusters * pods)
        hub.until(hub.CLUSTERS, lambda body: fresh_clusters(body) >= clusters)

    def hub_lists(self, hub, count):
        row = self.report.row
        spent, start = processor_s(hub.process.pid), time.monotonic()
        size = len(hub.get("/api/v1/pods"))
        seconds = time.monotonic() - start
        row("hub_list", f"  all {count:,} pods as one list", f"{seconds:.2f} s, {size / seconds / 1e6:,.0f} MB/s "
            f"({processor_s(hub.process.pid) - spent:.2f} s of the hub's CPU)", seconds=seconds, bytes=size)
        start, pages, then = time.monotonic(), 0, ""
        while then is not None:
            page = json.loads(hub.get(f"/api/v1/pods?limit=500{then}", hub.TABLE))
            pages += 1
            then = f"&continue={page['metadata']['continue']}" if page["metadata"].get("continue") else None
        seconds = time.monotonic() - start
        row("hub_table", "  the same as kubectl gets them, tables of 500 rows", f"{seconds / pages * 1e3:.1f} ms each",
            page_ms=seconds / pages * 1e3)
        names = [item["metadata"]["name"] for item in json.loads(hub.get("/clusters/cluster0/api/v1/pods"))["items"]]
        took = []
        for _ in range(max(self.sizes["singles"] // len(names), 1)):
            for name in names:
                start = time.monotonic()
                hub.get(f"/clusters/cluster0/api/v1/namespaces/default/pods/{name}")
                took.append(time.monotonic() - start)
        took.sort()
        row("hub_get", "  one pod, p50 / p99", f"{ms(took[len(took) // 2] * 1e6)} / {ms(took[int(len(took) * 0.99)] * 1e6)} ms",
            p50_us=took[len(took) // 2] * 1e6, p99_us=took[int(len(took) * 0.99)] * 1e6)

    def hub_watches(self, hub, clusters, count):
        version, before = hub.version(), hub.memory()["RssAnon"]
        streams = [hub.watch(f"/clusters/cluster{i % clusters}/api/v1/pods?watch=1&resourceVersion={version}") for i in range(count)]
        self.report.row("hub_watches", f"  {count:,} watches at rest", f"{(hub.memory()['RssAnon'] - before) / count / 1e3:.1f} KB each",
                        bytes_each=(hub.memory()["RssAnon"] - before) / count)
        for stream in streams:
            stream.close()

    def hub(self):
        clusters, pods = self.sizes["clusters"][-1], self.sizes["small"]
        count = clusters * pods
        fleet = End(self.build, "fleet", self.broker.url, PROVIDER_HOT, clusters, pods)
        fleet.until("ready")
        start = time.monotonic()
        hub = Hub(self.build, self.folder, self.broker)
        self.hub_fresh(hub, clusters, pods)
        seconds = time.monotonic() - start
        peak = hub.memory()["VmRSS"]
        self.cooled(lambda: hub.memory()["RssAnon"])
        spent, since = processor_s(hub.process.pid), time.monotonic()
        self.rest(REST_S)
        share = (processor_s(hub.process.pid) - spent) / max(time.monotonic() - since, 0.001)
        self.report.row("hub_memory", f"hub, {clusters:,} clusters of {pods} pods",
                        f"all served and fresh after {seconds:.2f} s; {mb(peak)} then, {mb(hub.memory()['VmRSS'])} at rest; {share:.1%} of a CPU",
                        seconds=seconds, rss=hub.memory()["VmRSS"], synced_rss=peak, cpu_share=share)
        self.hub_lists(hub, count)
        self.hub_watches(hub, clusters, self.sizes["singles"])
        hub.kill()
        start = time.monotonic()
        hub = Hub(self.build, self.folder, self.broker)
        hub.until("/api/v1/pods", lambda body: body.count(b'"creationTimestamp"') >= count)
        served = time.monotonic() - start
        self.hub_fresh(hub, clusters, pods)
        fresh = time.monotonic() - start
        self.report.row("hub_killed", "  killed, and started again", f"all served after {served:.2f} s, all fresh after {fresh:.2f} s", "5 s",
                        served_s=served, fresh_s=fresh)
        hub.end()
        fleet.end()

    # ---- the hub's store

    def store_churn(self, hub, publisher, pods, rate, durable):
        """CPU of the hub for each of so many changes, in µs, until they are in it and (durable) on the disk."""
        count = self.sizes["events"] // 30 if rate else self.sizes["events"]
        before = hub.await_counters(lambda values: True)["informer_events"]
        spent = processor_s(hub.process.pid)
        publisher.say(f"churn {count} {rate} {pods}")
        hub.await_counters(lambda values: values["informer_events"] >= before + count)
        if durable:
            hub.await_durable()
        return (processor_s(hub.process.pid) - spent) / count * 1e6

    def store_kept(self, publisher, pods, where):
        """A hub that keeps them there, in sync; how long that took, and what a change costs it."""
        start = time.monotonic()
        hub = Hub(self.build, self.folder, self.broker, "--store", where)
        hub.await_counters(lambda values: values["informer_events"] >= pods)
        synced = time.monotonic() - start
        durable = where != "memory"
        if durable:
            hub.await_durable()
        written = time.monotonic() - start
        costs = [self.store_churn(hub, publisher, pods, rate, durable) for rate in (UNDER_LOAD // 10, 0)]
        return hub, synced, written, costs

    def hub_kubectl(self, hub, pods):
        """What `kubectl get pods -A` takes, and all of it in one answer."""
        start = time.monotonic()
        first, size = hub.drain("/api/v1/pods")
        seconds = time.monotonic() - start
        self.report.row("hub_whole", f"hub, a list of {pods:,} pods of one cluster", f"first byte after {ms((first - start) * 1e6)} ms, all {mb(size)} after {seconds:.2f} s; "
                        f"{mb(hub.memory()['VmRSS'])} then", first_us=(first - start) * 1e6, seconds=seconds, rss=hub.memory()["VmRSS"])
        if not shutil.which("kubectl"):
            return
        spent, start = processor_s(hub.process.pid), time.monotonic()
        done = subprocess.run(["kubectl", "--server", f"http://127.0.0.1:{hub.port}", "get", "pods", "-A", "--no-headers"], check=True,
                              capture_output=True)
        seconds = time.monotonic() - start
        self.report.row("hub_kubectl", "  kubectl get pods -A", f"{seconds:.2f} s for {done.stdout.count(10):,} rows, {processor_s(hub.process.pid) - spent:.2f}"
                        " s of it CPU of the hub", seconds=seconds, hub_s=processor_s(hub.process.pid) - spent)

    def changed_pods(self, hub, publisher, count):
        """The names of those that change."""
        with hub.watch(f"/api/v1/pods?watch=1&resourceVersion={hub.version()}") as probe:
            publisher.say(f"churn {count} {WATCHED_RATE} {count}")
            seen, names = b"", set()
            while len(names) < count:
                seen += probe.recv(1 << 20)
                names.update(re.findall(rb'"metadata":\{"name":"([^"]+)"', seen))
                seen = seen[seen.rfind(b"\n") + 1:]
        return sorted(name.decode() for name in names)

    def hub_watching(self, hub, publisher):
        """Many watches of one pod each, all of which change. The delay is from the bytes at the provider to those at the client."""
        names = self.changed_pods(hub, publisher, self.sizes["singles"])
        version, poll, delays = hub.version(), select.epoll(), []
        streams = {}
        for name in names:
            stream = hub.watch(f"/api/v1/pods?watch=1&resourceVersion={version}&fieldSelector=metadata.name%3D{name}")
            streams[stream.fileno()] = stream
            poll.register(stream, select.EPOLLIN)
        count, spent, start = len(names) * 5, processor_s(hub.process.pid), time.monotonic()
        publisher.say(f"churn {count} {WATCHED_RATE} {len(names)}")
        while len(delays) < count:
            for fd, _ in poll.poll(10):
                now_us = time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6
                delays += [now_us - int(stamp) for stamp in re.findall(rb'"bench/stamp":"(\d+)"', streams[fd].recv(1 << 20))]
        share = (processor_s(hub.process.pid) - spent) / (time.monotonic() - start)
        for stream in streams.values():
            stream.close()
        delays.sort()
        self.report.row("hub_watching", f"  {len(names):,} watches of one pod each, {WATCHED_RATE:,} changes a second",
                        f"{share:.0%} of a CPU; p50 / p99 {ms(delays[len(delays) // 2])} / {ms(delays[int(len(delays) * 0.99)])} ms from watch to watch",
                        cpu_share=share, p50_us=delays[len(delays) // 2], p99_us=delays[int(len(delays) * 0.99)])

    def hub_told(self, hub, publisher, over, watch):
        """Many watches of all pods, and changes of one: each is told."""
        _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        count, changes = min(self.sizes["watches"], files - 500), 5
        version, before, poll, streams, delays = hub.version(), hub.memory()["RssAnon"], select.epoll(), {}, []
        spent = processor_s(hub.process.pid)
        for _ in range(count):
            stream = watch(f"/api/v1/pods?watch=1&resourceVersion={version}")
            streams[stream.fileno()] = stream
            poll.register(stream, select.EPOLLIN)
        opening_us, each = (processor_s(hub.process.pid) - spent) * 1e6 / count, (hub.memory()["RssAnon"] - before) / count
        spent = processor_s(hub.process.pid)
        publisher.say(f"churn {changes} 1 1")
        while len(delays) < count * changes:
            for fd, _ in poll.poll(10):
                now_us = time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6
                delays += [now_us - int(stamp) for stamp in re.findall(rb'"bench/stamp":"(\d+)"', streams[fd].recv(1 << 20))]
        cpu_us, (turn_us, clock_us) = (processor_s(hub.process.pid) - spent) * 1e6 / len(delays), hub.longest_turn_us()
        for stream in streams.values():
            stream.close()
        delays.sort()
        key = "hub_told" if over == "HTTP" else "hub_told_tls"
        self.report.row(key, f"{count:,} watches of all pods over {over}, a change a second", f"{each / 1e3:.1f} KB and {cpu_us:.1f} µs of CPU a change for "
                        f"each, {opening_us:.0f} µs to open it; p50 / last {ms(delays[len(delays) // 2])} / {ms(delays[-1])} ms from watch to watch",
                        bytes_each=each, cpu_us=cpu_us, opening_us=opening_us, p50_us=delays[len(delays) // 2], last_us=delays[-1])
        self.report.row(f"{key}_turn", "  longest turn of the hub's loop", f"{ms(turn_us)} ms of its own time (on the clock {ms(clock_us)})", "5",
                        turn_us=turn_us, clock_us=clock_us)

    def watches(self):
        """Each with a hub of its own, whose longest turn is then theirs."""
        pods = self.sizes["singles"]
        publisher = self.publisher(pods)
        publisher.until("connected")
        for over in ("HTTP", "TLS"):
            hub = Hub(self.build, self.folder, self.broker, "--store", "memory")
            hub.await_counters(lambda values: values["informer_events"] >= pods)
            self.hub_told(hub, publisher, over, hub.secure_watch() if over == "TLS" else hub.watch)
            hub.end()
        publisher.end()

    def store(self):
        pods, row = self.sizes["pods"], self.report.row
        file = os.path.join(self.folder, "fleet.db")
        publisher = self.publisher(pods)
        publisher.until("connected")
        hub, synced, _, plain = self.store_kept(publisher, pods, "memory")
        self.hub_kubectl(hub, pods)
        self.hub_watching(hub, publisher)
        hub.end()
        hub, kept, written, costs = self.store_kept(publisher, pods, f"sqlite:{file}")
        row("store_first", f"hub, first sync of {pods:,} pods of one cluster", f"{synced:.2f} s in memory only; with a store {kept:.2f} s, and "
            f"on the disk after {written:.2f} s, {mb(os.path.getsize(file))}", memory_s=synced, seconds=kept, durable_s=written)
        for name, what, before, after in zip(("store_cpu", "store_flood"), ("at 2,000 changes a second", "as fast as they come"), plain, costs):
            row(name, f"  its CPU per change, {what}", f"{before:.1f} µs in memory only, {after:.1f} µs until durable",
                memory_us=before, durable_us=after)
        hub.kill()
        start = time.monotonic()
        hub = Hub(self.build, self.folder, self.broker, "--store", f"sqlite:{file}")
        hub.until("/api/v1/pods?limit=1", lambda body: b'"creationTimestamp"' in body)
        answered = time.monotonic() - start
        whole = len(hub.get("/api/v1/pods"))
        row("store_restart", "  killed, and started again", f"first answer after {answered:.2f} s, a list of all ({mb(whole)}) after "
            f"{time.monotonic() - start:.2f} s; {mb(hub.memory()['VmRSS'])}", answered_s=answered, rss=hub.memory()["VmRSS"])
        hub.end()
        publisher.end()

    # ---- miniclusters

    def miniclusters(self):
        """How many there is room for in one process, once their history of events is full."""
        clusters, pods = self.sizes["miniclusters"], 20
        box = Minicluster(self.build, self.folder, pods, clusters, churn=1)
        first = box.memory()
        self.rest(COOL_S)
        full = box.memory()
        self.report.row("miniclusters", f"{clusters} miniclusters in one process, 2 nodes and {pods} pods each, a change a second each",
                        f"{mb(first['VmRSS'])} at first, {mb(full['VmRSS'])} with a full history", "200 MB", rss=full["VmRSS"],
                        first=first["VmRSS"])
        box.end()


def fresh_clusters(body):
    """How many clusters of such a list are connected and have all that is shared."""
    count = 0
    for item in json.loads(body)["items"]:
        conditions = {condition["type"]: condition["status"] for condition in item["status"]["conditions"]}
        count += conditions == {**conditions, "Connected": "True", "Synced": "True"}
    return count


def machine(options):
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    version = subprocess.run(["mosquitto", "-h"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    revision = subprocess.run(["git", "-C", TOP, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    return {"date": datetime.date.today().isoformat(), "machine": f"{os.cpu_count()} × {model}", "system": platform.platform(),
            "broker": version, "revision": revision, "command": " ".join(["tests/bench/run.py", *sys.argv[1:]]), "quick": options.quick}


def markdown(about, rows):
    lines = [f"{about['date']}, revision {about['revision']}, {about['machine']}, {about['system']}, {about['broker']}:", "",
             f"    {about['command']}", "", "| what | measured | target |", "|---|---|---|"]
    return "\n".join(lines + [f"| {row['what'].strip()} | {row['value']} | {row['target']} |" for row in rows]) + "\n"


def main():
    parts = ("raw", "events", "encodings", "sync", "memory", "fleet", "hub", "store", "watches", "miniclusters")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(TOP, "build"), help="the build folder (default: %(default)s)")
    parser.add_argument("--only", default=",".join(parts), help="parts to run, separated by commas (default: all)")
    parser.add_argument("--quick", action="store_true", help="small sizes and no rests: shows that it works, measures nothing")
    parser.add_argument("--json", metavar="FILE", help="write the rows there as well")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there as docs/performance.md has it")
    options = parser.parse_args()
    only = options.only.split(",")
    if unknown := set(only) - set(parts):
        parser.error(f"--only: {', '.join(sorted(unknown))} is no part; there are {', '.join(parts)}")
    about, report, start = machine(options), Report(), time.monotonic()
    print("\n".join(f"{name}: {value}" for name, value in about.items()), "\n")
    for part in parts:
        if part in only:
            with tempfile.TemporaryDirectory() as folder:
                broker = Broker(folder)  # a fresh one, so that no part leaves anything to the next
                try:
                    getattr(Bench(options, QUICK if options.quick else FULL, broker, folder, report), part)()
                finally:
                    broker.end()
    print(f"\n{time.monotonic() - start:.0f} s")
    if options.markdown:
        with open(options.markdown, "w") as file:
            file.write(markdown(about, report.rows))
    if options.json:
        with open(options.json, "w") as file:
            json.dump({**about, "rows": report.rows}, file, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    main()
