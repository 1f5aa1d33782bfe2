#!/usr/bin/env python3
"""Writes inputs for the fuzz targets that read messages: envelope, informer, publisher.

    tests/fuzz/seeds.py FOLDER      into FOLDER/<target>/

They are put together by tests/vectors/generate.py, which knows the protocol, so that they are of the version that is spoken.
Sessions lead to where only messages in the right order lead: through a repair and behind it. Nonces, and checks behind
them, are put right by the targets.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "vectors"))
import generate  # noqa: E402

FINAL, WHOLE = 2, 4
LAST = (1 << 64) - 1
MASK = (1 << 128) - 1


def message(kind, fields, body=b"", flags=0):
    table = dict.fromkeys([name for name, _ in generate.KINDS[kind][1]], 0)
    return generate.joined(generate.binary_spans(kind, table | fields, body, flags))


def objects_root(objects):
    return sum(item.digest() for item in objects) & MASK


# ---- single payloads ----

def vector_payload(text):
    """Of a vector that is a message; None where it is anything else."""
    if "\npayload:\n" in text:
        return text.split("\npayload:\n", 1)[1].encode()
    if "\npayload-hex:\n" not in text:
        return None
    lines = text.split("\npayload-hex:\n", 1)[1].splitlines()
    return bytes.fromhex(" ".join(line.split("#")[0] for line in lines))


def envelope():
    """The first byte: 1 has the check put right; 2 is parts, each a topic, a length, and zeros behind it."""
    for path in generate.HERE.glob("*.vec"):
        payload = vector_payload(path.read_text())
        if payload:
            yield path.stem, b"\1" + payload
    parts = b""
    for index, length in ((0, 1024), (1, 1024), (2, 452)):
        head = generate.part(7, 2500, 1024, index, b"")
        parts += bytes([0, len(head), length & 255, length >> 8]) + head
    yield "parts", b"\2" + parts


# ---- an informer ----

CHECK, NONCE, SECOND, SILENCE = 8, 16, 32, 128
PRESENCE, CATALOG, STREAM, ANSWERS = 0, 1, 3, 4
BITS = 4


def step(topic, payload, what=CHECK):
    return bytes([topic | what]) + len(payload).to_bytes(2, "little") + payload


def thing(name, more=""):
    text = '{"metadata":{"name":"%s","namespace":"n","uid":"u"}%s}' % (name, more)
    return generate.Item("ADDED", "n", name, "u", text)


A, A2, B, C = thing("a"), thing("a", ',"data":1'), thing("b"), thing("c")


def presence():
    return step(PRESENCE, message("presence", {"boot": 1},
                                  b'{"alive":true,"cluster":"u","version":"","heartbeatMs":15000}'), CHECK | SILENCE)


def catalog(epoch):
    body = ('{"complete":true,"streams":[{"group":"","version":"v1","resource":"pods","kind":"Pod","namespaced":true,'
            '"epoch":"%016x"}]}' % epoch)
    return step(CATALOG, message("catalog", {"boot": 1}, body.encode()))


def answer(kind, objects, body=b"", flags=FINAL, **fields):
    told = {"epoch": 2, "to": 5, "root": objects_root(objects), "count": len(objects), "last": LAST}
    return step(ANSWERS, message(kind, told | fields, body, flags), CHECK | NONCE)


def bucket(item):
    return generate.key_hash(item.key.encode()) >> (64 - BITS)


def digests(objects, first=0, last=(1 << BITS) - 1, **fields):
    sums = [sum(item.digest() for item in objects if bucket(item) == n) & 0xFFFFFFFF for n in range(first, last + 1)]
    body = b"".join(value.to_bytes(4, "little") for value in sums)
    final = last == (1 << BITS) - 1
    return answer("digests", objects, body, FINAL * final, first=first << (64 - BITS),
                  last=((last + 1) << (64 - BITS)) - 1, bits=BITS, **fields)


def repair(differing, had, items, objects, **fields):
    """Of the buckets of the first; nothing of what was there is right."""
    numbers = sorted({bucket(item) for item in differing})
    body, behind = generate.varint(len(numbers)), 0
    for number in numbers:
        entries = sum(bucket(item) == number for item in had)
        body += generate.varint(number - behind) + generate.varint(entries) + b"\0" * ((entries + 7) // 8)
        behind = number + 1
    return answer("repair", objects, body + b"".join(item.binary() for item in items), **fields)


def delta(sequence, items, objects):
    fields = {"epoch": 2, "from": sequence, "items": len(items), "root": objects_root(objects)}
    return step(STREAM, message("delta", fields, b"".join(item.binary() for item in items)))


def patch(base, item):
    """What is told as: the front of the base, and what is new behind it."""
    old, new = base.text.encode(), item.text.encode()
    same = next(i for i in range(len(old)) if old[i] != new[i])
    return generate.Patch(base, item.text, generate.match_frame(len(old), same, new[same:]))


def informer():
    """The first byte: 2, a replica is live, of boot 1 and epoch 1, with the object A; 1, of one provider only."""
    begin = b"\2" + presence() + catalog(2)
    yield "repair", (begin + digests([A2, B]) + repair([A, B], [A], [A2, B], [A2, B], index=1) +
                     delta(6, [C], [A2, B, C]))
    yield "repair-equal-buckets", begin + digests([A]) + answer("repair", [A], b"\0", index=1)
    yield "repair-between-deltas", (begin + delta(5, [B], [A, B]) + digests([A, B], 0, 7) +
                                    delta(6, [patch(A, A2)], [A2, B]) + digests([A2, B], 8, 15, index=1, to=6) +
                                    repair([B], [], [B], [A2, B], index=2, to=6) + delta(7, [C], [A2, B, C]))
    yield "repair-wrong-then-whole", (begin + digests([A2, B]) + repair([A, B], [A], [A2], [A2, B], index=1) +
                                      step(PRESENCE, b"", SECOND) +
                                      answer("chunk", [A2, B], A2.binary() + B.binary(), to=6))
    yield "repair-patched", (begin + digests([A, B]) + repair([B], [], [B], [A, B], index=1) +
                             delta(6, [patch(A, A2)], [A2, B]))
    low, high = sorted([A2, B], key=bucket)
    middle = bucket(high) << (64 - BITS)
    yield "chunks", (begin + answer("chunk", [A2, B], low.binary(), 0, last=middle - 1) +
                     answer("chunk", [A2, B], high.binary(), index=1, first=middle))
    yield "equal", begin + answer("equal", [A]) + delta(6, [patch(A, A2), B], [A2, B])
    yield "from-nothing", (b"\0" + presence() + catalog(2) + answer("chunk", [A], A.binary()) +
                           delta(6, [patch(A, A2)], [A2]))
    gone = generate.Item("DELETED", "n", "a", "u")
    yield "deletion", begin + answer("equal", [A]) + delta(6, [gone], [])
    end = message("end", {"epoch": 2, "from": 6, "reason": 1})
    yield "end", begin + answer("equal", [A]) + step(STREAM, end)


# ---- a publisher ----

PUT_RIGHT, CHANGE, WAIT = 4, 8, 16
PATH = b"all/core/v1/pods"


def signal(kind, fields, body=PATH, flags=0, what=PUT_RIGHT | WAIT):
    payload = message(kind, fields, body, flags)
    assert len(payload) < 256
    return bytes([what, len(payload)]) + payload


def have(number, entries, index=0, flags=FINAL):
    body = b"".join(value.to_bytes(4, "little") for value in entries)
    return signal("have", {"nonce": 7, "index": index},
                  PATH + b"\n" + generate.varint(number) + generate.varint(len(entries)) + body, flags)


def publisher():
    """The first byte of a step: 4 has the check put right, 8 changes an object first, 16 lasts a second."""
    sync = {"nonce": 7, "count": 60, "credit": 16}
    nothing = signal("have", {"nonce": 7}, PATH + b"\n", FINAL)
    yield "snapshot", signal("sync", {"nonce": 7, "credit": 1}) + signal("credit", {"nonce": 7, "credit": 9})
    yield "whole", signal("sync", sync, flags=WHOLE)
    yield "repair", signal("sync", sync) + have(3, [1, 2, 3])
    yield "repair-of-nothing", signal("sync", sync) + nothing
    yield "repair-in-parts", (signal("sync", sync) + have(0, [], flags=0) + have(5, [9] * 20, index=1, flags=0) +
                              have(15, [4], index=2))
    yield "repair-on-credit", (signal("sync", sync | {"credit": 1}) + have(3, [1]) +
                               signal("credit", {"nonce": 7, "credit": 2}, what=PUT_RIGHT | CHANGE | WAIT))
    yield "repair-twice", signal("sync", sync) + signal("sync", sync | {"nonce": 7 << 32 | 8}) + have(3, [1])
    yield "whois", signal("whois", {}, b"")
    yield "want", signal("want", {"lease": 300}, PATH + b" hub/core/v1/pods") + signal("want", {"lease": 0})


def main():
    if not generate.XXHASH:
        print("libxxhash.so.0 is not there: nothing done", file=sys.stderr)
        return 1
    for target in (envelope, informer, publisher):
        folder = pathlib.Path(sys.argv[1]) / target.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in target():
            (folder / name).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
