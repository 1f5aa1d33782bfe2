"""One test of everything kubectl does, unchanged against a real API server and against minicluster."""

import os
import pathlib
import subprocess

from process import Failed

SUITE = pathlib.Path(__file__).resolve().parents[1] / "kubectl_suite.sh"


def run(bench):
    real = bench.cluster("real")
    mini = bench.minicluster()
    real.wait_ready()
    _suite(bench, "kube-apiserver", real.kubeconfig)
    _suite(bench, "minicluster", mini.kubeconfig)


def _suite(bench, against, kubeconfig):
    done = subprocess.run([SUITE, kubeconfig], capture_output=True, text=True, timeout=240, check=False,
                          env={**os.environ, "KUBECTL": bench.binaries["KUBECTL"]})
    lines = done.stdout.splitlines()
    for line in lines[:-1]:
        if line.startswith("ok "):
            bench.check(f"{against}: {line[3:]}")
        else:
            print(f"{line}" if not line.startswith("FAIL ") else f"FAIL {bench.name}: {against}: {line[5:]}", flush=True)
    if done.returncode:
        raise Failed(f"kubectl against {against}: {lines[-1] if lines else ''}\n{done.stderr[-1500:]}")
