#!/usr/bin/env python3
"""A hub that has a terminal draws a table there, over and over; in the background of a shell it leaves what others write alone."""

import os
import pty
import select
import unittest

from bench import BIN, Bench
from fleet import Cluster

CURSOR = "\x1b["


class Terminal:
    """A shell with a terminal of its own, and what was written there."""

    def __init__(self, bench, script):
        self.child, self.end = pty.fork()
        if self.child == 0:
            os.execv("/bin/bash", ["bash", "--norc", "-m", "-c", script])
        self.bench, self.told = bench, ""

    def close(self):
        """Who has the terminal is told that it is gone."""
        os.close(self.end)
        os.waitpid(self.child, 0)

    def text(self):
        while select.select([self.end], [], [], 0)[0]:
            self.told += os.read(self.end, 65536).decode()
        return self.told

    def wait(self, text):
        self.bench.wait(f"the terminal shows {text}", lambda: text in self.text())


class Summary(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.port = self.bench.broker()
        cluster = Cluster(self.bench, "cluster1")
        self.bench.program("provider", "--broker", f"tcp://127.0.0.1:{self.port}", "--cluster", "cluster1", "--kubeconfig", cluster.kubeconfig)

    def terminal(self, script):
        terminal = Terminal(self.bench, script.format(hub=f"{BIN}/hub --broker tcp://127.0.0.1:{self.port} --log-level error"))
        self.addCleanup(terminal.close)
        return terminal

    def test_a_table_is_drawn_on_its_own_terminal(self):
        terminal = self.terminal("{hub}; echo over")
        terminal.wait("cluster1                 synced")
        self.assertIn(CURSOR, terminal.text())

    def test_the_terminal_of_others_gets_a_line_for_each_change(self):
        terminal = self.terminal("trap 'kill %1; wait' HUP; {hub} & wait")
        terminal.wait("cluster1: synced")
        self.assertNotIn(CURSOR, terminal.text())


if __name__ == "__main__":
    unittest.main()
