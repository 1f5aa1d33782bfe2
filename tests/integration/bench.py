"""What the scenarios stand on: a broker, programs, and waiting for conditions. Everything that is started belongs to a
Bench, and ends with it, by process id."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("TI_BIN", ROOT / "build" / "bin"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Process:
    """A program that runs, with its output in files."""

    def __init__(self, directory, name, command, environment=None):
        self.name = name
        self.out_path, self.log_path = directory / f"{name}.out", directory / f"{name}.log"
        with open(self.out_path, "wb") as out, open(self.log_path, "wb") as log:
            self.child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                          env={**os.environ, **(environment or {})})

    def running(self):
        return self.child.poll() is None

    def out(self):
        return self.out_path.read_text(encoding="utf-8", errors="replace")

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.child.pid}/status").read_text(encoding="utf-8")
        return int(text.split("VmRSS:")[1].split()[0]) << 10

    def sanitized(self):
        """A sanitizer keeps what was freed, or notes who touched what, so that memory says little."""
        maps = pathlib.Path(f"/proc/{self.child.pid}/maps").read_text(encoding="utf-8")
        return "libasan" in maps or "libtsan" in maps

    def wait(self, seconds=20):
        """Its exit code, once it has ended by itself."""
        return self.child.wait(timeout=seconds)

    def stop(self, number=signal.SIGTERM, seconds=10):
        """Ends it; its exit code."""
        if self.running():
            self.child.send_signal(number)
        try:
            return self.child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"{self.name} did not end within {seconds} s:\n{self.log()[-2000:]}") from None


class Bench:
    """A directory of its own, and what was started in it. Used with `with`."""

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ti-integration-"))
        self.processes = []
        return self

    def __exit__(self, kind, value, trace):
        for process in reversed(self.processes):
            if process.running():
                process.child.kill()
                process.child.wait()
        if kind:
            self.tell()
        shutil.rmtree(self.directory)

    def tell(self):
        for process in self.processes:
            print(f"---- {process.name}, exit code {process.child.returncode}: last of its log\n{process.log()[-1500:]}")

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, name, *command, environment=None):
        process = Process(self.directory, name, command, environment)
        self.processes.append(process)
        return process

    def program(self, name, *arguments, label=None, environment=None):
        """One of ours."""
        return self.start(label or name, BIN / name, *arguments, environment=environment)

    def wait(self, what, condition, seconds=20):
        """Until condition() is true; what it gave. Everything started must go on running meanwhile."""
        deadline = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {seconds} s")
            time.sleep(0.02)

    def broker(self, *lines, port=None, name="mosquitto"):
        """A mosquitto; lines are added to its configuration. Its port."""
        port = port or free_port()
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        config = self.write(f"{name}.conf", "\n".join([f"listener {port} 127.0.0.1", f"user {user}", "persistence false",
                                                       *(lines or ["allow_anonymous true"]), ""]))
        mosquitto = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        process = self.start(name, mosquitto, "-c", config)
        self.wait("mosquitto listens", lambda: answers(port) or not process.running())
        if not process.running():
            raise AssertionError(f"mosquitto ended: {process.log()}")
        self.mosquitto = process
        return port

    def nats(self, access="", tls="", port=None, name="nats", environment=None):
        """A NATS server that speaks MQTT; access is added to its configuration, tls to that of its listener. Its port."""
        port = port or free_port()
        config = self.write(f"{name}.conf", f"""
server_name: one
listen: "127.0.0.1:{free_port()}"
jetstream {{ store_dir: "{self.directory / 'jetstream'}" }}
mqtt {{ listen: "127.0.0.1:{port}", {tls} }}
{access}
""")
        server = shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin")
        self.mosquitto = self.start(name, server, "-c", config, environment=environment)
        self.wait("NATS listens", lambda: answers(port) or not self.mosquitto.running())
        return port

    def nats_users(self, *users):
        """samples/nats-users.conf, where each user's password is its name: what to add to the configuration, and the
        environment for it."""
        self.write("nats-users.conf", (ROOT / "samples/nats-users.conf").read_text(encoding="utf-8"))
        return "include nats-users.conf", {f"{user.upper()}_PASSWORD": user for user in users}

    def passwords(self, *users):
        """A password file where each user's password is its name."""
        path = self.write("passwords", "")
        for user in users:
            subprocess.run(["mosquitto_passwd", "-b", path, user, user], check=True, capture_output=True)
            self.write(f"{user}.password", user + "\n")
        return path

    def certificates(self):
        """ca.pem and ca.key in the directory, and by them server.pem and server.key, for 127.0.0.1."""
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self.write("server.ext", "subjectAltName=IP:127.0.0.1\n")
        for arguments in (["req", "-x509", *key, "-subj", "/CN=scenario", "-keyout", "ca.key", "-out", "ca.pem"],
                          ["req", *key, "-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr"],
                          ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                           "-extfile", "server.ext", "-out", "server.pem"]):
            subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)
