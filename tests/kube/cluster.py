"""A real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager.

There is no kubelet and no scheduler: pods stay Pending until a test writes their status, which is what makes "available
replicas" something that a test decides. All files are in one directory; ports are chosen free; processes are ended by
pid. Two clusters share nothing.

RBAC is on, and service accounts are real. The admin has a token (kubeapi, kubeconfig) and a client certificate
(kubeconfig-cert), both in system:masters.
"""

import json
import os
import pathlib
import secrets
import subprocess
import urllib.request

import kubeapi
from process import Failed, Process, free_ports, wait

# What build.sh finds, by the names it assigns.
BINARIES = ("ETCD", "KUBE_APISERVER", "KUBE_CONTROLLER_MANAGER", "KUBECTL")


def _openssl(directory, *argv):
    done = subprocess.run(["openssl", *argv], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise Failed(f"openssl {' '.join(argv)}: {done.stderr.decode()}")


def _certificate(directory, name, subject, extensions):
    """A key and a certificate signed by ca: NAME.key, NAME.crt."""
    (directory / f"{name}.ext").write_text(extensions)
    _openssl(directory, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
    _openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
             "-days", "2", "-out", f"{name}.crt", "-extfile", f"{name}.ext")


class Cluster:
    """Use as a context manager, or call stop() yourself."""

    def __init__(self, name, directory, binaries, uncached=(), controllers="*", apiserver_flags=()):
        """uncached: resources (kubectl's spelling) which the API server watches in etcd itself, past its watch cache.
        controllers: kube-controller-manager's --controllers; None for no controller manager."""
        self.name = name
        self.directory = pathlib.Path(directory)
        self.binaries = binaries
        self.uncached = uncached
        self.controllers = controllers
        self.apiserver_flags = apiserver_flags
        self.token = secrets.token_hex(16)
        self.port, self.etcd_port, self.etcd_peer_port = free_ports(3)
        self.etcd = self.apiserver = self.controller_manager = self.api = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self):
        return str(self.directory / "kubeconfig")

    # -- files

    def _write_credentials(self):
        _openssl(self.directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", f"/CN=ca of {self.name}",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        _certificate(self.directory, "server", "/CN=kube-apiserver",
                     "subjectAltName=IP:127.0.0.1,IP:10.0.0.1,DNS:localhost,DNS:kubernetes.default.svc\n"
                     "extendedKeyUsage=serverAuth\n")
        _certificate(self.directory, "admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth\n")
        _openssl(self.directory, "genrsa", "-out", "service-account.key", "2048")
        _openssl(self.directory, "rsa", "-in", "service-account.key", "-pubout", "-out", "service-account.pub")
        (self.directory / "tokens.csv").write_text(f'{self.token},admin,admin,"system:masters"\n')

    def write_kubeconfig(self, file, user, port=None):
        """user: the fields of a kubeconfig user, such as {"token": "…"}. Returns the path."""
        path = self.directory / file
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": self.name,
                "cluster": {
                    "server": f"https://127.0.0.1:{port or self.port}",
                    "certificate-authority": str(self.directory / "ca.crt"),
                },
            }],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": "user"}}],
            "current-context": self.name,
        }
        path.write_text(json.dumps(document, indent=2) + "\n")
        path.chmod(0o600)
        return str(path)

    # -- processes

    def _start_process(self, name, argv):
        return Process(f"{self.name}/{name}", argv, self.directory / f"{name}.log", cwd=self.directory)

    def start(self):
        self.directory.mkdir(parents=True)
        self._write_credentials()
        self.write_kubeconfig("kubeconfig", {"token": self.token})
        self.write_kubeconfig("kubeconfig-cert", {
            "client-certificate": str(self.directory / "admin.crt"),
            "client-key": str(self.directory / "admin.key"),
        })
        self.api = kubeapi.Api("127.0.0.1", self.port, str(self.directory / "ca.crt"), self.token)
        client, peer = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{self.etcd_peer_port}"
        self.etcd = self._start_process("etcd", [
            self.binaries["ETCD"], "--name=etcd", "--data-dir=etcd", "--unsafe-no-fsync", "--log-level=warn",
            "--max-request-bytes=8388608",
            f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=etcd={peer}",
        ])
        self.start_apiserver()
        if self.controllers:
            self.controller_manager = self._start_process("kube-controller-manager", [
                self.binaries["KUBE_CONTROLLER_MANAGER"], f"--kubeconfig={self.kubeconfig}", "--leader-elect=false",
                "--secure-port=0", "--service-account-private-key-file=service-account.key",
                "--root-ca-file=ca.crt", f"--controllers={self.controllers}",
            ])
        return self

    def start_apiserver(self):
        """Returns once it is started, not once it is ready: see wait_ready()."""
        argv = [
            self.binaries["KUBE_APISERVER"], f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--bind-address=127.0.0.1", f"--secure-port={self.port}", "--endpoint-reconciler-type=none",
            "--tls-cert-file=server.crt", "--tls-private-key-file=server.key", "--client-ca-file=ca.crt",
            "--token-auth-file=tokens.csv", "--authorization-mode=RBAC", "--allow-privileged",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=service-account.pub",
            "--service-account-signing-key-file=service-account.key",
            "--service-cluster-ip-range=10.0.0.0/16", "--shutdown-delay-duration=0s",
            *self.apiserver_flags,
        ]
        if self.uncached:
            argv.append("--watch-cache-sizes=" + ",".join(f"{resource}#0" for resource in self.uncached))
        self.apiserver = self._start_process("kube-apiserver", argv)

    def wait_ready(self):
        """Ready means: it says so, and the default service account, which new pods need, exists."""
        def ready():
            return self.api.bytes("GET", "/readyz") and (
                not self.controllers or self.api.exists("/api/v1/namespaces/default/serviceaccounts/default"))

        wait(f"cluster {self.name} is ready", ready, 120, must_run=self.processes())
        return self

    def processes(self):
        return [process for process in (self.etcd, self.apiserver, self.controller_manager) if process]

    def stop(self):
        """The data is thrown away, so nothing is gained by a graceful end of the API server."""
        for process in reversed(self.processes()):
            process.kill()
        if self.api:
            self.api.close()

    # -- what tests do to it

    def _etcd_call(self, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.etcd_port}{path}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def compact(self):
        """Compacts etcd at its current revision, physically: every older resourceVersion is gone. Returns it."""
        status = self._etcd_call("/v3/maintenance/status", {})
        revision = int(status["header"]["revision"])
        self._etcd_call("/v3/kv/compaction", {"revision": revision, "physical": True})
        return revision

    def service_account_token(self, namespace, name):
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        return self.api.post(path, {"spec": {"expirationSeconds": 7200}})["status"]["token"]

    def kubectl(self, *argv, stdin=None):
        """Returns its output; Failed if it fails."""
        done = subprocess.run([self.binaries["KUBECTL"], f"--kubeconfig={self.kubeconfig}", *argv],
                              input=stdin, capture_output=True, text=True, timeout=120, check=False,
                              env={**os.environ, "KUBECACHEDIR": str(self.directory / "kubectl-cache")})
        if done.returncode:
            raise Failed(f"kubectl {' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout

    def make_pod_ready(self, namespace, name):
        """Does a kubelet's part: the pod runs and is ready."""
        self.api.patch(f"/api/v1/namespaces/{namespace}/pods/{name}/status", {
            "status": {
                "phase": "Running",
                "conditions": [{
                    "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z",
                }],
            },
        })
