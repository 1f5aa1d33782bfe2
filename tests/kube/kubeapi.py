"""A small Kubernetes client for tests: bearer token over TLS, raw bodies, many requests at once.

It shares no code with what is under test, and is quick: 2,000 objects through kubectl would be 2,000 processes.
"""

import concurrent.futures
import http.client
import json
import ssl
import threading
import urllib.parse

from process import Failed

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


class Status(Failed):
    """An answer other than 2xx."""

    def __init__(self, method, path, code, body):
        self.code = code
        try:
            message = json.loads(body)["message"]
        except (ValueError, KeyError, TypeError):
            message = body[:200].decode("utf-8", "replace")
        super().__init__(f"{method} {path}: {code} {message}")


class Resource:
    """One kind as it appears in paths: group, version, plural, and whether it has a namespace."""

    def __init__(self, group, version, plural, kind, namespaced=True):
        self.group, self.version, self.plural, self.kind = group, version, plural, kind
        self.namespaced = namespaced

    def __repr__(self):
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self):
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace=None, name=None, subresource=None):
        path = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if namespace:
            path += f"/namespaces/{namespace}"
        path += f"/{self.plural}"
        if name:
            path += "/" + urllib.parse.quote(name, safe="")
        if subresource:
            path += f"/{subresource}"
        return path


class Api:
    """Connections are per thread and kept; a connection that the server has closed is opened again, once."""

    def __init__(self, host, port, ca_file, token, timeout_s=30):
        self.host, self.port, self.token, self.timeout_s = host, port, token, timeout_s
        self.tls = ssl.create_default_context(cafile=ca_file)
        self.local = threading.local()
        self.pool = concurrent.futures.ThreadPoolExecutor(8)

    def close(self):
        self.pool.shutdown(cancel_futures=True)

    def connect(self):
        return http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=self.timeout_s)

    def raw(self, method, path, body=None, content_type="application/json"):
        """Returns (code, body bytes)."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
            if not isinstance(body, bytes):
                body = json.dumps(body, ensure_ascii=False).encode()
        for attempt in (1, 2):
            kept = getattr(self.local, "connection", None)
            connection = kept or self.connect()
            self.local.connection = None
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                data = response.read()
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                if kept and attempt == 1:
                    continue
                if isinstance(error, http.client.HTTPException):
                    raise OSError(f"{method} {path}: {error!r}") from error
                raise
            self.local.connection = connection
            return response.status, data
        raise AssertionError("unreachable")

    def bytes(self, method, path, body=None, content_type="application/json"):
        code, data = self.raw(method, path, body, content_type)
        if not 200 <= code < 300:
            raise Status(method, path, code, data)
        return data

    def call(self, method, path, body=None, content_type="application/json"):
        return json.loads(self.bytes(method, path, body, content_type))

    def get(self, path):
        return self.call("GET", path)

    def exists(self, path):
        code, _ = self.raw("GET", path)
        return code == 200

    def post(self, path, body):
        return self.call("POST", path, body)

    def patch(self, path, body, content_type=MERGE):
        return self.call("PATCH", path, body, content_type)

    def delete(self, path):
        return self.call("DELETE", path)

    def every(self, function, items):
        """function(item) for all items, eight at a time; the first failure is raised."""
        return list(self.pool.map(function, items))

    def create_namespace(self, name):
        self.post("/api/v1/namespaces", {"metadata": {"name": name}})


class Plain(Api):
    """What speaks http, and asks nobody who they are."""

    def __init__(self, port, kubeconfig=None):
        super().__init__("127.0.0.1", port, None, "none")
        self.kubeconfig = kubeconfig

    def connect(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=self.timeout_s)
