"""A TCP proxy that can be cut: what stands between a program and its API server when a network fails.

Cutting closes every connection and takes no new one until restore(): the API server stays as it is, unlike on a restart.
Freezing keeps the connections there are, takes what comes over them, and passes on nothing; new ones work.
"""

import selectors
import socket
import threading


class Proxy:
    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.pairs = set()
        self.frozen = set()
        self.open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if not self.open:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(self.target)
                except OSError:
                    client.close()
                    continue
                pair = (client, server)
                self.pairs.add(pair)
            threading.Thread(target=self._pump, args=(pair,), daemon=True).start()

    def _pump(self, pair):
        client, server = pair
        selector = selectors.DefaultSelector()
        try:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while True:
                for ready, _ in selector.select():
                    data = ready.fileobj.recv(1 << 16)
                    if not data:
                        return
                    if pair not in self.frozen:
                        ready.data.sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.pairs.discard(pair)
            selector.close()
            client.close()
            server.close()

    def cut(self):
        with self.lock:
            self.open = False
            for pair in self.pairs:
                for end in pair:
                    try:
                        end.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass

    def freeze(self):
        """Returns how many connections it is."""
        with self.lock:
            self.frozen |= self.pairs
            return len(self.frozen)

    def restore(self):
        with self.lock:
            self.open = True

    def close(self):
        self.listener.close()
        self.cut()
