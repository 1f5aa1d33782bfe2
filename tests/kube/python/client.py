"""What the Python client does with a fleet: lists, pages, watches, built-in and custom, and how it is refused.

    client.py FLEET_KUBECONFIG SOURCE_KUBECONFIG GROUP

The fleet is followed, at its root and at its cluster1, while the source, which is that cluster, changes. A line `ok NAME` for each
thing that holds; the first that does not ends it with a traceback.
"""

import sys
import threading

from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException

NAMESPACE = "python"
CLUSTER = "cluster.transport-informer/name"


def connect(kubeconfig, path=""):
    """A client of the kubeconfig's server, or of a path there: TLS and token are the kubeconfig's."""
    configuration = client.Configuration()
    config.load_kube_config(kubeconfig, client_configuration=configuration)
    configuration.host += path
    return client.ApiClient(configuration)


def config_map(name, **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)


def follow(stream, enough):
    """Events until enough(events), on a thread of their own; the result is a function that waits for them."""
    events, failed = [], []

    def run():
        try:
            for event in stream:
                events.append(event)
                if enough(events):
                    return
        except Exception as error:  # told by whoever waits
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result():
        thread.join(60)
        if failed:
            raise failed[0]
        assert enough(events), f"after a minute there is only {[(e['type'], e['object']) for e in events]}"
        return events

    return result


def types(events, name):
    return [event["type"] for event in events if event["object"].metadata.name == name]


def wait_listed(fleet, names):
    """Until the fleet has them: what is there, then what comes."""
    seen = {item.metadata.name for item in fleet.list_namespaced_config_map(NAMESPACE).items}
    if names <= seen:
        return
    for event in watch.Watch().stream(fleet.list_namespaced_config_map, NAMESPACE, timeout_seconds=60):
        seen.add(event["object"].metadata.name)
        if names <= seen:
            return
    raise AssertionError(f"{names - seen} did not come")


def lists(root, cluster, source):
    names = {f"map-{i}" for i in range(9)}
    for name in names:
        source.create_namespaced_config_map(NAMESPACE, config_map(name, text="ä\n\"<>&"))
    wait_listed(cluster, names)
    theirs = {item.metadata.name: item.data for item in source.list_namespaced_config_map(NAMESPACE).items}
    assert {item.metadata.name: item.data for item in cluster.list_namespaced_config_map(NAMESPACE).items} == theirs
    both = {item.metadata.annotations[CLUSTER] for item in root.list_namespace().items}
    assert both == {"cluster1", "cluster2"}, both
    chosen = root.list_namespace(field_selector="cluster=cluster2").items
    assert {item.metadata.annotations[CLUSTER] for item in chosen} == {"cluster2"}
    page, pages = cluster.list_namespaced_config_map(NAMESPACE, limit=4), []
    while True:
        pages += [item.metadata.name for item in page.items]
        if not page.metadata._continue:
            break
        page = cluster.list_namespaced_config_map(NAMESPACE, limit=4, _continue=page.metadata._continue)
    assert sorted(pages) == sorted(theirs) and len(pages) > 8, pages
    assert cluster.read_namespaced_config_map("map-3", NAMESPACE).data == theirs["map-3"]
    print("ok lists, pages and single objects", flush=True)


def watches(root, cluster, source):
    version = cluster.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    wanted = ["ADDED", "MODIFIED", "DELETED"]

    def enough(events):
        return types(events, "changing") == wanted

    at_cluster = follow(watch.Watch().stream(cluster.list_namespaced_config_map, NAMESPACE, resource_version=version), enough)
    at_root = follow(watch.Watch().stream(root.list_config_map_for_all_namespaces, resource_version=version,
                                          allow_watch_bookmarks=True), enough)
    source.create_namespaced_config_map(NAMESPACE, config_map("changing", a="1"))
    wait_listed(cluster, {"changing"})  # what lasts shorter than a round through the broker may be seen as its outcome only
    source.patch_namespaced_config_map("changing", NAMESPACE, {"data": {"a": "2"}})
    for event in watch.Watch().stream(cluster.list_namespaced_config_map, NAMESPACE, timeout_seconds=60):
        if event["object"].metadata.name == "changing" and event["object"].data == {"a": "2"}:
            break
    source.delete_namespaced_config_map("changing", NAMESPACE)
    assert [event["object"].data for event in at_cluster() if event["object"].metadata.name == "changing"][:2] == [{"a": "1"}, {"a": "2"}]
    at_root()
    print("ok watches from a version, of a cluster and of the fleet", flush=True)
    try:
        for event in watch.Watch().stream(cluster.list_namespaced_config_map, NAMESPACE, resource_version="1"):
            raise AssertionError(f"{event} of what nobody remembers")
    except ApiException as error:
        assert error.status == 410, error
    print("ok a version that has expired", flush=True)


def custom(api, source, group):
    widgets = dynamic.DynamicClient(api).resources.get(api_version=f"{group}/v1", kind="Widget")
    theirs = dynamic.DynamicClient(source).resources.get(api_version=f"{group}/v1", kind="Widget")
    version = widgets.get(namespace=NAMESPACE).metadata.resourceVersion
    seen = follow(widgets.watch(namespace=NAMESPACE, resource_version=version), lambda events: types(events, "w") == ["ADDED"])
    theirs.create(namespace=NAMESPACE, body={"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"a": 1}})
    assert seen()[-1]["object"].spec.a == 1
    assert widgets.get(name="w", namespace=NAMESPACE).spec.a == 1
    print("ok custom resources, by discovery", flush=True)


def refused(cluster, call, status, reason):
    try:
        call(cluster)
    except ApiException as error:
        assert (error.status, reason in error.body) == (status, True), error
        return
    raise AssertionError(f"it was not refused with {status}")


def refusals(cluster, kubeconfig):
    refused(cluster, lambda api: api.read_namespaced_config_map("none", NAMESPACE), 404, "NotFound")
    refused(cluster, lambda api: api.create_namespaced_config_map(NAMESPACE, config_map("x")), 405, "only read here")
    stranger = connect(kubeconfig)
    stranger.configuration.api_key = {key: "Bearer wrong" for key in stranger.configuration.api_key}
    stranger.configuration.refresh_api_key_hook = None  # it would read the kubeconfig's again
    refused(client.CoreV1Api(stranger), lambda api: api.list_namespace(), 401, "Unauthorized")
    untrusting = connect(kubeconfig)
    settings = untrusting.configuration
    settings.ssl_ca_cert = None  # the system's authorities, which know nothing of the hub's
    try:
        client.CoreV1Api(client.ApiClient(settings)).list_namespace(_request_timeout=10)
        raise AssertionError("a certificate of nobody's was trusted")
    except Exception as error:
        assert "CERTIFICATE_VERIFY_FAILED" in repr(error), error
    print("ok refusals", flush=True)


def main():
    fleet_kubeconfig, source_kubeconfig, group = sys.argv[1:]
    source_api, cluster_api = connect(source_kubeconfig), connect(fleet_kubeconfig, "/clusters/cluster1")
    source, cluster = client.CoreV1Api(source_api), client.CoreV1Api(cluster_api)
    root = client.CoreV1Api(connect(fleet_kubeconfig))
    source.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
    lists(root, cluster, source)
    watches(root, cluster, source)
    custom(cluster_api, source_api, group)
    refusals(cluster, fleet_kubeconfig)


if __name__ == "__main__":
    main()
