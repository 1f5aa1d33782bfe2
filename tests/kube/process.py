"""Processes of a test: started with a log each, ended by pid, waited for by condition.

Nothing here sleeps for a fixed time in the hope that something has happened: wait() polls a condition, and its failure
shows the ends of the logs of the processes that were to bring it about.
"""

import os
import random
import signal
import socket
import subprocess
import time


class Failed(Exception):
    """A check that did not hold; its text is what the person reading the run sees."""


def free_ports(count):
    """Free loopback ports below the ephemeral range, so that no outgoing connection takes one before its server does."""
    ports = []
    while len(ports) < count:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


class Process:
    """One child with its output in a log file. stop() is idempotent and leaves no child."""

    alive = []

    def __init__(self, name, argv, log, stdout=None, env=None, cwd=None):
        self.name = name
        self.log_path = log
        # Only the log is appended to: a restarted process continues it.
        with open(log, "ab") as stream:
            out = open(stdout, "ab") if stdout else stream
            self.child = subprocess.Popen(
                [str(arg) for arg in argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=stream,
                env=None if env is None else {**os.environ, **env},
                cwd=cwd,
                start_new_session=True,
            )
            if stdout:
                out.close()
        Process.alive.append(self)

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def pause(self):
        self.child.send_signal(signal.SIGSTOP)

    def resume(self):
        self.child.send_signal(signal.SIGCONT)

    def kill(self):
        self._end(signal.SIGKILL, 10)

    def stop(self, grace_s=10):
        """Ends it gracefully; returns the exit status, negative for a signal."""
        return self._end(signal.SIGTERM, grace_s)

    def _end(self, how, grace_s):
        if self.running():
            self.child.send_signal(how)
            self.child.send_signal(signal.SIGCONT)
            try:
                self.child.wait(grace_s)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        if self in Process.alive:
            Process.alive.remove(self)
        return self.child.returncode

    def log(self):
        with open(self.log_path, "rb") as stream:
            return stream.read().decode("utf-8", "replace")

    def tail(self, lines=15):
        text = "\n".join("    " + line[:400] for line in self.log().splitlines()[-lines:])
        state = "running" if self.running() else f"ended with {self.child.returncode}"
        return f"  {self.name} ({state}), end of its log:\n{text}"

    @classmethod
    def stop_all(cls):
        """The end: nothing may interrupt it, else children would stay behind."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(list(cls.alive)):
            process.stop()


def wait(what, condition, timeout_s=60, logs=(), must_run=()):
    """Polls condition() until it returns something true, and returns that.

    A condition that raises Failed or OSError counts as not yet true, and its text becomes part of the error. A process
    of must_run that ends while waited for ends the wait at once.
    """
    begin = time.monotonic()
    pause_s = 0.02
    reason = ""
    while True:
        try:
            result = condition()
            if result:
                return result
            reason = ""
        except (Failed, OSError) as error:
            reason = f": {error}"
        dead = [process.name for process in must_run if not process.running()]
        spent = time.monotonic() - begin
        if dead or spent > timeout_s:
            why = f"{dead[0]} ended" if dead else f"not within {timeout_s:g} s"
            shown = "\n".join(process.tail() for process in dict.fromkeys([*must_run, *logs]))
            raise Failed(f"{what}: {why}{reason}\n{shown}".rstrip())
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.5)
