#!/usr/bin/env python3
"""The table of metrics in docs/metrics.md is that of the code: name, type and help of each METRIC_COUNTER and METRIC_GAUGE.
And names are as the field has them: lower case, base units, counters end in _total, and nothing else does. What the samples for
Prometheus name is there.

Usage: metrics.py [ROOT]             prints one line for each offence; exit code 1 where there is one
       metrics.py --write [ROOT]     writes the table anew
"""

import pathlib
import re
import sys

FOLDERS = ["base", "kube", "transport", "store", "provider", "informer", "apiserver", "agent", "hub", "samples"]
DOCUMENT = "docs/metrics.md"
SAMPLES = "samples/prometheus/*.yml"
BEGIN, END = "<!-- tests/check/metrics.py --write -->\n", "<!-- end -->\n"
METRIC = re.compile(r'METRIC_(COUNTER|GAUGE)\(\s*("[^"]*")\s*,((?:\s*"(?:[^"\\]|\\.)*")+)\s*\)')
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
UNIT = re.compile(r"_(ms|us|milliseconds|microseconds|minutes|kb|kib|mb|mib|percent)(_|$)")


def metrics(root):
    """(name, type, help, path) of all there are, by name."""
    found = []
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.c")):
            for kind, name, text in METRIC.findall(path.read_text(encoding="utf-8")):
                found.append((name.strip('"'), kind.lower(), re.sub(r"\\(.)", r"\1", "".join(TEXT.findall(text))), str(path.relative_to(root))))
    return sorted(found)


def table(found):
    rows = [f"| `{name}` | {kind} | {text} |\n" for name, kind, text, _ in found]
    return "".join([BEGIN, "| metric | type | what it is |\n", "|---|---|---|\n", *rows, END])


def name_offence(name, kind):
    if not re.fullmatch(r"(transport_informer|process)(_[a-z0-9]+)+", name):
        return "begins with transport_informer_, and is of lower-case words"
    if (kind == "counter") != name.endswith("_total"):
        return "ends in _total where it is a counter, and only there"
    if UNIT.search(name):
        return "has a base unit: seconds, bytes"
    return None


def offences(found, document):
    lines, names = [], [name for name, *_ in found]
    for name, kind, text, path in found:
        wrong = name_offence(name, kind)
        if wrong:
            lines.append(f"{path}: {name}: a name {wrong}")
        if not text.endswith("."):
            lines.append(f"{path}: {name}: its help is no sentence")
        if names.count(name) > 1:
            lines.append(f"{path}: {name}: there is another one")
    if table(found) not in document:
        lines.append(f"{DOCUMENT}: not what the code has: tests/check/metrics.py --write")
    return lines


def sample_offences(found, root):
    """What the samples for Prometheus name, and no program has."""
    known = {name for name, *_ in found}
    return [f"{path.relative_to(root)}: {name}: there is no such metric"
            for path in sorted(root.glob(SAMPLES))
            for name in sorted(set(re.findall(r"\b(?:transport_informer|process)_\w+", path.read_text(encoding="utf-8"))) - known)]


def write(path, found):
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    path.write_text(before + table(found) + rest.split(END)[1], encoding="utf-8")


def main():
    arguments = sys.argv[1:]
    writing = arguments[:1] == ["--write"]
    root = pathlib.Path((arguments[writing:] or ["."])[0])
    found = metrics(root)
    if writing:
        write(root / DOCUMENT, found)
    lines = offences(found, (root / DOCUMENT).read_text(encoding="utf-8")) + sample_offences(found, root)
    for line in lines:
        print(line)
    print(f"metrics: {len(found)}, {len(lines)} offences")
    return 1 if lines or not found else 0


if __name__ == "__main__":
    sys.exit(main())
