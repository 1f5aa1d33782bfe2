#!/usr/bin/env python3
"""A folder is a layer, and arrows go down only: checked by the #include lines.

Folders of one row never include each other. Includes of our own headers start at the root of the tree, name files that
exist, and reach a foo_internal.h only from its own folder. Tests may include everything.

Usage: layers.py [ROOT]      prints one line for each offence; exit code 1 where there is one
"""

import pathlib
import re
import sys

ROWS = [
    ["base"],
    ["kube", "transport", "store"],
    ["provider", "informer", "apiserver", "telemetry"],
    ["agent", "hub", "samples"],
]
ROW_OF = {folder: row for row, folders in enumerate(ROWS) for folder in folders}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]*)"')


def offence(root, source, target):
    """What is wrong with source (a path below root) including target (the text between the quotes), or None."""
    folder, target_folder = source.parts[0], target.split("/")[0]
    if "/" not in target or ".." in target.split("/") or not (root / target).is_file():
        return f'"{target}" is no file of the tree; includes start at its root'
    if folder == "tests":
        return None
    if target_folder == "tests":
        return f"{folder} includes {target}: only tests include tests"
    if target_folder not in ROW_OF:
        return f"{target}: folder {target_folder} is no layer; give it a row in tests/check/layers.py"
    if target_folder == folder:
        return None
    if target.endswith("_internal.h"):
        return f"{folder} includes {target}: that is shared inside {target_folder} only"
    if ROW_OF[target_folder] == ROW_OF[folder]:
        return f"{folder} includes {target}: {folder} and {target_folder} stand side by side"
    if ROW_OF[target_folder] > ROW_OF[folder]:
        return f"{folder} includes {target}: {target_folder} stands above {folder}"
    return None


def sources(root):
    for folder in sorted([*ROW_OF, "tests"]):
        for path in sorted((root / folder).rglob("*.[ch]")):
            yield path.relative_to(root)


def check(root):
    """All offences of a tree, as lines."""
    found = []
    for source in sources(root):
        for number, line in enumerate((root / source).read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            wrong = match and offence(root, source, match.group(1))
            if wrong:
                found.append(f"{source}:{number}: {wrong}")
    return found


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    found = check(root)
    for line in found:
        print(line)
    print(f"layers: {len(list(sources(root)))} files, {len(found)} offences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
