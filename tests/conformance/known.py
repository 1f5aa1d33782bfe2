"""In what minicluster is known to differ from what is expected: reasons, each with cases and the places in their answers, as
suite.differences() names them. One that does not differ any more is a fault, so that this stays what is true."""

MESSAGE = (".body.body.message",)

REASONS = {
    "The words with which Go's own parsers refuse are not repeated; code and reason are the same.": {
        "create of nothing": MESSAGE, "create of a list": MESSAGE, "create of broken JSON": MESSAGE,
        "merge patch that is no object": MESSAGE, "merge patch of broken JSON": MESSAGE, "json patch that is no list": MESSAGE,
        "delete with options that are none": MESSAGE, "apply of broken YAML": MESSAGE, "create of another kind": MESSAGE,
        "apply of another kind": MESSAGE, "create a custom object without a kind": MESSAGE,
        "list by labelSelector=a+b": (".body.message",), "list by labelSelector=listed+in+n0": (".body.message",),
        "list by labelSelector=%3D": (".body.message",), "list by labelSelector=listed%3Da%20b!": (".body.message",),
        "list by labelSelector=listed+gt+1": (".body.message",), "watch with a selector that is none": MESSAGE,
    },
    "A version that is no number is the client's fault, 400, everywhere; a real server finds it its own, but in a list.": {
        "get at a bad version": (".code",), "replace with a bad version": (".code",), "watch with a bad version": (".code",),
    },
    "The token of a list in pages is the server's own.": {"list with a bad token": MESSAGE},
    "Only JSON is served, and that is what is said.": {
        "get in a type that nobody has": (".body.body.details", ".body.body.keys", ".body.body.message", ".body.ends"),
        "list as a table of another version": (".body.body.message", ".body.ends"),
    },
    "There are no schemas: fields that a kind does not have are kept, and nobody is warned of them.": {
        "create with fields of nobody's": (".body.body.extra", ".headers.Warning"), "create strictly": (".code",),
        "create with a warning": (".body.body.extra", ".headers.Warning"),
        "apply to it": (".body.body.owners.one.f:spec..",),
    },
    "The same cause twice is told once.": {"hold by one more": (".body.body.details.causes",)},
    "A patch of the uid is refused as a replacement with another one is.": {"merge patch of the uid": (".code",)},
    "Without controllers nobody would take finalizers of propagation away: they are not set then.": {
        "Foreground: afterwards": (".code",), "Foreground: the collector is done": (".code",),
        "Orphan: afterwards": (".code",), "Orphan: the collector is done": (".code",),
    },
    "Pods have a generation since 1.33, and 1.32 is what is said to be served.": {
        "a pod that ends at once": (".body.generation",), "delete a pod that no node has": (".body.generation",),
        "a pod": (".body.body.metadata.generation", ".body.body.spec.serviceAccountName"),
    },
    "A bookmark as a Table has no row.": {
        "watch with initial events as a table": (".events[1].object.metadata.annotations", ".events[1].object.rows"),
    },
    "A watch that times out ends with a bookmark, which a real server sends two seconds before.": {
        "watch with bookmarks that ends": (".events",),
    },
    "The way to watch that was deprecated in 1.11 is none.": {"watch by the old path": (".code",)},
    "Keys of a list are the same for all kinds.": {"list of no custom objects": (".body.body.keys", ".body.body.metadata.continue")},
    "A definition goes at once, with its objects.": {"undefine": (".body",)},
}

KNOWN = {case: places for cases in REASONS.values() for case, places in cases.items()}
