"""In what minicluster is known to differ from what is expected: reasons, each with cases and the places in their answers, as
suite.differences() names them. One that does not differ any more is a fault, so that this stays what is true."""

MESSAGE = (".body.body.message",)

REASONS = {
    "The words with which Go's own parsers refuse what is broken are not repeated; code and reason are the same.": {
        "create of broken JSON": MESSAGE, "merge patch of broken JSON": MESSAGE, "apply of broken YAML": MESSAGE,
        "create of another kind": MESSAGE, "apply of another kind": MESSAGE,
    },
    "Of a map without a schema the applier owns the members, and not the map itself.": {"apply to it": (".body.body.owners.one.f:spec..",)},
}

KNOWN = {case: places for cases in REASONS.values() for case, places in cases.items()}
