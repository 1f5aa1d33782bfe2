"""Runs the scenarios; started by run.sh.

Each is a process of its own, two at a time: most of their time they wait. What one prints is shown when it ends.
"""

import argparse
import concurrent.futures
import importlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import traceback

import bench as benches
from cluster import BINARIES
from process import Failed

HERE = pathlib.Path(__file__).resolve().parent
PASSED, FAILED, SKIPPED, INTERRUPTED = 0, 1, 77, 130

# The longest first, so that none of them is the last one to run alone.
LONGEST = ("client_go_informers", "workloads_drift_and_rights", "half_open_watch", "kubectl_on_both", "kubectl_before_a_fleet",
           "objects_of_nine_kinds")


def scenario_names():
    names = sorted(path.stem for path in (HERE / "scenarios").glob("[a-z]*.py"))
    return sorted(names, key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))


def run_one(name, programs):
    """Runs it in this process; returns how it ended."""
    bench = benches.Bench(name, {binary: os.environ[binary] for binary in BINARIES}, programs)
    begin = time.monotonic()
    outcome = FAILED
    try:
        importlib.import_module(f"scenarios.{name}").run(bench)
        bench.finish()
        outcome = PASSED
    except benches.Skipped as reason:
        outcome = FAILED if os.environ.get("CI") == "true" else SKIPPED
        print(f"{'FAIL' if outcome == FAILED else 'SKIP'} {name}: {reason}", flush=True)
    except Failed as error:
        print(f"FAIL {name}: {error}", flush=True)
    except KeyboardInterrupt:
        outcome = INTERRUPTED
    except Exception:  # a fault of the scenario itself is a failed scenario, not the end of the run
        print(f"FAIL {name}: {traceback.format_exc()}", flush=True)
    finally:
        keep = outcome == FAILED and os.environ.get("KEEP") == "1"
        bench.close(keep)
        print(f"   {name}: {time.monotonic() - begin:.0f} s" + (f", kept {bench.directory}" if keep else ""), flush=True)
    return outcome


class Run:
    """Many scenarios, in children."""

    def __init__(self, programs, jobs):
        self.programs = programs
        self.pool = concurrent.futures.ThreadPoolExecutor(jobs)
        self.children = set()
        self.checks = 0

    def _child(self, name):
        argv = [sys.executable, __file__, "--programs", self.programs, "--one", name]
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.children.add(child)
        output, _ = child.communicate()
        self.children.discard(child)
        print(output, end="", flush=True)
        self.checks += sum(line.startswith("ok ") for line in output.splitlines())
        return child.returncode

    def all(self, names):
        try:
            return list(self.pool.map(self._child, names))
        except KeyboardInterrupt:
            self.pool.shutdown(wait=False, cancel_futures=True)
            for child in list(self.children):
                child.send_signal(signal.SIGTERM)
            self.pool.shutdown()
            raise


def main():
    parser = argparse.ArgumentParser(prog="tests/kube/run.sh", description="Scenarios against a real Kubernetes.")
    parser.add_argument("--programs", default=HERE.parents[1] / "build" / "bin", help="the programs under test")
    parser.add_argument("--jobs", type=int, default=2, help="so many at the same time (default: 2)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("scenario", nargs="*", help=f"default: all of {', '.join(scenario_names())}")
    options = parser.parse_args()
    if unknown := set(options.scenario) - set(scenario_names()):
        parser.error(f"no scenario {', '.join(unknown)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.one:
        return run_one(options.one, options.programs)

    run = Run(str(options.programs), options.jobs)
    try:
        outcomes = run.all(options.scenario or scenario_names())
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        return INTERRUPTED
    if skipped := outcomes.count(SKIPPED):
        print(f"SKIP: {skipped} scenarios did not run, or not as a whole", flush=True)
    failed = len([outcome for outcome in outcomes if outcome not in (PASSED, SKIPPED)])
    print(f"{run.checks} passed, {failed} failed", flush=True)
    return FAILED if failed else PASSED


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    sys.exit(main())
