"""One table of requests (cases.py), and what a real kube-apiserver answers to them (expected.json): what clients could tell one
server from another by.

    python3 tests/conformance/suite.py --port PORT [--ca FILE --token TOKEN] [--record]

tests/integration/scenario_conformance.py holds minicluster to it, tests/kube/scenarios/conformance.py a kube-apiserver, so that
what is expected is what is. --record writes what is answered down as what is expected from then on; only a kube-apiserver should
be asked for that.

What differs from one run to the next is replaced by words: versions, uids, times, tokens. The keys of a Status, of a list, of a
Table and of a watch's event are compared in their order; those of an object are not, as no client looks at that.
"""

import argparse
import json
import pathlib
import re
import sys
import time

import cases
from client import Wire, encode

EXPECTED = pathlib.Path(__file__).with_name("expected.json")
HEADERS = ("Content-Type", "Warning", "Retry-After", "Cache-Control", "Transfer-Encoding")
# What is made anew in each cluster.
MADE = {"uid": "UID", "resourceVersion": "VERSION", "creationTimestamp": "TIME", "deletionTimestamp": "TIME", "time": "TIME",
        "lastTransitionTime": "TIME", "lastUpdateTime": "TIME", "continue": "TOKEN"}
ENVELOPES = re.compile(r"^(Status|Table|.*List|Scale|APIGroupDiscoveryList)$")
# What is told of the server itself, and of no request: which forms it can answer in, and how its tokens are made.
OWN = ((r"(Available representations|media types are accepted): .*", r"\1: THOSE"), (r"(continue key is not valid): .*", r"\1: WHY"))
TEXT = (*OWN, (r"^\d+s$", "AGE"), (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "UID"), (r"\b\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
        (r"(resource version: )\d+( \(\d+\))?", r"\1VERSION"), (r"(current: )\d+", r"\1VERSION"), (r"(precondition|record) \(\d+\)", r"\1 (VERSION)"), (r"generated-[a-z0-9]{5}\b", "generated-NAME"))


def masked(value, key=""):
    if isinstance(value, dict):
        if "columnDefinitions" in value:  # columns are described in words for people
            value = {**value, "columnDefinitions": [{**one, "description": ""} for one in value["columnDefinitions"] or []]}
        return {name: masked(inner, name) for name, inner in value.items() if name != "managedFields"}
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    if isinstance(value, str):
        if key in MADE and value not in ("", "0"):
            return MADE[key]
        for pattern, word in TEXT:
            value = re.sub(pattern, word, value)
    return value


def owners(item):
    """Who owns which field: of appliers only, as plain requests call themselves as they like."""
    entries = item.get("metadata", {}).get("managedFields") if isinstance(item.get("metadata"), dict) else None
    return {f"{entry['manager']} {entry.get('subresource', '')}".strip(): entry.get("fieldsV1")
            for entry in entries or [] if entry.get("operation") == "Apply"}


def described(value):
    """An object or an envelope, ready to be compared."""
    if not isinstance(value, dict):
        return masked(value)
    shown = masked(value)
    if ENVELOPES.match(value.get("kind", "")):
        shown = {"keys": list(value), **shown}
    if owned := owners(value):
        shown["owners"] = owned
    return shown


def parsed(data):
    """A body: JSON with the newline that ends it, or text."""
    try:
        value = json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")
    return {"ends": "\n" if data.endswith(b"\n") else "", "body": described(value)}


def shown(case, data):
    """What of an answer is looked at; all of it, where that is not there."""
    try:
        return masked(case["show"](json.loads(data)))
    except (KeyError, TypeError, AttributeError, ValueError):
        return parsed(data)


def event(line):
    value = json.loads(line)
    return {"keys": list(value), "type": value["type"], "object": described(value["object"])}


class Run:
    """The table, asked of one server, whose API stands at that prefix. What a case saves is there for the paths and bodies of later
    ones: `{name}`. data is the last answer, as it came."""

    def __init__(self, wire, prefix=""):
        self.wire, self.prefix = wire, prefix
        self.saved = {}
        self.data = b""

    def filled(self, text):
        return re.sub(r"\{(\w+)\}", lambda match: str(self.saved.get(match.group(1), match.group(0))), text)

    def _request(self, case):
        body = case.get("body")
        if body is not None and not isinstance(body, bytes):
            body = self.filled(encode(body).decode()).encode()
        headers = {"Accept": "application/json", **case.get("headers", {})}
        if body is not None:
            headers["Content-Type"] = case.get("type", cases.JSON)
        return self.prefix + self.filled(case["path"]), body, headers

    def _save(self, case, data):
        for name, path in case.get("save", {}).items():
            value = json.loads(data)
            for key in path.split("."):
                value = value[int(key)] if isinstance(value, list) else value.get(key, "")
            self.saved[name] = value

    def _watch(self, case, path, headers):
        code, given, lines = self.wire.follow(path, case["events"], headers)
        events = [event(line) for line in lines] if code == 200 else b"".join(lines).decode()
        if case.get("distinct"):
            events = [one for i, one in enumerate(events) if i == 0 or one != events[i - 1]]
        if code == 200 and not all(line.endswith(b"\n") for line in lines):
            events.append("a line that does not end")
        return {"code": code, "headers": self._headers(given), "events": events}

    @staticmethod
    def _headers(given):
        return {name: masked(", ".join(given.get_all(name))) for name in HEADERS if given.get(name)}

    def answer(self, case):
        path, body, headers = self._request(case)
        if "events" in case:
            return self._watch(case, path, headers)
        code, given, data = self.wire.ask(case["method"], path, body, headers)
        self.data = data
        self._save(case, data)
        answer = {"code": code, "headers": self._headers(given)}
        answer["headers"].pop("Transfer-Encoding", None)  # how long an answer is may be known before it is sent, or not
        answer["body"] = shown(case, data)
        return answer

    def await_served(self, case):
        """Until what earlier cases made is served, or is not any more."""
        deadline = time.monotonic() + 20
        path = self.prefix + (case.get("until") or case["until_gone"])
        while self.wire.exists(path) != ("until" in case):
            if time.monotonic() > deadline:
                raise AssertionError(f"{path}: {'not served' if 'until' in case else 'still there'}")
            time.sleep(0.05)

    def answers(self):
        """(name, answer) of each case, in the order of the table."""
        for case in cases.TABLE:
            if "until" in case or "until_gone" in case:
                self.await_served(case)
            else:
                yield case["name"], self.answer(case)


def differences(expected, given, path=""):
    """One line for each place in which they differ."""
    if isinstance(expected, dict) and isinstance(given, dict):
        for key in sorted(set(expected) | set(given)):
            if expected.get(key) != given.get(key):
                yield from differences(expected.get(key), given.get(key), f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(given, list) and len(expected) == len(given):
        for i, (one, other) in enumerate(zip(expected, given)):
            yield from differences(one, other, f"{path}[{i}]")
    elif expected != given:
        yield f"{path}: expected {json.dumps(expected)[:400]}, given {json.dumps(given)[:400]}"


def disagreements(expected, given):
    """The same for two answers: where not even the code is the same, no more is said of them."""
    if expected["code"] != given["code"]:
        return [f".code: expected {expected['code']}, given {given['code']}"]
    return list(differences(expected, given))


def unexpected(name, expected, given, known, faults):
    """What of that case's answers differs without being known to; it is added to the faults, as is what does not differ any more.
    The case is taken out of the known ones."""
    found = disagreements(expected, given)
    excused = known.pop(name, ())
    for place in excused:
        if not any(line.startswith(place) for line in found):
            faults.append(f"{name}: {place} does not differ any more")
    found = [line for line in found if not any(line.startswith(place) for place in excused)]
    faults += [f"{name}: {line}" for line in found]
    return found


def compare(wire, known=()):
    """(how many cases are as expected, what to say of the others). known: {case: what may differ there}, each of them a place
    as differences() names it; that it does not differ any more is a fault, too."""
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    known, passed, faults = dict(known), 0, []
    for name, answer in Run(wire).answers():
        if name not in expected:
            faults.append(f"{name}: nothing is expected of it")
            continue
        passed += not unexpected(name, expected.pop(name), json.loads(json.dumps(answer)), known, faults)
    faults += [f"{name}: expected, but not asked" for name in expected]
    faults += [f"{name}: known to differ, but not asked" for name in known]
    return passed, faults


def record(wire):
    answers = dict(Run(wire).answers())
    EXPECTED.write_text(json.dumps(answers, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    return len(answers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca")
    parser.add_argument("--token")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    wire = Wire(options.port, options.ca, options.token)
    if options.record:
        print(f"{record(wire)} recorded")
        return 0
    passed, faults = compare(wire)
    print("\n".join(faults))
    print(f"{passed} passed, {len(faults)} differences")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
