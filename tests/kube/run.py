"""Runs the scenarios; started by run.sh."""

import argparse
import importlib
import os
import pathlib
import signal
import sys
import time
import traceback

import bench as benches
from cluster import BINARIES
from process import Failed

HERE = pathlib.Path(__file__).resolve().parent


def scenario_names():
    return sorted(path.stem for path in (HERE / "scenarios").glob("[a-z]*.py"))


def run_one(name, binaries, programs):
    """Returns ("passed" | "failed" | "skipped", number of checks)."""
    bench = benches.Bench(name, binaries, programs)
    begin = time.monotonic()
    outcome = "failed"
    try:
        importlib.import_module(f"scenarios.{name}").run(bench)
        bench.finish()
        outcome = "passed"
        print(f"   {name}: {time.monotonic() - begin:.0f} s", flush=True)
    except benches.Skipped as reason:
        outcome = "failed" if os.environ.get("CI") == "true" else "skipped"
        print(f"{'FAIL' if outcome == 'failed' else 'SKIP'} {name}: {reason}", flush=True)
    except Failed as error:
        print(f"FAIL {name}: {error}", flush=True)
    except KeyboardInterrupt:
        raise
    except Exception:  # a fault of the scenario itself is a failed scenario, not the end of the run
        print(f"FAIL {name}: {traceback.format_exc()}", flush=True)
    finally:
        keep = outcome == "failed" and os.environ.get("KEEP") == "1"
        bench.close(keep)
        if keep:
            print(f"   kept: {bench.directory}", flush=True)
    return outcome, len(bench.checks)


def main():
    parser = argparse.ArgumentParser(prog="tests/kube/run.sh", description="Scenarios against a real Kubernetes.")
    parser.add_argument("--programs", default=HERE.parents[1] / "build" / "bin", help="the programs under test")
    parser.add_argument("scenario", nargs="*", help=f"default: all of {', '.join(scenario_names())}")
    options = parser.parse_args()
    if unknown := set(options.scenario) - set(scenario_names()):
        parser.error(f"no scenario {', '.join(unknown)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    binaries = {name: os.environ[name] for name in BINARIES}
    outcomes, checks = [], 0
    try:
        for name in options.scenario or scenario_names():
            outcome, count = run_one(name, binaries, options.programs)
            outcomes.append(outcome)
            checks += count
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        return 130
    failed, skipped = outcomes.count("failed"), outcomes.count("skipped")
    if skipped:
        print(f"SKIP: {skipped} scenarios did not run", flush=True)
    print(f"{checks} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    sys.exit(main())
