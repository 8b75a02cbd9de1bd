"""A webhook receiver in the test's own process: one HTTP server, one inbox for each endpoint.

Tests script an inbox's answers and take requests from it. **Invariant:** each request that comes in is verified: when
it is taken, or when the inbox is closed; `Receiver.close` fails if one was not.
"""

import http.server
import itertools
import queue
import socketserver
import threading
from collections import deque
from dataclasses import dataclass, field

from signatures import Rejected, verify

TAKE_TIMEOUT_S = 20


@dataclass
class Request:
    """One request as it came over the wire; header names in lower case."""

    headers: dict
    body: bytes
    path: str
    # As it came, with its question mark.
    query: str = ""

    @property
    def message_id(self):
        return self.headers.get("webhook-id") or self.headers.get("svix-id")


@dataclass
class Inbox:
    """What came to one URL."""

    receiver: "Receiver"
    path: str
    # All of them must verify each request.
    keys: list = field(default_factory=list)
    # Headers of a request that was passed through which only look like the server's own: not to be verified as such.
    originals: dict = field(default_factory=dict)
    # (status, body) of the next answers; then `default`.
    answers: deque = field(default_factory=deque)
    default: tuple = (200, b"thanks")
    waiting: queue.Queue = field(default_factory=queue.Queue)

    @property
    def url(self):
        return self.receiver.url + self.path

    def take(self):
        """The oldest request that was not taken yet, verified."""
        try:
            request = self.waiting.get(timeout=TAKE_TIMEOUT_S)
        except queue.Empty:
            raise AssertionError(f"nothing came to {self.path} within {TAKE_TIMEOUT_S} s") from None
        self._verify(request)
        return request

    def take_many(self, count):
        return [self.take() for _ in range(count)]

    def close(self):
        """Verifies what was never taken."""
        while not self.waiting.empty():
            self._verify(self.waiting.get())

    def _verify(self, request):
        headers = {name: value for name, value in request.headers.items() if self.originals.get(name) != value}
        try:
            verify(headers, request.body, self.keys)
        except Rejected as why:
            raise AssertionError(f"a request to {self.path} was not signed rightly: {why}") from None
        finally:
            self.receiver.looked_at += 1


class Receiver:
    """Listens on a free port of the loopback until closed."""

    def __init__(self):
        self.inboxes = {}
        self.received = 0
        self.looked_at = 0
        self.faults = []
        self._lock = threading.Lock()
        self._paths = itertools.count(1)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def inbox(self):
        path = f"/inbox/{next(self._paths)}"
        self.inboxes[path] = Inbox(self, path)
        return self.inboxes[path]

    def accept(self, request):
        """Called on the server's threads; returns the answer."""
        with self._lock:
            self.received += 1
            inbox = self.inboxes.get(request.path)
            if inbox is None:
                self.faults.append(f"a request came to {request.path}, where no endpoint is")
                return (404, b"")
            inbox.waiting.put(request)
            return inbox.answers.popleft() if inbox.answers else inbox.default

    def close(self):
        self._server.shutdown()
        for inbox in self.inboxes.values():
            inbox.close()
        assert not self.faults, self.faults
        assert self.looked_at == self.received, f"{self.received - self.looked_at} requests were never verified"


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _handler(receiver):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Two small writes and no delayed ACK between them.
        disable_nagle_algorithm = True

        def do_POST(self):
            headers = {}
            for name, value in self.headers.items():
                if name.lower() in headers:
                    receiver.faults.append(f"the header {name} was sent twice")
                headers[name.lower()] = value
            body = self.rfile.read(int(self.headers["content-length"]))
            path, mark, query = self.path.partition("?")
            status, answer = receiver.accept(Request(headers, body, path, mark + query))
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    return Handler
