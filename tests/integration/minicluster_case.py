"""A minicluster of a test's own, and kubectl before it."""

import os
import shutil
import subprocess
import unittest

from bench import Bench

KUBECTL = shutil.which("kubectl")


class MiniclusterCase(unittest.TestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench())
        self.kubeconfig = self.bench.directory / "kubeconfig"

    def start(self, *arguments):
        process = self.bench.program("minicluster", "--kubeconfig-out", self.kubeconfig, *arguments)
        self.bench.wait("its kubeconfig is there", lambda: self.kubeconfig.exists() or not process.running())
        self.assertTrue(process.running(), process.log())
        return process

    def run_kubectl(self, *arguments, stdin=None):
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.bench.directory / "cache")}
        return subprocess.run([KUBECTL, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False,
                              env=environment)

    def kubectl(self, *arguments, stdin=None):
        done = self.run_kubectl(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout
