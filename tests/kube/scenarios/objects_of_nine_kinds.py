"""2,000 objects of eight kinds and a custom resource: created, changed, deleted; always equal at the informer.

The informer is there before the provider, and a custom resource that appears later is followed too.
"""

from mirror import CONFIGMAPS, PODS, SECRETS, Truth
from population import BUILT_IN, GADGETS, TEAMS, WIDGETS, all_objects, create_all, establish_crd, make, path_of
from process import Failed, wait

RESOURCES = [*BUILT_IN, WIDGETS]


def run(bench):
    cluster = bench.cluster("cluster1")
    bench.broker()
    asked = [*RESOURCES, GADGETS]
    informer, mirror = bench.informer(asked)
    api = cluster.wait_ready().api
    establish_crd(api, WIDGETS)
    for team in TEAMS:
        api.create_namespace(team)
    wait("every namespace has its service account", lambda: all(
        api.exists(f"/api/v1/namespaces/{team}/serviceaccounts/default") for team in TEAMS))
    provider = bench.provider(cluster, resources=asked)
    programs = [informer, provider]
    truth = Truth(api, RESOURCES)
    wait("the informer has synced", lambda: len(mirror.read().synced) >= len(RESOURCES), logs=programs,
         must_run=programs)

    objects = all_objects()
    create_all(api, objects)
    true = bench.wait_equal("created objects arrive", mirror, cluster, RESOURCES, programs, truth=truth)
    if len(true) < len(objects):
        raise Failed(f"only {len(true)} objects exist")
    bench.check(f"{len(true)} created objects of {len(RESOURCES)} kinds have the same bytes")

    _change(api, objects)
    bench.wait_equal("changed objects arrive", mirror, cluster, RESOURCES, programs, truth=truth)
    bench.check("changed objects have the same bytes")

    _delete(api, objects)
    bench.wait_equal("deletions arrive", mirror, cluster, RESOURCES, programs, truth=truth)
    bench.check("deleted and recreated objects are deleted and recreated")

    bench.expect_once_equal(cluster, RESOURCES, truth)
    bench.check("informer --once --expect 1 prints the same")

    establish_crd(api, GADGETS)
    create_all(api, [(GADGETS, None, make(GADGETS, None, f"gadget-{n}", n)) for n in range(10)])
    bench.wait_equal("a CRD that appears later is followed", mirror, cluster, asked, programs, timeout_s=90)
    bench.check("a custom resource that appears later is followed")


def _change(api, objects):
    """Half of all get another label; pods become ready; one object grows to 900 KB and shrinks again, one to
    2 MB, about as much as an API server stores."""
    def change(numbered):
        number, entry = numbered
        api.patch(path_of(entry), {"metadata": {"labels": {"changed": str(number)}}})
        if entry[0] is PODS:
            api.patch(path_of(entry) + "/status", {"status": {"phase": "Running", "podIP": "10.1.2.3"}})

    api.every(change, [(number, entry) for number, entry in enumerate(objects) if number % 2])
    large = path_of(next(entry for entry in objects if entry[0] is CONFIGMAPS))
    for text in ("x" * 900_000, "small", "\u20ac" * 300_000):
        api.patch(large, {"data": {"text": text}})
    larger = path_of(next(entry for entry in objects if entry[0] is WIDGETS))
    api.patch(larger, {"spec": {"text": "\u20ac" * 490_000 + "<" * 90_000}})


def _delete(api, objects):
    """A quarter goes; a tenth of the configmaps and secrets comes back at once under the same name."""
    api.every(lambda entry: api.delete(path_of(entry)), objects[::4])
    again = [entry for entry in objects[1::4] if entry[0] in (CONFIGMAPS, SECRETS)][::10]

    def recreate(entry):
        api.delete(path_of(entry))
        api.post(entry[0].path(entry[1]), entry[2])

    api.every(recreate, again)
