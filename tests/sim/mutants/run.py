#!/usr/bin/env python3
"""Breaks the safeguards of the protocol, one at a time, and sees to it that the simulation notices.

    tests/sim/mutants/run.py --build build              all of them
    tests/sim/mutants/run.py --build build gap-check    those named

A mutant is a file *.mutant beside this script: why it matters, then what is to be replaced in which file.

    # An informer that applies a delta whatever comes before it.
    file: informer/replica.c
    <<<<
    text as it stands there, exactly once
    ====
    what stands there instead
    >>>>

More than one replacement may follow. The files are changed in memory only, compiled with the flags of the build and linked in
front of its libraries; then seeds are run until one fails. A mutant that lives is a hole in the simulation; a mutant whose text
is not found any more has to be written again. Exit code 0 only where every mutant was caught.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SEEDS = 1000
BOUND_S = 120  # of one mutant: it may loop for ever


class Rotten(Exception):
    pass


class Mutant:
    def __init__(self, path):
        self.name = path.stem
        self.edits = []
        text = path.read_text()
        pattern = re.compile(r"^file: (\S+)\n<<<<\n(.*?\n)====\n(.*?)>>>>\n", re.S | re.M)
        for match in pattern.finditer(text):
            self.edits.append(match.groups())
        if not self.edits or pattern.sub("", text).strip().count("\n") > 8:
            raise Rotten("not in the form of a mutant")

    def sources(self):
        """The changed files, by name."""
        changed = {}
        for name, old, new in self.edits:
            text = changed.get(name) or (ROOT / name).read_text()
            if text.count(old) != 1:
                raise Rotten("%s has %d places like:\n%s" % (name, text.count(old), old))
            changed[name] = text.replace(old, new)
        return changed


class Build:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory).resolve()
        lines = subprocess.run(["ninja", "-C", str(self.directory), "-t", "commands", "bin/sim"], check=True,
                               capture_output=True, text=True).stdout.splitlines()
        # The simulation's own: a source may be compiled in other ways for others.
        compiled = [line for line in lines if " -c " in line]
        self.compile_ = {os.path.relpath(shlex.split(line.split(" -c ", 1)[1])[0], ROOT): line for line in compiled}
        self.link = shlex.split(lines[-1].replace(": && ", "", 1).replace(" && :", ""))

    def object_of(self, name, text, scratch):
        source = scratch / name.replace("/", "_")
        source.write_text(text)
        words = shlex.split(self.compile_[name])
        output = words.index("-o")
        kept = words[:output] + words[output + 2:]
        kept = [word for word in kept if not word.endswith(name)]
        target = str(source) + ".o"
        subprocess.run(kept + ["-w", "-iquote", str((ROOT / name).parent), str(source), "-o", target], check=True,
                       cwd=self.directory)
        return target

    def sim(self, objects, scratch):
        target = str(scratch / "sim")
        words = list(self.link)
        words[words.index("-o") + 1] = target
        first = next(i for i, word in enumerate(words) if word.endswith(".o"))
        mutated = {os.path.basename(o)[:-2] for o in objects}
        words = [w for w in words if not any(w.endswith(".o") and w.replace("/", "_")[:-2].endswith(m) for m in mutated)]
        subprocess.run(words[:first] + objects + words[first:], check=True, cwd=self.directory)
        return target


def hunt(sim, seeds, jobs=1):
    """The line that says which seed failed, and how; None where it lives, or none failed in time."""
    command = [sim, "--seeds", str(seeds), "--jobs", str(jobs), "--until-failure"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=BOUND_S)
    except subprocess.TimeoutExpired:
        return None
    for line in run.stdout.splitlines():
        if line.startswith("seed "):
            return line
    return None if run.returncode == 0 else "ended with %d" % run.returncode


def judge(path, build, seeds):
    """caught, lived or rotten; how long it took, and what there is to say."""
    start = time.monotonic()
    try:
        mutant = Mutant(path)
        with tempfile.TemporaryDirectory() as directory:
            scratch = pathlib.Path(directory)
            objects = [build.object_of(name, text, scratch) for name, text in mutant.sources().items()]
            line = hunt(build.sim(objects, scratch), seeds)
    except Rotten as why:
        return "ROTTEN", 0, str(why)
    outcome, what = ("caught", line) if line else ("LIVED", "%d seeds, or %d s, saw nothing" % (seeds, BOUND_S))
    return outcome, time.monotonic() - start, what


def main():
    parser = argparse.ArgumentParser(description="Runs the mutants of the simulation.")
    parser.add_argument("--build", default="build", help="the directory of a build of this tree")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many seeds a mutant may survive (%(default)s)")
    parser.add_argument("--sound", action="store_true", help="the simulation as it is has passed all these seeds already")
    parser.add_argument("names", nargs="*", help="mutants; all where none is named")
    options = parser.parse_args()
    build = Build(options.build)
    paths = sorted(HERE.glob("*.mutant"))
    if options.names:
        paths = [HERE / (name + ".mutant") for name in options.names]
    line = None if options.sound else hunt(str(build.directory / "bin/sim"), options.seeds, os.cpu_count())
    if line:
        sys.exit("the simulation fails as it is, which would pass for a mutant caught: " + line)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = pool.map(lambda path: judge(path, build, options.seeds), paths)
        for path, (outcome, seconds, what) in zip(paths, verdicts):
            bad += outcome != "caught"
            print("%-7s %-24s %5.1f s  %s" % (outcome, path.stem, seconds, what), flush=True)
    print("%d mutants, %d caught" % (len(paths), len(paths) - bad))
    return 1 if bad or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
