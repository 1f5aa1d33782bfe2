"""Three clusters at once, by the README's command lines: default resources, kubeconfig from the environment.

Objects of the same name in all three are three objects. One provider is there before the informer, two come after; one
goes and returns.
"""

import json

from mirror import CONFIGMAPS, DEPLOYMENTS, SECRETS, Truth, compare
from population import make
from process import Failed, wait

RESOURCES = [CONFIGMAPS, DEPLOYMENTS]


def run(bench):
    clusters = [bench.cluster(f"cluster{number}") for number in (1, 2, 3)]
    bench.broker()
    for cluster in clusters:
        api = cluster.wait_ready().api
        for number in range(50):
            body = make(CONFIGMAPS, "default", f"same-{number}", number)
            api.post(CONFIGMAPS.path("default"), {**body, "data": {"cluster": cluster.name}})
            api.post(SECRETS.path("default"), make(SECRETS, "default", f"same-{number}", number))
        api.post(DEPLOYMENTS.path("default"), make(DEPLOYMENTS, "default", "same"))

    def provider(cluster):
        return bench.program("provider", "--cluster", cluster.name, env={"KUBECONFIG": cluster.kubeconfig})

    providers = [provider(clusters[0])]
    output = bench.directory / "informer.out"
    output.touch()
    informer = bench.program("informer", "-o", "json", stdout=output)
    providers += [provider(cluster) for cluster in clusters[1:]]
    programs = [informer, *providers]
    truths = {cluster.name: Truth(cluster.api, RESOURCES) for cluster in clusters}

    def equal():
        mirrored = _read(output)
        for cluster in clusters:
            here = {key[1:]: text for key, text in mirrored.items() if key[0] == cluster.name}
            compare(here, truths[cluster.name].read())
        return True

    wait("all three are mirrored", equal, must_run=programs)
    bench.check("three clusters at once, either side started first")

    if b'"resource":"secrets"' in output.read_bytes():
        raise Failed("secrets are mirrored though nobody named them")
    bench.check("secrets are not mirrored unless named")

    providers[1].kill()
    clusters[1].api.delete(CONFIGMAPS.path("default", "same-0"))
    clusters[1].api.post(CONFIGMAPS.path("default"), make(CONFIGMAPS, "default", "while-away"))
    programs[2] = provider(clusters[1])
    wait("the cluster that returned is equal", equal, must_run=programs)
    bench.check("a cluster whose provider died and returned is equal, without restart of the informer")

    once = bench.program("informer", "--once", "--expect", "3", "--timeout", "60s",
                         stdout=bench.directory / "table.out")
    wait("informer --once ends", lambda: not once.running(), 70, logs=[once])
    table = (bench.directory / "table.out").read_text()
    if once.stop() or "CLUSTER" not in table:
        raise Failed(f"informer --once --expect 3 exits with {once.child.returncode}:\n{table[:500]}\n{once.tail()}")
    for cluster in clusters:
        if not any(cluster.name in line and "same-7" in line for line in table.splitlines()):
            raise Failed(f"no line with {cluster.name} and same-7 in\n{table[:1000]}")
    bench.check("informer --once --expect 3 prints all three with a CLUSTER column")


def _read(path):
    """{(cluster, resource, namespace, name): text} of RESOURCES, from all lines so far."""
    state = {}
    for line in path.read_text().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        resource = next((r for r in RESOURCES if (r.group, r.version, r.plural) == (
            event.get("group"), event.get("version"), event.get("resource"))), None)
        if not resource or event["type"] in ("SYNCED", "STALE"):
            continue
        metadata = event["object"]["metadata"]
        key = (event["cluster"], resource, metadata["namespace"], metadata["name"])
        if event["type"] == "DELETED":
            state.pop(key, None)
        else:
            state[key] = json.dumps(event["object"])
    return state
