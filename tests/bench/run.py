#!/usr/bin/env python3
"""Measures transport-informer over a real mosquitto on this machine, and prints a table (or JSON with --json FILE).

Each run measures the broker alone as well, so that figures from different machines can be compared: ratios to it travel,
figures do not. Nothing here passes or fails.
"""
import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class End:
    """A bench process that speaks in lines: a word and a JSON object."""

    def __init__(self, *args):
        self.process = subprocess.Popen([BENCH, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def until(self, word, condition=lambda values: True):
        for line in self.process.stdout:
            head, _, rest = line.partition(" ")
            values = json.loads(rest)
            if head == word and condition(values):
                return values
        sys.exit(f"bench: a process ended while waiting for '{word}'")

    def stats(self):
        self.say("S")
        return self.until("stats")

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


class Broker:
    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        conf = os.path.join(folder, "mosquitto.conf")
        with open(conf, "w") as file:
            file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n")
        self.url = f"tcp://127.0.0.1:{port}"
        self.process = subprocess.Popen(["mosquitto", "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        sys.exit("bench: mosquitto does not listen")

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


def raw(broker, rows):
    for size, count in ((200, 40000), (5000, 30000), (65536, 5000)):
        line = subprocess.run([BENCH, "raw", broker.url, str(size), str(count)], check=True, capture_output=True, text=True).stdout
        values = json.loads(line.partition(" ")[2])
        rows.append((f"broker alone, {size} B at QoS 1", f"{values['rate']:,.0f} msg/s, {values['rate'] * size / 1e6:,.0f} MB/s", ""))


def await_changes(follower, count):
    """Waits until the informer has seen so many changes; asks ten times a second, not more, since asking costs."""
    while True:
        values = follower.stats()
        if values["changes"] >= count:
            return values
        time.sleep(0.1)


def events(broker, rows, pods, count):
    publisher = End("publish", broker.url, str(pods), "zstd")
    publisher.until("connected")
    follower = End("follow", broker.url)
    synced = follower.until("synced", lambda values: values["objects"] == pods)
    follower.say("R")
    before = follower.stats()
    publisher.say(f"churn {count} 0")
    start = publisher.until("started")
    end = publisher.until("churned")
    after = await_changes(follower, synced["changes"] + count)
    done = publisher.stats()
    seconds = (after["last_us"] - start["us"]) / 1e6
    sent = done["events"] - start["events"]
    cpu_out = (done["cpu_us"] - start["cpu_us"]) / count
    cpu_in = (after["cpu_us"] - before["cpu_us"]) / count
    rows.append((f"deltas end to end, {pods:,} pods of 3 KB", f"{count / seconds:,.0f} events/s", "120,000"))
    rows.append(("  CPU per event, publishing + following", f"{cpu_out:.1f} + {cpu_in:.1f} µs", "12"))
    rows.append(("  on the wire", f"{(done['bytes'] - start['bytes']) / sent:,.0f} B/event, "
                 f"{sent / (done['messages'] - start['messages']):.1f} events/message", ""))
    rows.append(("  coalesced, gaps", f"{done['coalesced'] - start['coalesced']}, {after['gaps'] - before['gaps']}", ""))
    rows.append(("  latency under that load, p50 / p99 / p99.9",
                 f"{after['p50'] / 1e3:.1f} / {after['p99'] / 1e3:.1f} / {after['p999'] / 1e3:.1f} ms", ""))
    follower.say("R")
    base = publisher.stats()
    publisher.say("churn 1000 200")
    publisher.until("churned")
    idle = await_changes(follower, synced["changes"] + count + 1000)
    quiet = publisher.stats()
    rows.append(("latency idle, 200 events/s, p50 / p99", f"{idle['p50'] / 1e3:.2f} / {idle['p99'] / 1e3:.2f} ms", "0.5 / 2"))
    rows.append(("payload of one status update, unbatched", f"{(quiet['bytes'] - base['bytes']) / 1000:,.0f} B", "100"))
    publisher.end()
    follower.end()


def sync(broker, rows, pods):
    publisher = End("publish", broker.url, str(pods), "zstd")
    publisher.until("connected")
    follower = End("follow", broker.url)
    connected = follower.until("connected")
    synced = follower.until("synced", lambda values: values["objects"] == pods)
    rows.append((f"first sync of {pods:,} pods", f"{(synced['us'] - connected['us']) / 1e6:.2f} s, {synced['bytes'] / 1e6:.1f} MB",
                 "2 s for 100,000"))
    rows.append(("  informer memory per pod", f"{(synced['memory'] - connected['memory']) / pods:,.0f} B", "600"))
    provider = publisher.stats()
    rows.append(("  provider memory per pod", f"{provider['memory'] / pods:,.0f} B", ""))
    for label, changed, target in (("unchanged", 0, "1 KB, 20 ms"), ("0.1% changed", pods // 1000, "64 KB, 200 ms"),
                                   ("1% changed", pods // 100, ""), ("all changed", pods, "")):
        before = follower.stats()
        publisher.say("restart")
        publisher.until("connected")
        if changed:
            # The change is made while the publisher is not announced to the informer's knowledge: restart, then change.
            publisher.say(f"change {changed}")
            publisher.until("changed")
        after = follower.until("synced", lambda values: values["objects"] == pods and values["syncs"] > before["syncs"])
        rows.append((f"re-sync of {pods:,} after a restart, {label}",
                     f"{(after['bytes'] - before['bytes']) / 1e3:,.1f} KB, {after['changes'] - before['changes']:,} changes told", target))
    publisher.end()
    follower.end()


def main():
    global BENCH
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(TOP, "build"), help="the build folder (default: %(default)s)")
    parser.add_argument("--pods", type=int, default=100000, help="objects in the large rows (default: %(default)s)")
    parser.add_argument("--events", type=int, default=300000, help="changes in the throughput row (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the rows there as well")
    options = parser.parse_args()
    BENCH = os.path.join(options.build, "bin", "bench")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(folder)
        try:
            raw(broker, rows)
            events(broker, rows, min(options.pods, 20000), options.events)
            sync(broker, rows, options.pods)
        finally:
            broker.end()
    width = max(len(row[0]) for row in rows)
    for what, value, target in rows:
        print(f"{what:{width}}  {value}" + (f"   (target {target})" if target else ""))
    if options.json:
        with open(options.json, "w") as file:
            json.dump([dict(zip(("what", "value", "target"), row)) for row in rows], file, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    main()
