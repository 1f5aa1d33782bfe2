"""The Python client lists and watches a hub over TLS, with the kubeconfig that the hub wrote: the fleet, and one cluster of it."""

import os
import pathlib
import subprocess

from bench import Skipped
from fleet import GROUP, Setting
from process import Failed

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "python" / "client.py"


def run(bench):
    python = os.environ.get("PYTHON_CLIENT")
    if not python:
        raise Skipped("the Python client could not be installed")
    setting = Setting(bench, ("namespaces",))
    done = subprocess.run([python, "-B", PROGRAM, setting.kubeconfig, setting.cluster.kubeconfig, GROUP], capture_output=True, text=True,
                          timeout=240, check=False, env={**os.environ, "HOME": str(bench.directory)})
    for line in done.stdout.splitlines():
        if line.startswith("ok "):
            bench.check(line[3:])
    if done.returncode:
        raise Failed(done.stderr[-3000:])
