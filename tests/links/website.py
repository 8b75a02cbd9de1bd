"""A web site in the test's own process: plain pages, and a record of who asked for them.

**Invariant:** it knows nothing of the server that is tested; its pages are what a customer would write.
"""

import html
import http.server
import threading
import urllib.parse
from dataclasses import dataclass


@dataclass
class Visit:
    """A request for a page; header names in lower case."""

    path: str
    # Name -> values, as in `urllib.parse.parse_qs`.
    query: dict
    headers: dict


class Website:
    """Listens on a free port of the loopback until closed."""

    def __init__(self):
        # Path -> the page's HTML, or a function of the visit that makes it.
        self.pages = {}
        self.visits = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def page(self, path, body, title="A page"):
        """Puts a page there; its URL."""
        make = body if callable(body) else lambda _: body
        self.pages[path] = lambda visit: (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>"
            f"<link rel=icon href='data:,'><body>{make(visit)}</body></html>"
        )
        return self.origin + path

    def visits_of(self, path):
        return [visit for visit in self.visits if visit.path == path]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def _handler(site):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            visit = Visit(path, urllib.parse.parse_qs(query), headers)
            site.visits.append(visit)
            page = site.pages.get(path)
            body = page(visit).encode() if page else b"not here"
            self.send_response(200 if page else 404)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler
