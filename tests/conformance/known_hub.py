"""In what a hub at /clusters/NAME is known to differ from the cluster itself: as known.py."""

REASONS = {
    "Versions are the hub's own, and begin anew with another one: one from the future is an old one, so that clients begin anew, too.": {
        f"list at '999999999999999999', match '{match}', limit '{limit}'": (".code",)
        for match in ("Exact", "NotOlderThan") for limit in ("", "2")
    },
    "Who may only read has no Secrets, which rules cannot say but in this way.": {"what may I": (".body.status",)},
    "Nothing can be written, and discovery says so.": {"resources of a group": (".body.resources",), "resources of the core": (".body.resources",)},
}

KNOWN = {case: places for cases in REASONS.values() for case, places in cases.items()}
