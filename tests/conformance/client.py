"""HTTP as it is on the wire: an answer's code, headers, and body as bytes, and a watch line by line. Shares no code with what is
under test."""

import http.client
import json
import ssl

ANSWER_S = 30  # of silence, which ends what does not end by itself


class Wire:
    """A server. token and ca_file are for TLS; without a ca_file it is plain http."""

    def __init__(self, port, ca_file=None, token=None):
        self.port, self.token = port, token
        self.tls = ssl.create_default_context(cafile=ca_file) if ca_file else None
        self.kept = None

    def _connect(self):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=ANSWER_S)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)

    def _send(self, connection, method, path, body, headers):
        if self.token:
            headers = {"Authorization": f"Bearer {self.token}", **headers}
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def ask(self, method, path, body=None, headers=None):
        """(code, headers, body)."""
        connection = self._connect()
        try:
            answer = self._send(connection, method, path, body, headers or {})
            try:
                return answer.status, answer.headers, answer.read()
            except TimeoutError:
                return answer.status, answer.headers, b"(an answer that does not end)"
        finally:
            connection.close()

    def follow(self, path, count, headers=None):
        """The same for a watch, of which so many lines are read; or, with None, all until it ends."""
        connection = self._connect()
        lines = []
        try:
            answer = self._send(connection, "GET", path, None, headers or {})
            while count is None or len(lines) < count:
                try:
                    line = answer.readline()
                except TimeoutError:
                    break
                if not line:
                    break
                lines.append(line)
            return answer.status, answer.headers, lines
        finally:
            connection.close()

    def exists(self, path):
        return self.ask("GET", path)[0] == 200


def encode(body):
    return body if body is None or isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
