#!/usr/bin/env python3
"""Writes the test vectors of the protocol (docs/protocol.md), independently of the codec in transport/.

    tests/vectors/generate.py            write them
    tests/vectors/generate.py --check    exit 1 where a file is not what would be written

Headers, items, parts and zstd frames are put together here by hand; XXH3 comes from libxxhash. Objects and numbers are
chosen, not random, so that a vector changes only when the protocol does.
"""
import ctypes
import json
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent


# ---- XXH3 ----

class Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def load_xxhash():
    try:
        library = ctypes.CDLL("libxxhash.so.0")
    except OSError:
        return None
    library.XXH3_64bits_withSeed.restype = ctypes.c_uint64
    library.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
    library.XXH3_128bits.restype = Hash128
    library.XXH3_128bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return library


XXHASH = load_xxhash()


def key_hash(data):
    return XXHASH.XXH3_64bits_withSeed(data, len(data), 0)


def digest(key, uid, text):
    data = b"\0".join([key.encode(), uid.encode(), text.encode()])
    value = XXHASH.XXH3_128bits(data, len(data))
    return value.high << 64 | value.low


# ---- the header ----

ID, NUMBER, DIGEST = "id", "number", "digest"
KINDS = {
    "presence": (1, [("boot", ID)]),
    "catalog": (2, [("boot", ID), ("revision", NUMBER)]),
    "heartbeat": (3, [("boot", ID), ("catalog", ID), ("revision", NUMBER)]),
    "delta": (4, [("epoch", ID), ("from", NUMBER), ("items", NUMBER), ("root", DIGEST)]),
    "end": (5, [("epoch", ID), ("nonce", ID), ("from", NUMBER), ("reason", NUMBER)]),
    "equal": (6, [("nonce", ID), ("epoch", ID), ("to", NUMBER), ("root", DIGEST), ("count", NUMBER)]),
    "chunk": (7, [("nonce", ID), ("epoch", ID), ("index", NUMBER), ("to", NUMBER), ("first", ID), ("last", ID),
                  ("root", DIGEST), ("count", NUMBER)]),
    "sync": (8, [("nonce", ID), ("epoch", ID), ("to", NUMBER), ("root", DIGEST), ("count", NUMBER),
                 ("credit", NUMBER)]),
    "credit": (9, [("nonce", ID), ("credit", NUMBER)]),
    "whois": (10, []),
    "digests": (11, [("nonce", ID), ("epoch", ID), ("index", NUMBER), ("to", NUMBER), ("first", ID), ("last", ID),
                     ("bits", NUMBER), ("root", DIGEST), ("count", NUMBER)]),
    "have": (12, [("nonce", ID), ("index", NUMBER)]),
    "repair": (13, [("nonce", ID), ("epoch", ID), ("index", NUMBER), ("to", NUMBER), ("root", DIGEST),
                    ("count", NUMBER)]),
    "want": (14, [("lease", NUMBER)]),
}
VERSION = 1


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def little(value, kind):
    return varint(value) if kind == NUMBER else value.to_bytes(16 if kind == DIGEST else 8, "little")


def binary_spans(kind, fields, body=b"", flags=0, version=VERSION, key_id=0, number=None):
    """The message as (bytes, what they are), one for each field."""
    code, table = KINDS.get(kind, (number, []))
    prefix = struct.pack("<BBBBB", ord("T"), version, code if number is None else number, flags, key_id)
    spans = [(little(fields[name], type_), name) for name, type_ in table]
    rest = b"".join(data for data, _ in spans) + body
    check = XXHASH.XXH3_64bits_withSeed(rest, len(rest), int.from_bytes(prefix, "little")) & 0xFFFFFFFF
    head = [(prefix[0:1], "'T'"), (prefix[1:2], "version"), (prefix[2:3], "kind: " + kind), (prefix[3:4], "flags"),
            (prefix[4:5], "key id"), (struct.pack("<I", check), "check")]
    return head + spans + ([(body, "body")] if body else [])


def joined(spans):
    return b"".join(data for data, _ in spans)


def checked(payload):
    """Any bytes with the check put right."""
    seed = int.from_bytes(payload[:5], "little")
    check = XXHASH.XXH3_64bits_withSeed(payload[9:], len(payload) - 9, seed) & 0xFFFFFFFF
    return payload[:5] + struct.pack("<I", check) + payload[9:]


def plain(kind, fields, body="", final=False, whole=False):
    header = {"ti": VERSION, "kind": kind}
    for name, type_ in KINDS[kind][1]:
        value = fields[name]
        header[name] = value if type_ == NUMBER else "%0*x" % (32 if type_ == DIGEST else 16, value)
    if final:
        header["final"] = True
    if whole:
        header["whole"] = True
    return json.dumps(header, separators=(",", ":")) + "\n" + body


# ---- items ----

class Item:
    def __init__(self, type_, namespace, name, uid, text=None):
        self.type, self.namespace, self.name, self.uid, self.text = type_, namespace, name, uid, text
        self.key = namespace + "/" + name if namespace else name

    def binary(self):
        code = bytes([["ADDED", "MODIFIED", "DELETED"].index(self.type)])
        if self.type != "DELETED":
            return code + varint(len(self.text.encode())) + self.text.encode()
        return code + varint(len(self.key)) + self.key.encode() + varint(len(self.uid)) + self.uid.encode()

    def plain(self):
        text = self.text
        if self.type == "DELETED":
            metadata = {"name": self.name}
            if self.namespace:
                metadata["namespace"] = self.namespace
            if self.uid:
                metadata["uid"] = self.uid
            text = json.dumps({"metadata": metadata}, separators=(",", ":"))
        return '{"type":"%s","object":%s}\n' % (self.type, text)

    def line(self):
        rest = self.key + " " + self.uid if self.type == "DELETED" else self.text
        return "item: " + self.type + " " + rest

    def digest(self):
        return digest(self.key, self.uid, self.text)


def config_map(type_, name, uid, version, value):
    text = ('{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"%s","namespace":"default","uid":"%s",'
            '"resourceVersion":"%s"},"data":{"value":"%s"}}' % (name, uid, version, value))
    return Item(type_, "default", name, uid, text)


# ---- zstd frames, by hand (RFC 8878) ----

def block(kind, size, data, last):
    return ((size << 3 | kind << 1 | last).to_bytes(3, "little")) + data


def frame(blocks, size):
    """One segment, content size in four bytes. A block is bytes, or (byte, count) for a run."""
    out = struct.pack("<IBI", 0xFD2FB528, 0xA0, size)
    for i, data in enumerate(blocks):
        last = i == len(blocks) - 1
        out += block(1, data[1], data[0], last) if isinstance(data, tuple) else block(0, len(data), data, last)
    return out


MATCH_CODES = [(length, 0) for length in range(3, 35)] + [(35, 1), (37, 1), (39, 1), (41, 1), (43, 2), (47, 2), (51, 3), (59, 3),
                                                          (67, 4), (83, 4), (99, 5), (131, 7), (259, 8), (515, 9)]


def match_block(offset, length, literals):
    """One sequence: a match and no literals in front of it; the literals behind it. Each code of its own kind (RLE), so that the
    stream holds nothing but extra bits: those of offset and match, and a 1 on top."""
    offset_code = (offset + 3).bit_length() - 1
    code = max(i for i, (least, _) in enumerate(MATCH_CODES) if least <= length)
    least, bits = MATCH_CODES[code]
    stream = (1 << offset_code | offset + 3 - (1 << offset_code)) << bits | length - least
    head = struct.pack("<H", len(literals) << 4 | 1 << 2)
    return head + literals + bytes([1, 0x54, 0, offset_code, code]) + stream.to_bytes((stream.bit_length() + 7) // 8, "little")


def match_frame(offset, length, literals):
    data = match_block(offset, length, literals)
    return struct.pack("<IBI", 0xFD2FB528, 0xA0, length + len(literals)) + block(2, len(data), data, True)


# ---- files ----

FILES = {}


def hex_lines(spans):
    lines = []
    for data, what in spans:
        comment = "  # " + what
        for at in range(0, len(data), 32):
            run = data[at:at + 32]
            lines.append(run.hex(" ") + comment)
            comment = ""
    return "\n".join(lines) + "\n"


def vector(name, about, lines, payload):
    """payload: spans or bytes for the binary form, a text for the plain one."""
    assert name not in FILES
    head = "# " + about + "\n" + "".join(line + "\n" for line in lines)
    if isinstance(payload, str):
        FILES[name] = head + "payload:\n" + payload
    else:
        spans = payload if isinstance(payload, list) else [(payload, "payload")]
        FILES[name] = head + "payload-hex:\n" + hex_lines(spans)


def expected(kind, fields, body, items, final, whole=False):
    lines = ["expect: ok", "kind: " + kind]
    for name, type_ in KINDS[kind][1]:
        value = fields[name]
        lines.append("%s: %s" % (name, value if type_ == NUMBER else "%0*x" % (32 if type_ == DIGEST else 16, value)))
    if final:
        lines.append("final: true")
    if whole:
        lines.append("whole: true")
    if items is not None:
        lines += [item.line() for item in items]
    elif body:
        lines.append("body: " + body)
    return lines


def good(name, about, kind, fields, body="", items=None, final=False, whole=False):
    lines = expected(kind, fields, body, items, final, whole)
    raw = body.encode() if items is None else b"".join(item.binary() for item in items)
    text = body if items is None else "".join(item.plain() for item in items)
    packs = ["encode: no"] if len(raw) >= COMPRESS_MIN else []
    vector(name + ".zstd", about, lines + packs, binary_spans(kind, fields, raw, 2 * final + 4 * whole))
    vector(name + ".plain", about, lines, plain(kind, fields, text, final, whole))


def good_binary(name, about, kind, fields, body, final=False):
    lines = expected(kind, fields, "", None, final) + ["body-hex: " + body.hex()]
    vector(name + ".zstd", about, lines, binary_spans(kind, fields, body, 2 * final))


def bad(name, about, outcome, payload, limit=None):
    lines = ["expect: " + outcome] + (["limit: %d" % limit] if limit else [])
    vector("bad-" + name, about, lines, payload)


BOOT = 0x0123456789ABCDEF
EPOCH = 0x1032547698BADCFE
NONCE = 0x00000000DEADBEEF
ONE = config_map("ADDED", "one", "8f9a0e6c-0000-4000-8000-000000000001", "101", "1")
TWO = config_map("ADDED", "two", "8f9a0e6c-0000-4000-8000-000000000002", "102", "2")
MASK = (1 << 128) - 1
COMPRESS_MIN = 256  # what the encoder would compress, and we do not


def write_kinds():
    presence = '{"alive":true,"cluster":"3c3f9be1-0000-4000-8000-000000000000","version":"v1.36.1","heartbeatMs":15000}'
    catalog = ('{"complete":true,"streams":[{"group":"","version":"v1","resource":"configmaps","kind":"ConfigMap",'
               '"namespaced":true,"epoch":"%016x"}]}')
    followed, wanted = catalog % EPOCH, catalog % 0
    good("presence", "Here I am: retained.", "presence", {"boot": BOOT}, presence)
    good("presence-will", "The last will.", "presence", {"boot": BOOT},
         '{"alive":false,"cluster":"","version":"","heartbeatMs":0}')
    good("catalog", "One stream.", "catalog", {"boot": BOOT, "revision": 2}, followed)
    good("catalog-unwanted", "One stream that may be had, and that nobody wants.", "catalog",
         {"boot": BOOT, "revision": 1}, wanted)
    good("catalog-names", "What people call the resource.", "catalog", {"boot": BOOT, "revision": 3},
         followed.replace("}]}", ',"singular":"configmap","shortNames":["cm"],"categories":["all","config"],"subresources":["scale","status"]}]}'))
    good("heartbeat", "It is at event 300, complete up to 1042, and was heard of 2 s ago; it is of interest for four minutes.",
         "heartbeat", {"boot": BOOT, "catalog": key_hash(followed.encode()), "revision": 2}, '[[300,2,0,240,"1042"]]')
    good("heartbeat-unwanted", "Nobody wants it, and it was never listed.", "heartbeat",
         {"boot": BOOT, "catalog": key_hash(wanted.encode()), "revision": 70000}, '[[0,-1,3,0,""]]')
    good("end", "The API has no such resource any more.", "end", {"epoch": EPOCH, "nonce": 0, "from": 301, "reason": 1})
    good("end-answer", "The same, as the answer to a sync; no longer shared.", "end",
         {"epoch": EPOCH, "nonce": NONCE, "from": 301, "reason": 2})
    good("equal", "You have what is published.", "equal",
         {"nonce": NONCE, "epoch": EPOCH, "to": 300, "root": ONE.digest(), "count": 1})
    sync = {"nonce": NONCE, "epoch": EPOCH, "to": 300, "root": ONE.digest(), "count": 1, "credit": 16}
    good("sync", "An informer has one object.", "sync", sync, "all/core/v1/configmaps")
    good("sync-first", "An informer has nothing.", "sync", dict.fromkeys(sync, 0) | {"nonce": NONCE, "credit": 16},
         "hub/apps/v1/deployments")
    good("sync-whole", "What was repaired did not add up: all of it, please.", "sync", sync, "all/core/v1/configmaps",
         whole=True)
    good("want", "Two streams, for five minutes.", "want", {"lease": 300}, "all/core/v1/configmaps all/apps/v1/deployments")
    good("want-no-longer", "No longer of interest.", "want", {"lease": 0}, "all/core/v1/configmaps")
    good("credit", "32 chunks in all.", "credit", {"nonce": NONCE, "credit": 32}, "all/core/v1/configmaps")
    good("whois", "Who is there?", "whois", {})


def write_items():
    modified = config_map("MODIFIED", "one", ONE.uid, "103", "\u00e4\u65e5\\n")
    gone = Item("DELETED", "default", "two", TWO.uid)
    scopeless = Item("DELETED", "", "node-1", "8f9a0e6c-0000-4000-8000-000000000003")
    delta = {"epoch": EPOCH, "from": 1, "items": 1, "root": ONE.digest()}
    good("delta", "One object was added to an empty stream.", "delta", delta, items=[ONE])
    good("delta-batch", "Three events: what is left is one object.", "delta",
         delta | {"from": 300, "items": 3, "root": modified.digest()}, items=[modified, gone, scopeless])
    good("delta-far", "The largest numbers.", "delta", delta | {"from": 1 << 53, "root": MASK}, items=[ONE])
    chunk = {"nonce": NONCE, "epoch": EPOCH, "index": 0, "to": 2, "first": 0, "last": 0x7FFFFFFFFFFFFFFF,
             "root": (ONE.digest() + TWO.digest()) & MASK, "count": 2}
    good("chunk", "The first of a snapshot of two objects.", "chunk", chunk, items=[ONE])
    good("chunk-last", "The last of a snapshot.", "chunk",
         chunk | {"index": 1, "to": 3, "first": 1 << 63, "last": (1 << 64) - 1}, items=[TWO], final=True)
    good("chunk-empty", "The only one of a stream without objects.", "chunk",
         chunk | {"to": 0, "last": (1 << 64) - 1, "root": 0, "count": 0}, items=[], final=True)
    long_one = config_map("ADDED", "long", ONE.uid, "104", "a" * 400)
    body = long_one.binary()
    at = body.index(b"aaaa")
    packed = frame([body[:at], (b"a", 400), body[at + 400:]], len(body))
    fields = delta | {"root": long_one.digest()}
    lines = expected("delta", fields, "", [long_one], False) + ["encode: no"]
    vector("delta-compressed.zstd", "A compressed body: raw, run, raw.", lines,
           binary_spans("delta", fields, packed, 1))
    write_bad_zstd(fields, body, packed)


class Patch(Item):
    """A MODIFIED item, told as a frame that the bytes of another one are in front of."""
    def __init__(self, base, text, packed):
        super().__init__("MODIFIED", base.namespace, base.name, base.uid, text)
        self.base, self.packed = base, packed

    def binary(self):
        base = self.base.digest() & 0xFFFFFFFF
        return (b"\x03" + struct.pack("<QI", key_hash(self.key.encode()), base) + varint(len(self.packed) - 4) +
                self.packed[4:])


def write_patches():
    new = config_map("MODIFIED", "one", ONE.uid, "103", "2")
    base, text = ONE.text.encode(), new.text.encode()
    same = next(i for i in range(len(base)) if base[i] != text[i])
    delta = {"epoch": EPOCH, "from": 301, "items": 1, "root": new.digest()}
    matching = match_frame(len(base), same, text[same:])

    def patch(name, about, packed, more=(), item=None):
        item = item or Patch(ONE, new.text, packed)
        lines = expected("delta", delta, "", [item], False) + ["base: " + ONE.text, "encode: no", *more]
        vector(name, about, lines, binary_spans("delta", delta, item.binary()))

    def refused(name, about, packed, outcome="malformed"):
        patch("bad-patch-" + name, about, packed, ["patch: " + outcome])

    patch("patch.zstd", "A patch: the front of the base, and what is new behind it.", matching)
    patch("patch-raw.zstd", "A patch that has nothing of its base.", frame([text], len(text)))
    other = Patch(TWO, new.text, matching)
    other.key, other.namespace, other.name = ONE.key, ONE.namespace, ONE.name
    other.base = TWO
    patch("bad-patch-base", "The digest of another object than that of this key hash.", matching, ["patch: base"], other)
    refused("cut", "The frame ends too early.", matching[:-1])
    refused("short", "It unpacks to less than the frame says.", frame([text[:-1]], len(text)))
    refused("long", "It unpacks to more than the frame says.", frame([text], len(text) - 1))
    refused("size-unknown", "The frame does not tell its content's size.",
            struct.pack("<IBB", 0xFD2FB528, 0, 0) + block(0, len(text), text, True))
    refused("bomb", "4 GiB of zeros, as the frame says.", frame([(b"\0", 1 << 17)], (1 << 32) - 1), "limit")
    refused("far", "A match from before the base.", match_frame(len(base) + 1, same, text[same:]))
    refused("dictionary", "The frame wants a dictionary.", struct.pack("<IBBI", 0xFD2FB528, 0xA1, 7, len(text)) +
            block(0, len(text), text, True))
    item_vector("patch-cut", "A patch that ends within its base.", b"\x03" + bytes(11))
    item_vector("patch-no-frame", "A patch that ends behind its base.", b"\x03" + bytes(12))
    item_vector("patch-length", "A patch longer than the body.", b"\x03" + bytes(12) + b"\x02a")


def write_repair():
    root = (ONE.digest() + TWO.digest()) & MASK
    bits = 4
    objects = sorted((ONE, TWO), key=lambda item: key_hash(item.key.encode()))
    buckets = [key_hash(item.key.encode()) >> (64 - bits) for item in objects]
    assert buckets[0] < buckets[1]
    sums = [0] * (1 << bits)
    for item, bucket in zip(objects, buckets):
        sums[bucket] = item.digest() & 0xFFFFFFFF
    answer = {"nonce": NONCE, "epoch": EPOCH, "index": 0, "to": 300, "root": root, "count": 2}
    good_binary("digests", "Two objects in sixteen buckets.", "digests",
                answer | {"first": 0, "last": (1 << 64) - 1, "bits": bits},
                b"".join(struct.pack("<I", value) for value in sums), final=True)
    good_binary("have", "An informer has the second of them, and something else in the bucket of the first.", "have",
                {"nonce": NONCE, "index": 0},
                b"all/core/v1/configmaps\n" + varint(buckets[0]) + varint(1) + bytes(4) +
                varint(buckets[1] - buckets[0] - 1) + varint(1) +
                struct.pack("<I", objects[1].digest() & 0xFFFFFFFF), final=True)
    good_binary("repair", "What it has in the first bucket goes, and the object comes; in the second it is right.",
                "repair", answer | {"index": 1, "to": 301},
                varint(2) + varint(buckets[0]) + varint(1) + b"\x00" +
                varint(buckets[1] - buckets[0] - 1) + varint(1) + b"\x01" + objects[0].binary(), final=True)


def write_bad_zstd(fields, body, packed):
    def with_body(data):
        return binary_spans("delta", fields, data, 1)
    bomb = frame([(b"a", 100000)], 100000)
    bad("zstd-bomb", "100,000 bytes in a few, where 4,096 are the limit.", "limit", with_body(bomb), 4096)
    bad("zstd-lie-short", "The frame says 10 bytes and has more.", "malformed",
        with_body(frame([(b"a", 100000)], 10)), 4096)
    bad("zstd-lie-long", "The frame says one byte more than it has.", "malformed",
        with_body(frame([body], len(body) + 1)))
    bad("zstd-no-frame", "Flagged as compressed, and is not.", "malformed", with_body(b"not a frame"))
    bad("zstd-cut", "The frame ends early.", "malformed", with_body(packed[:-20]))
    unsized = struct.pack("<IBB", 0xFD2FB528, 0x00, 0x58) + block(0, 5, b"aaaaa", 1)
    bad("zstd-size-unknown", "A frame that does not tell its content's size.", "malformed", with_body(unsized))


def write_bad_binary():
    credit = {"nonce": NONCE, "credit": 32}
    whole = joined(binary_spans("credit", credit))
    bad("short", "Not even a prefix.", "malformed", whole[:8])
    bad("magic", "Another first byte.", "malformed", b"U" + whole[1:])
    bad("version", "Another version.", "version", binary_spans("credit", credit, version=VERSION + 1))
    bad("check", "One bit of the check is wrong.", "check", whole[:5] + bytes([whole[5] ^ 1]) + whole[6:])
    bad("signed", "A key id, which nobody can have used yet.", "signed", binary_spans("credit", credit, key_id=1))
    bad("kind-zero", "Kind 0.", "malformed", binary_spans("unknown", {}, number=0))
    bad("kind-unknown", "Kind 15.", "malformed", binary_spans("unknown", {}, number=15))
    bad("flags", "A flag that is not defined.", "malformed", binary_spans("credit", credit, flags=8))
    head = whole[:17]
    bad("varint-padded", "32 in two bytes.", "malformed", checked(head + b"\xa0\x00"))
    bad("varint-endless", "A number without an end.", "malformed", checked(head + b"\x80" * 12))
    bad("varint-absurd", "2^53 + 1.", "malformed", checked(head + varint((1 << 53) + 1)))
    bad("varint-cut", "Ends within a number.", "malformed", checked(head + b"\x80"))
    bad("field-cut", "Ends within the nonce, with the right check.", "malformed", checked(whole[:12]))
    bad("field-missing", "Ends before the credit.", "malformed", checked(head))
    bad("body-limit", "An uncompressed body beyond the limit.", "limit",
        binary_spans("whois", {}, b"a" * 65), 64)


def item_vector(name, about, body):
    fields = {"epoch": EPOCH, "from": 1, "items": 1, "root": 0}
    lines = expected("delta", fields, "", [], False) + ["items-malformed: yes", "encode: no"]
    if isinstance(body, str):
        vector("bad-item-" + name, about, lines, plain("delta", fields, body))
    else:
        vector("bad-item-" + name, about, lines, binary_spans("delta", fields, body))


def write_bad_items():
    item_vector("type", "BOOKMARK is no item.", b"\x04\x02{}")
    item_vector("length", "Longer than the body.", b"\x00\x05{}")
    item_vector("length-by-one", "One byte longer than the body.", b"\x00\x03{}")
    item_vector("no-length", "Ends behind the type.", b"\x00")
    item_vector("padded-length", "A length with padding.", b"\x00\x82\x00{}")
    item_vector("no-uid", "A deletion without uid.", b"\x02\x01a")
    item_vector("plain-type", "BOOKMARK is no item.", '{"type":"BOOKMARK","object":{}}\n')
    item_vector("plain-cut", "The line does not end.", '{"type":"ADDED","object":{}}')
    item_vector("plain-object", "No object.", '{"type":"ADDED"}\n')
    item_vector("plain-text", "A string instead of an object.", '{"type":"ADDED","object":"x"}\n')
    item_vector("plain-json", "Not JSON.", '{"type":"ADDED","object":{}\n')


def write_bad_plain():
    def header(**fields):
        values = {"ti": VERSION, "kind": "credit", "nonce": "00000000deadbeef", "credit": 32} | fields
        return json.dumps({k: v for k, v in values.items() if v is not None}, separators=(",", ":")) + "\n"
    for name, about, fields in [
            ("no-version", "The version is missing.", {"ti": None}),
            ("version-text", "The version is a text.", {"ti": "1"}),
            ("no-kind", "The kind is missing.", {"kind": None}),
            ("kind-unknown", "No such kind.", {"kind": "patch"}),
            ("kind-number", "The kind is a number.", {"kind": 9}),
            ("no-nonce", "A field is missing.", {"nonce": None}),
            ("no-credit", "A number is missing.", {"credit": None}),
            ("number-text", "A text for a number.", {"credit": "32"}),
            ("number-negative", "A negative number.", {"credit": -1}),
            ("number-fraction", "No integer.", {"credit": 1.5}),
            ("number-absurd", "2^53 + 2.", {"credit": (1 << 53) + 2}),
            ("id-number", "A number for an id.", {"nonce": 5}),
            ("id-short", "15 digits.", {"nonce": "0000000deadbeef"}),
            ("id-long", "17 digits.", {"nonce": "000000000deadbeef"}),
            ("id-upper", "Capitals.", {"nonce": "00000000DEADBEEF"}),
            ("id-digit", "No hexadecimal digit.", {"nonce": "00000000deadbeeg"})]:
        bad("plain-" + name, about, "malformed", header(**fields))
    bad("plain-version", "Another version.", "version", header(ti=VERSION + 1))
    bad("plain-cut", "The header does not end.", "malformed", header()[:-1])
    bad("plain-json", "The header is no JSON.", "malformed", '{"ti":1,"kind"\n')
    bad("plain-long", "A header of more than 4,096 bytes.", "malformed", header(fill="a" * 4096))
    bad("plain-body-limit", "A body beyond the limit.", "limit", header() + "a" * 65, 64)
    bad("text", "Neither.", "malformed", "hello\n")


def part(number, whole_len, part_len, index, data):
    return struct.pack("<BBQIII", ord("P"), VERSION, number, whole_len, part_len, index) + data


def write_parts():
    """Payloads in parts; a run is written XX*N."""
    def parts(name, about, outcome, headers):
        FILES[name] = "# " + about + "\nexpect: " + outcome + "\n"
        for header, run, length in headers:
            FILES[name] += "part-hex:\n" + header.hex(" ") + "\n" + ("%02x*%d\n" % (run, length))
    first, second = part(7, 2500, 1024, 0, b""), part(7, 2500, 1024, 1, b"")
    third = part(7, 2500, 1024, 2, b"")
    parts("parts", "Three parts; the whole is 1,024 a, 1,024 b and 452 c.", "ok",
          [(first, 0x61, 1024), (second, 0x62, 1024), (third, 0x63, 452)])
    parts("parts-mixed", "In another order, one of them twice.", "ok",
          [(third, 0x63, 452), (first, 0x61, 1024), (first, 0x61, 1024), (second, 0x62, 1024)])
    parts("parts-missing", "One is lost.", "more", [(first, 0x61, 1024), (third, 0x63, 452)])
    parts("bad-parts-version", "Another version.", "malformed", [(b"P\x02" + first[2:], 0x61, 1024)])
    parts("bad-parts-short", "Fewer bytes than it says.", "malformed", [(first, 0x61, 1023)])
    parts("bad-parts-long", "The last part has more bytes than are left.", "malformed", [(third, 0x63, 453)])
    parts("bad-parts-index", "An index behind the end.", "malformed", [(part(7, 2500, 1024, 3, b""), 0x61, 1024)])
    parts("bad-parts-small", "Parts of less than 1,024 bytes.", "malformed", [(part(7, 2500, 1023, 0, b""), 0x61, 1023)])
    parts("bad-parts-one", "A whole that fits into one part.", "malformed", [(part(7, 1024, 1024, 0, b""), 0x61, 1024)])
    parts("bad-parts-limit", "More than the limit.", "limit", [(part(7, 70000, 1024, 0, b""), 0x61, 1024)])
    parts("bad-parts-odds", "The same id, another length.", "malformed",
          [(first, 0x61, 1024), (part(7, 2600, 1024, 1, b""), 0x62, 1024)])


def write_digests():
    node = Item("ADDED", "", "node-1", "", '{"kind":"Node","apiVersion":"v1","metadata":{"name":"node-1"}}')
    for name, item in (("digest-namespaced", ONE), ("digest-cluster-scope", node)):
        FILES[name] = ("# What stands for an object.\nobject: %s\nkey: %s\nuid: %s\nkey-hash: %016x\ndigest: %032x\n"
                       % (item.text, item.key, item.uid, key_hash(item.key.encode()), item.digest()))


def main():
    if not XXHASH:
        print("libxxhash.so.0 is not there: nothing done", file=sys.stderr)
        return 77
    for write in (write_kinds, write_items, write_patches, write_repair, write_bad_binary, write_bad_items, write_bad_plain, write_parts,
                  write_digests):
        write()
    wrong = []
    have = {path.name for path in HERE.glob("*.vec")}
    for name, text in FILES.items():
        path = HERE / (name + ".vec")
        if "--check" not in sys.argv:
            path.write_bytes(text.encode())
        elif path.name not in have or path.read_bytes() != text.encode():
            wrong.append(path.name)
    wrong += sorted(have - {name + ".vec" for name in FILES})
    if wrong:
        print("not as generate.py has them: " + " ".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
