"""The text format of Prometheus (version 0.0.4), read as strictly as it is described: what a lenient reader would forgive is
an error here."""

import re

METRIC = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
HELP = re.compile(rf"# HELP ({METRIC}) ((?:[^\\\n]|\\[\\n])+)")
TYPE = re.compile(rf"# TYPE ({METRIC}) (counter|gauge)")
SAMPLE = re.compile(rf"({METRIC})(?:\{{(.+)\}})? (-?[0-9]+(?:\.[0-9]+)?)")
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class Malformed(Exception):
    pass


def _match(pattern, line):
    match = pattern.fullmatch(line)
    if not match:
        raise Malformed(line)
    return match.groups()


def _labels(text):
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        if not match or match.group(1) in labels or match.group(3) and match.end() == len(text):
            raise Malformed(text)
        labels[match.group(1)] = re.sub(r"\\.", lambda escape: UNESCAPED[escape.group()], match.group(2))
        at = match.end()
    return frozenset(labels.items())


class Exposition:
    """types: of each metric; samples: {(metric, its labels): value}."""

    def __init__(self, text):
        self.types, self.samples = {}, {}
        if not text.endswith("\n"):
            raise Malformed("no newline at the end")
        lines = iter(text[:-1].split("\n"))
        name = None
        for line in lines:
            if line.startswith("#"):
                name = self._begin(line, next(lines, ""))
            else:
                self._sample(name, line)

    def _begin(self, help_line, type_line):
        name, _ = _match(HELP, help_line)
        described, kind = _match(TYPE, type_line)
        if described != name or name in self.types:
            raise Malformed(f"{type_line}: not what HELP is of, or there twice")
        self.types[name] = kind
        return name

    def _sample(self, name, line):
        sampled, labels, value = _match(SAMPLE, line)
        key = sampled, _labels(labels or "")
        if sampled != name or key in self.samples:
            raise Malformed(f"{line}: not among its own, or there twice")
        if self.types[name] == "counter" and float(value) < 0:
            raise Malformed(f"{line}: a counter below 0")
        self.samples[key] = float(value)

    def value(self, name, **labels):
        """Of the one sample that has these labels and no other."""
        return self.samples.get((name, frozenset(labels.items())))

    def total(self, name, **labels):
        """Of all samples that have these labels, among others."""
        return sum(value for (sampled, found), value in self.samples.items()
                   if sampled == name and frozenset(labels.items()) <= found)
