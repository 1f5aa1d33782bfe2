#!/usr/bin/env python3
"""Functions: median at most 15 lines, nine of ten at most 40, none over 80. Files: at most 800 lines.

A function's size is the number of lines between its braces, which the formatting puts in the first column. Median and
share are those of the product; the bounds for each function and file hold for tests as well, but for their main(), which
is a list. A program's main.c is wiring: at most 400 lines, and it defines nothing that others could use.

Usage: sizes.py [ROOT]      prints one line for each offence; exit code 1 where there is one
"""

import pathlib
import re
import statistics
import sys

PRODUCT = ["base", "kube", "transport", "store", "provider", "informer", "apiserver", "telemetry", "agent", "hub", "samples"]
MEDIAN, MOST, ALL, FILE, MAIN_FILE = 15, 40, 80, 800, 400
NAME = re.compile(r"(\w+)\s*\(")
CLOSE = re.compile(r"^}\s*$")


def function_name(lines, brace):
    """The name before the parameters that end above line `brace`, or None where that is no function."""
    head = []
    for line in reversed(lines[:brace]):
        if not line.strip() or line[0] in "}#/" or line.rstrip().endswith((";", "*/")):
            break
        head.insert(0, line)
        if not line[0].isspace():
            break
    match = NAME.search(" ".join(head)) if head and head[-1].rstrip().endswith(")") else None
    return match and match.group(1)


def functions(text):
    """(name, line of its brace, lines between the braces, static) of each function of a file."""
    lines, found, at = text.splitlines(), [], 0
    while at < len(lines):
        name = function_name(lines, at) if lines[at].rstrip() == "{" else None
        end = next((n for n in range(at + 1, len(lines)) if CLOSE.match(lines[n])), None) if name else None
        if end:
            found.append((name, at + 1, end - at - 1, is_static(lines, at)))
            at = end
        at += 1
    return found


def is_static(lines, brace):
    head = next((line for line in reversed(lines[:brace]) if line.strip() and not line[0].isspace()), "")
    before = lines[brace - 2] if brace >= 2 else ""
    return head.startswith("static") or before.startswith("static")


def check_file(path, source, text, product):
    """Offences of one file; adds its functions' sizes to product where that is given."""
    found, lines = [], text.count("\n")
    bound = MAIN_FILE if source.name == "main.c" else FILE
    if lines > bound:
        found.append(f"{source}: {lines} lines; at most {bound}")
    for name, line, size, static in functions(text):
        if name == "main" and product is None:
            continue
        if size > ALL:
            found.append(f"{source}:{line}: {name}() has {size} lines; at most {ALL}")
        if product is not None and source.name == "main.c" and name != "main" and not static:
            found.append(f"{source}:{line}: {name}() is for others; a main.c is wiring only")
        if product is not None:
            product.append(size)
    return found


def check(root):
    """All offences of a tree, as lines, and the sizes of the product's functions."""
    found, product = [], []
    for folder in [*PRODUCT, "tests"]:
        for path in sorted((root / folder).rglob("*.[ch]")):
            text = path.read_text(encoding="utf-8")
            found += check_file(path, path.relative_to(root), text, None if folder == "tests" else product)
    if product and statistics.median(product) > MEDIAN:
        found.append(f"the median function has {statistics.median(product)} lines; at most {MEDIAN}")
    if sum(size <= MOST for size in product) < 0.9 * len(product):
        found.append(f"more than one of ten functions has over {MOST} lines")
    return found, product


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    found, product = check(root)
    for line in found:
        print(line)
    if product:
        share = 100 * sum(size <= MOST for size in product) / len(product)
        print(f"sizes: {len(product)} functions, median {statistics.median(product):g} lines, "
              f"{share:.1f}% at most {MOST}, longest {max(product)}; {len(found)} offences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
