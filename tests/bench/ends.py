"""What the benchmark starts: a broker, the bench processes that speak in lines, and the real programs."""
import http.client
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

PATIENCE_S = 180  # for one answer; what hangs longer is broken


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def processor_s(pid):
    """The processor time that a process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """VmRSS, RssAnon and VmHWM (the peak) of a process, in bytes."""
    with open(f"/proc/{pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return {name: int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "RssAnon", "VmHWM")}


class End:
    """A bench process: a word and a JSON object a line. Counts the longest turns of its loop."""

    def __init__(self, build, *args):
        self.process = subprocess.Popen([os.path.join(build, "bin", "bench"), *map(str, args)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.name = args[0]
        self.pending = b""

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def line(self, deadline):
        while b"\n" not in self.pending:
            if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return None
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        word, _, values = line.partition(b" ")
        return word.decode(), json.loads(values)

    def until(self, word, condition=lambda values: True):
        deadline = time.monotonic() + PATIENCE_S
        while line := self.line(deadline):
            if line[0] == word and condition(line[1]):
                return line[1]
        sys.exit(f"bench: {self.name} ended, or did not say '{word}' within {PATIENCE_S} s")

    def ask(self, command, word):
        self.say(command)
        return self.until(word)

    def stats(self):
        return self.ask("S", "stats")

    def await_stats(self, condition):
        """Statistics as soon as they fulfil something. Asks ten times a second, since asking costs."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            values = self.stats()
            if condition(values):
                return values
            time.sleep(0.1)
        sys.exit(f"bench: {self.name}: what was waited for did not come within {PATIENCE_S} s")

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        if self.process.returncode != 0:
            sys.exit(f"bench: {self.name} ended with {self.process.returncode}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """A mosquitto with its default limits, on a port of its own."""

    def __init__(self, folder):
        self.port = free_port()
        conf = os.path.join(folder, "mosquitto.conf")
        with open(conf, "w") as file:
            file.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nsys_interval 1\n")
        self.url = f"tcp://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(["mosquitto", "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        sys.exit("bench: mosquitto does not listen")

    def processor_us(self):
        return processor_s(self.process.pid) * 1e6

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        stop(self.process)


class Queue:
    """What the broker says each second of messages that it holds (those retained included), and has dropped."""

    HELD, DROPPED = "$SYS/broker/store/messages/count", "$SYS/broker/publish/messages/dropped"

    def __init__(self, broker):
        self.process = subprocess.Popen(["mosquitto_sub", "-p", str(broker.port), "-v", "-t", self.HELD, "-t", self.DROPPED],
                                        stdout=subprocess.PIPE, text=True)

    def end(self):
        stop(self.process)
        seen = {self.HELD: [0], self.DROPPED: [0]}
        for line in self.process.stdout.read().splitlines():
            topic, _, value = line.partition(" ")
            seen[topic].append(int(value))
        self.process.stdout.close()
        return {"held_peak": max(seen[self.HELD]), "dropped": max(seen[self.DROPPED])}


class Minicluster:
    def __init__(self, build, folder, pods, clusters=1, churn=0):
        self.kubeconfig = os.path.join(folder, f"kubeconfig-{clusters}-{pods}")
        self.process = subprocess.Popen([os.path.join(build, "bin", "minicluster"), "--pods", str(pods), "--clusters", str(clusters),
                                         "--churn", str(churn), "--kubeconfig-out", self.kubeconfig],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(clusters):
            self.process.stdout.readline()  # it serves

    def memory(self):
        return memory(self.process.pid)

    def end(self):
        stop(self.process)
        self.process.stdout.close()


class Agent:
    def __init__(self, build, folder, broker, name, kubeconfig):
        self.log = os.path.join(folder, f"{name}.log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([os.path.join(build, "bin", "agent"), "--cluster", name, "--broker", broker.url,
                                             "--kubeconfig", kubeconfig, "--signal", "bench/signal", "--payload", "bench/payload"],
                                            stderr=log)

    def memory(self):
        return memory(self.process.pid)

    def longest_turn_us(self):
        """As its counters say, which it logs when it is asked."""
        self.process.send_signal(signal.SIGUSR1)
        for _ in range(300):
            time.sleep(0.1)
            with open(self.log) as log:
                if found := re.search(r"longest_us=(\d+)", log.read()):
                    return int(found.group(1))
        sys.exit("bench: the agent does not log its counters")

    def end(self):
        stop(self.process)


class Hub:
    """A hub that serves its fleet over plain HTTP and over TLS, and keeps it in its state directory."""

    TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
    CLUSTERS = "/apis/fleet.transport-informer.io/v1alpha1/clusters"

    def __init__(self, build, folder, broker, *arguments):
        self.port, self.secure_port, self.metrics = free_port(), free_port(), free_port()
        self.state, self.kubeconfig = os.path.join(folder, "hub"), os.path.join(folder, "fleet.yaml")
        self.log = os.path.join(folder, "hub.log")
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([os.path.join(build, "bin", "hub"), "--broker", broker.url, "--signal", "bench/signal",
                                             "--payload", "bench/payload", "--state-dir", self.state,
                                             "--read-only-http", f"127.0.0.1:{self.port}", "--listen", f"127.0.0.1:{self.secure_port}",
                                             "--kubeconfig-out", self.kubeconfig,
                                             "--metrics", f"127.0.0.1:{self.metrics}", *arguments], stdout=subprocess.DEVNULL, stderr=log)
        self.client = None

    def get(self, path, accept="application/json"):
        """The bytes of an answer over a connection that is kept; None where there is none yet."""
        try:
            if not self.client:
                self.client = http.client.HTTPConnection("127.0.0.1", self.port)
                self.client.connect()
                self.client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.client.request("GET", path, headers={"Accept": accept})
            answer = self.client.getresponse()
            body = answer.read()
            return body if answer.status == 200 else None
        except ConnectionError:
            self.client = None
            return None

    def until(self, path, condition):
        """The answer as soon as it fulfils something."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            body = self.get(path)
            if body and condition(body):
                return body
            time.sleep(0.02)
        sys.exit(f"bench: hub: what was waited for at {path} did not come within {PATIENCE_S} s (its log: {self.log})")

    def metrics_text(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def longest_turn_us(self):
        """Of its loop, since it was started: of its own processor time, and on the clock."""
        text = self.metrics_text()
        return [float(re.search(rf"^transport_informer_loop_longest_turn_{unit} (\S+)$", text, re.M).group(1)) * 1e6
                for unit in ("cpu_seconds", "seconds")]

    def await_counters(self, condition):
        """Its counters, by their names without what all begin with, as soon as they fulfil something."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                text = self.metrics_text()
            except OSError:
                text = ""
            values = {name: int(value) for name, value in re.findall(r"^transport_informer_(\w+)_total (\d+)$", text, re.M)}
            if values and condition(values):
                return values
            time.sleep(0.02)
        sys.exit(f"bench: hub: its counters are not what was waited for within {PATIENCE_S} s (its log: {self.log})")

    def await_durable(self):
        """All that it has is on the disk."""
        return self.await_counters(lambda values: values["store_durable_changes"] == values["store_changes"])

    def watch(self, path, *headers):
        """The connection of an answer that has begun."""
        return self.ask(socket.create_connection(("127.0.0.1", self.port)), path, *headers)

    def secure_watch(self):
        """What opens a watch over TLS, of a path."""
        context = ssl.create_default_context(cafile=os.path.join(self.state, "tls.crt"))
        with open(self.kubeconfig) as file:
            token = re.search(r"token: (\S+)", file.read()).group(1)

        def watch(path):
            stream = context.wrap_socket(socket.create_connection(("127.0.0.1", self.secure_port)), server_hostname="localhost")
            return self.ask(stream, path, f"Authorization: Bearer {token}")
        return watch

    @staticmethod
    def ask(stream, path, *headers):
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.sendall("\r\n".join(lines).encode())
        stream.recv(1)
        return stream

    def version(self):
        return json.loads(self.get("/api/v1/pods?limit=1"))["metadata"]["resourceVersion"]

    def drain(self, path):
        """When the first byte of an answer came, and how many there were."""
        with self.watch(path, "Connection: close") as stream:
            first, size, into = time.monotonic(), 1, bytearray(1 << 20)
            while count := stream.recv_into(into):
                size += count
            return first, size

    def memory(self):
        return memory(self.process.pid)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.client = None

    def end(self):
        stop(self.process)
