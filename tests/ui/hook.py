"""A receiver in the test's own process: each path keeps what came and answers as it is told.

**Invariant:** it knows nothing of the server that is tested.
"""

import http.server
import threading
from collections import defaultdict


class Hooks:
    """Answers (200, b"thanks") unless `answers[path]` says otherwise."""

    def __init__(self):
        self.answers = {}
        self.came = defaultdict(list)
        hooks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                path = self.path.partition("?")[0]
                hooks.came[path].append((dict(self.headers), body))
                status, answer = hooks.answers.get(path, (200, b"thanks"))
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_GET(self):
                page = hooks.answers.get(self.path.partition("?")[0], (404, b""))[1]
                self.send_response(200 if page else 404)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def page(self, path, html):
        self.answers[path] = (200, html.encode())
        return self.url + path

    def close(self):
        self.server.shutdown()
        self.server.server_close()
