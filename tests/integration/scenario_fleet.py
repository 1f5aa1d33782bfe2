#!/usr/bin/env python3
"""The fleet through kubectl: all clusters in one list, each by itself, what becomes of them as it happens; who may ask, and what
of what is not up to date."""

import json
import signal
import ssl
import subprocess
import unittest
import urllib.error
import urllib.request
import warnings

import fleet_hub
from faults import Stopped
from fleet import PLURALS, Cluster, bare, collection
from fleet_hub import KUBECTL


class Fleet(fleet_hub.FleetCase):
    def same(self, name, kind):
        """What the fleet serves of a cluster is what the cluster has, but for what it adds."""
        _, _, answer = self.get(f"/clusters/{name}{collection(PLURALS[kind])}")
        theirs = self.clusters[name].state(PLURALS[kind])
        ours = {}
        for item in answer["items"]:
            item = bare({"kind": kind, "apiVersion": answer["apiVersion"], **item})
            annotations = item["metadata"]["annotations"]
            item["metadata"]["resourceVersion"] = annotations.pop("cluster.transport-informer/resource-version")
            self.assertEqual(annotations.pop("cluster.transport-informer/name"), name)
            if not annotations:
                del item["metadata"]["annotations"]
            ours[item["metadata"].get("namespace", ""), item["metadata"]["name"]] = item
        return ours == theirs

    # ---- what is shown ----

    def test_what_clusters_have_is_served_as_they_have_it(self):
        self.clusters["cluster1"].create("ConfigMap", "one", data={"a": "1"})
        self.clusters["cluster2"].create("ConfigMap", "one", metadata={"annotations": {"mine": "x"}, "labels": {"app": "web"}})
        self.await_synced()
        for name in self.clusters:
            for kind in ("ConfigMap", "Namespace"):
                self.bench.wait(f"{kind} of {name}", lambda name=name, kind=kind: self.same(name, kind))
        self.assertEqual([item["metadata"]["annotations"]["cluster.transport-informer/name"]
                          for item in self.items("/api/v1/configmaps?labelSelector=app%3Dweb")], ["cluster2"])
        status, _, answer = self.get("/api/v1/namespaces/default/configmaps/one")
        self.assertEqual((status, answer["reason"]), (409, "Conflict"))
        self.assertIn("cluster1, cluster2", answer["message"])

    def test_a_silent_cluster_keeps_its_rows_and_says_since_when(self):
        self.clusters["cluster2"].create("ConfigMap", "one")
        self.await_synced()
        path = "/api/v1/configmaps?fieldSelector=cluster%3Dcluster2,metadata.name%3Done"
        self.bench.wait("it is mirrored", lambda: len(self.items(path)) == 1)
        self.assertIsNone(self.get(path)[1]["Warning"])
        self.providers["cluster2"].stop(signal.SIGKILL)
        self.bench.wait("it is told to be silent", lambda: self.condition("cluster2", "Connected") == "False")
        _, _, cluster = self.get("/apis/fleet.transport-informer.io/v1alpha1/clusters/cluster2")
        self.assertEqual({each["message"].split(":")[0] for each in cluster["status"]["conditions"]}, {"its provider is not heard"})
        _, headers, answer = self.get(path)
        self.assertIn("not up to date: cluster2 (last heard 20", headers["Warning"])
        self.assertIn("cluster.transport-informer/stale-since", answer["items"][0]["metadata"]["annotations"])
        self.assertIsNone(self.get("/clusters/cluster1/api/v1/configmaps")[1]["Warning"])
        self.clusters["cluster2"].create("ConfigMap", "two")
        self.provider("cluster2")
        self.await_synced("cluster2")
        self.assertIsNone(self.get(path)[1]["Warning"])
        self.bench.wait("what it did meanwhile", lambda: self.same("cluster2", "ConfigMap"))

    def test_a_cluster_whose_api_server_is_away_is_not_synced(self):
        self.providers["cluster2"].stop()
        self.provider("cluster2", "--heartbeat", "1s")
        self.await_synced()
        self.clusters["cluster2"].process.stop(signal.SIGKILL)
        self.bench.wait("it is told", lambda: self.condition("cluster2", "Synced") == "False", 60)
        self.assertEqual(self.condition("cluster2", "Connected"), "True")
        _, _, cluster = self.get("/apis/fleet.transport-informer.io/v1alpha1/clusters/cluster2")
        self.assertRegex(cluster["status"]["conditions"][1]["message"], r"^\d+ of \d+ resources are up to date$")
        self.bench.wait("so are its objects", lambda: "cluster2" in (self.get("/api/v1/configmaps")[1]["Warning"] or ""))
        self.assertEqual(self.condition("cluster1", "Synced"), "True")

    def test_a_cluster_whose_api_server_says_nothing_is_stale(self):
        self.clusters["cluster2"].create("ConfigMap", "one")
        self.await_synced()
        path = "/clusters/cluster2/api/v1/configmaps"
        self.bench.wait("it is up to date", lambda: self.get(path)[0] == 200 and not self.get(path)[1]["Warning"])
        with Stopped(self.clusters["cluster2"].process):
            self.bench.wait("its lists say so", lambda: self.get(path)[1]["Warning"], seconds=60)
            self.assertEqual(self.condition("cluster2", "Connected"), "True")
        self.bench.wait("it is up to date again", lambda: not self.get(path)[1]["Warning"], seconds=60)

    # ---- who may ask ----

    def open_over_tls(self, token, path, method="GET", version=None, trusted=None):
        context = ssl.create_default_context(cafile=trusted or self.bench.directory / "state" / "tls.crt")
        if version:
            context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings(action="ignore"):
                context.minimum_version = context.maximum_version = version
        request = urllib.request.Request(f"https://127.0.0.1:{self.https}{path}", method=method,
                                         headers={"Authorization": f"Bearer {token}"} if token else {})
        return urllib.request.urlopen(request, timeout=60, context=context)

    def over_tls(self, token, path="/api", method="GET", version=None):
        try:
            with self.open_over_tls(token, path, method, version) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_tokens_are_asked_for_and_may_change(self):
        tokens = self.bench.write("tokens", "# ours\nread-read-read-read read-only dashboards\n")
        self.hub.stop()
        self.hub = self.start_hub("--token-file", tokens)
        own = (self.bench.directory / "state" / "token").read_text(encoding="utf-8")
        self.assertEqual([self.over_tls(token) for token in (None, "wrong", own, "read-read-read-read")], [401, 401, 200, 200])
        self.assertEqual(self.over_tls("read-read-read-read", method="DELETE"), 403)
        asks = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        self.assertEqual([self.over_tls(token, asks, "POST") for token in (None, "read-read-read-read")], [401, 400])
        self.bench.write("tokens.new", "another-another-another read-write\n").rename(tokens)
        self.assertEqual([self.over_tls(token) for token in ("read-read-read-read", "another-another-another", own)], [401, 200, 200])
        self.bench.write("tokens.new", "short read-write\n").rename(tokens)
        self.assertEqual(self.over_tls("another-another-another"), 200)
        self.assertIn("stay in force", self.hub.log())

    def secrets_are_shared(self):
        for name in self.clusters:
            self.providers[name].stop()
            self.provider(name, "--resource", "secrets,configmaps")

    def test_a_watch_lasts_as_long_as_its_token(self):
        self.secrets_are_shared()
        tokens = self.bench.write("tokens", "goes-goes-goes-goes read-only\nless-less-less-less read-write\n")
        self.hub.stop()
        self.hub = self.start_hub("--token-file", tokens)
        own = (self.bench.directory / "state" / "token").read_text(encoding="utf-8")
        self.bench.wait("they are mirrored", lambda: self.over_tls(own, "/api/v1/secrets") == 200)

        def watch(token, resource):
            return self.open_over_tls(token, f"/api/v1/{resource}?watch=1&timeoutSeconds=600")

        def said_last(answer):
            event = json.loads(answer.read().splitlines()[-1])
            return event["type"], event["object"]["code"], event["object"]["reason"]

        def goes_on(answer, name):
            self.clusters["cluster1"].create("ConfigMap", name)
            return any(f'"name":"{name}"'.encode() in line for line in iter(answer.readline, b""))

        kept, gone, less, secrets = watch(own, "secrets"), watch("goes-goes-goes-goes", "configmaps"), watch(
            "less-less-less-less", "configmaps"), watch("less-less-less-less", "secrets")
        self.bench.write("tokens.new", "less-less-less-less read-only\n").rename(tokens)
        self.assertEqual(said_last(gone), ("ERROR", 401, "Unauthorized"))
        self.assertEqual(said_last(secrets), ("ERROR", 403, "Forbidden"))
        self.assertTrue(goes_on(less, "while-less"))
        tokens.write_text("# none\n", encoding="utf-8")
        self.assertEqual(said_last(less), ("ERROR", 401, "Unauthorized"))
        self.assertEqual(self.over_tls("less-less-less-less"), 401)
        self.assertIn("has no token any more: all 1 that were in it are taken back", self.hub.log())
        self.clusters["cluster1"].create("Secret", "while-none")
        self.assertTrue(any(b'"name":"while-none"' in line for line in iter(kept.readline, b"")))

    def test_who_may_only_read_is_not_shown_secrets(self):
        self.clusters["cluster1"].create("Secret", "one", data={"a": "eA=="})
        self.secrets_are_shared()
        self.hub.stop()
        self.hub = self.start_hub("--token-file", self.bench.write("tokens", "read-read-read-read read-only\n"))
        own = (self.bench.directory / "state" / "token").read_text(encoding="utf-8")
        self.bench.wait("they are mirrored", lambda: self.over_tls(own, "/api/v1/namespaces/default/secrets/one") == 200)
        for path in ("/api/v1/secrets", "/api/v1/namespaces/default/secrets/one", "/clusters/cluster1/api/v1/secrets?watch=1&timeoutSeconds=1",
                     "//clusters//cluster1/api/v1/%73ecrets"):
            with self.subTest(path):
                self.assertEqual([self.over_tls(own, path), self.over_tls("read-read-read-read", path), self.get(path)[0]], [200, 403, 403])
        self.assertEqual([self.over_tls("read-read-read-read", "/api/v1/configmaps"), self.get("/api/v1/configmaps")[0]], [200, 200])

    def issue(self, name, kind="ec", by=None):
        """A certificate for this machine, and its key, as files beside those in use; by: the name of who vouches for it."""
        key, pem = self.bench.directory / f"{name}.key", self.bench.directory / f"{name}.crt"
        kinds = {"rsa": ["rsa:2048"], "ec": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]}
        signer = ["-CA", self.bench.directory / f"{by}.crt", "-CAkey", self.bench.directory / f"{by}.key"] if by else []
        subprocess.run(["openssl", "req", "-x509", "-newkey", *kinds[kind], "-nodes", "-subj", f"/CN={name}", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-days", "2", *signer, "-keyout", key, "-out", pem], check=True, capture_output=True)
        return pem, key

    def issue_by_others(self, name):
        """One that leads to a root by way of another, which stands behind it."""
        root, _ = self.issue("root")
        between, _ = self.issue("between", by="root")
        pem, key = self.issue(name, by="between")
        pem.write_text(pem.read_text() + between.read_text())
        return pem, key, root

    def test_a_certificate_that_is_replaced_is_shown_to_who_comes_then(self):
        shown, secret = self.issue("first")
        self.hub.stop()
        self.hub = self.start_hub("--listen-cert", shown, "--listen-key", secret)
        own = (self.bench.directory / "state" / "token").read_text(encoding="utf-8")

        def shows():
            return ssl.get_server_certificate(("127.0.0.1", self.https)).strip()

        def replace(pem, key):
            wanted, before, lines = pem.read_text(), shows(), self.hub.log().count("is shown on")
            pem.rename(shown)
            self.bench.wait("what does not fit is told", lambda: self.hub.log().count("is shown on") == lines + 1)
            self.assertEqual(shows(), before)
            key.rename(secret)
            self.bench.wait("another one is shown", lambda: wanted.startswith(shows()) and shows() != before)

        self.assertEqual(shows(), shown.read_text().strip())
        self.bench.wait("it is mirrored", lambda: self.get("/api/v1/configmaps")[0] == 200)
        watch = self.open_over_tls(own, "/api/v1/configmaps?watch=1&timeoutSeconds=600", trusted=shown)
        replace(*self.issue("second", "rsa"))
        if KUBECTL:
            self.assertIn("default", self.kubectl("get", "ns"))  # its kubeconfig is another one now
        pem, key, root = self.issue_by_others("third")
        replace(pem, key)
        self.assertEqual(self.open_over_tls(own, "/api", trusted=root).status, 200)
        self.clusters["cluster1"].create("ConfigMap", "after")
        self.assertTrue(any(b'"name":"after"' in line for line in iter(watch.readline, b"")))

    def test_old_tls_is_not_spoken(self):
        own = (self.bench.directory / "state" / "token").read_text(encoding="utf-8")
        with self.assertRaises(urllib.error.URLError) as caught:
            self.over_tls(own, version=ssl.TLSVersion.TLSv1_1)
        self.assertIsInstance(caught.exception.reason, ssl.SSLError)
        self.assertEqual([self.over_tls(own, version=version) for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)], [200, 200])

    def test_a_certificate_for_a_day_is_good_enough(self):
        certificate, key = self.bench.directory / "day.crt", self.bench.directory / "day.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
                        "/CN=fleet", "-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key],
                       check=True, capture_output=True)
        self.hub.stop()
        self.hub = self.start_hub("--listen-cert", certificate, "--listen-key", key)
        context = ssl.create_default_context(cafile=certificate)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"https://127.0.0.1:{self.https}/livez", timeout=10, context=context)
        self.assertEqual(caught.exception.code, 401)

    def test_pages_of_elsewhere_and_impersonation_are_refused(self):
        self.assertEqual(self.get("/api", Origin="http://evil.example")[0], 403)
        self.assertEqual(self.get("/api", Host="evil.example")[0], 403)
        self.assertEqual(self.get("/api", **{"Impersonate-User": "admin"})[0], 403)
        self.assertEqual(self.get("/api", Host=f"localhost:{self.http}")[0], 200)

    def test_nothing_is_served_beyond_the_loopback_without_a_token(self):
        hub = self.bench.program("hub", "--broker", f"tcp://127.0.0.1:{self.port}", "--read-only-http", "0.0.0.0:0", label="hub-open")
        self.assertEqual(hub.wait(), 64)
        self.assertIn("an address of the loopback", hub.log())

    def refused(self, code, *arguments):
        """What a hub of these options says as it ends; it has a directory of its own."""
        hub = self.bench.program("hub", "--broker", f"tcp://127.0.0.1:{self.port}", "--state-dir", self.bench.directory / "other",
                                 "--store", "memory", *arguments, label=f"hub-{len(self.bench.processes)}")
        self.assertEqual(hub.wait(), code, hub.log())
        return hub.log()

    def test_what_cannot_be_served_says_why(self):
        self.assertRegex(self.refused(69, "--listen", f"127.0.0.1:{self.https}"), r"hub: --listen: .* in use: choose another port")
        self.assertRegex(self.refused(69, "--read-only-http", f"127.0.0.1:{self.http}"), r"hub: --read-only-http: .* in use: choose")
        self.assertRegex(self.refused(69, "--listen", "192.0.2.1:0"), r"hub: --listen: .*: give an address of this machine")
        self.assertRegex(self.refused(66, "--token-file", "/nowhere"), r"hub: --token-file: /nowhere: No such file")
        self.assertRegex(self.refused(73, "--listen", "127.0.0.1:0", "--kubeconfig-out", "/nowhere/x"), r"hub: --kubeconfig-out /nowhere/x: .*: name")
        self.assertRegex(self.refused(73, "--store", "sqlite:/nowhere/x"), r"hub: --store: /nowhere/x: No such file")
        self.assertRegex(self.refused(64, "--listen-cert", "/nowhere"), r"hub: --listen-cert and --listen-key go together")

    # ---- kubectl ----

    @unittest.skipUnless(KUBECTL, "SKIPPED: there is no kubectl on the PATH")
    def test_kubectl_reads_the_fleet(self):
        for name, cluster in self.clusters.items():
            cluster.create("ConfigMap", "one", data={"of": name})
        self.await_synced()
        self.bench.wait("both are mirrored", lambda: self.kubectl("get", "cm", "--field-selector", "metadata.name=one", "-o", "name")
                        == "configmap/one\n" * 2)
        self.assertRegex(self.kubectl("get", "clusters"), r"cluster1 +True +True +v1\.36")
        self.assertRegex(self.kubectl("get", "nodes"), r"CLUSTER +NAME +STATUS[^\n]*\ncluster1 +node-1 +Ready[^\n]*\ncluster2 +node-1")
        self.assertIn("clusters", self.kubectl("api-resources"))
        self.assertIn("condition met", self.kubectl("wait", "--for=condition=Synced", "cluster/cluster1", "--timeout=10s"))
        self.assertIn("of:\n----\ncluster2", self.kubectl("describe", "cm", "one", "--server", f"https://127.0.0.1:{self.https}/clusters/cluster2"))
        self.assertIn("in several clusters", self.kubectl("get", "cm", "one", code=1))
        self.assertIn("only read here", self.kubectl("delete", "cm", "kube-root-ca.crt", "--server",
                                                     f"https://127.0.0.1:{self.https}/clusters/cluster2", code=1))
        self.assertIn("impersonated", self.kubectl("get", "cm", "--as", "admin", code=1))
        self.assertIn("token", self.kubectl("get", "cm", "--token", "wrong", code=1))

    @unittest.skipUnless(KUBECTL, "SKIPPED: there is no kubectl on the PATH")
    def test_kubectl_follows_the_fleet(self):
        self.await_synced()
        watch = self.follow("get", "cm", "-A", "-w", "--no-headers", "-o",
                            r"custom-columns=C:.metadata.annotations.cluster\.transport-informer/name,N:.metadata.name")
        self.bench.wait("it has the list", lambda: watch.out().count("kube-root-ca.crt") == 8)
        self.clusters["cluster1"].create("ConfigMap", "one")
        self.bench.wait("a change of one", lambda: "cluster1   one" in watch.out())
        self.providers["cluster2"].stop(signal.SIGKILL)
        self.clusters["cluster2"].create("ConfigMap", "two")
        self.provider("cluster2")
        self.bench.wait("what happened while it was away", lambda: "cluster2   two" in watch.out())
        self.clusters["cluster3"] = Cluster(self.bench, "cluster3", "--nodes", "1")
        self.provider("cluster3")
        self.bench.wait("one that has come", lambda: watch.out().count("cluster3") == 4)
        self.hub.stop(signal.SIGKILL)
        self.hub = self.start_hub()
        self.await_synced()
        self.assertIn("one", self.kubectl("get", "cm", "-A"))


if __name__ == "__main__":
    unittest.main()
