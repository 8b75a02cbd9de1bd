"""A real `postrider serve` on an empty data folder, and plain HTTP calls to it.

**Invariant:** started as a new user would: a free port, no settings but those that a test on one machine needs.
"""

import atexit
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.parse

BINARY = os.environ["UI_POSTRIDER"]
WAIT_S = 30


def until(what, look, every_s=0.02):
    """Waits until `look()` is true and returns it."""
    deadline = time.monotonic() + WAIT_S
    pause = threading.Event()
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {WAIT_S} s: {what}")
        pause.wait(every_s)


def request(method, url, body=None, **headers):
    """(status, headers in lower case, body) of one request, without following."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=WAIT_S)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, parts._replace(scheme="", netloc="").geturl() or "/", body=body, headers=named)
        answer = connection.getresponse()
        named = {}
        for name, value in answer.getheaders():
            named[name.lower()] = f"{named[name.lower()]}\n{value}" if name.lower() in named else value
        return answer.status, named, answer.read()
    finally:
        connection.close()


class Server:
    """Runs until closed."""

    def __init__(self, *settings):
        self.folder = tempfile.mkdtemp(prefix="postrider-ui-")
        self.data = os.path.join(self.folder, "data")
        command = [BINARY, "serve", "--data-dir", self.data, "--listen", "127.0.0.1:0", "--allow-subnet", "127.0.0.0/8"]
        if "--retry-schedule" not in settings:
            command += ["--retry-schedule", "200ms,400ms,1h"]
        command += ["--log-level", "warn", *settings]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self._env()
        )
        # Also where a test fails before it could close it.
        atexit.register(self.process.kill)
        self.log = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = until("it listens", lambda: self.said(r"listens on (http://\S+)") or self._ended())
        self.token = self.run("token", "create").strip()

    def _env(self):
        return {name: value for name, value in os.environ.items() if not name.startswith("POSTRIDER_")}

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))

    def _ended(self):
        if self.process.poll() is not None:
            raise AssertionError("the server ended:\n" + "\n".join(self.log))
        return None

    def said(self, pattern):
        """What it printed that matches (the first group)."""
        found = re.search(pattern, "\n".join(list(self.log)))
        return found and found.group(1)

    def run(self, *args):
        """Another command of the binary on the same data folder: its standard output."""
        command = [BINARY, *args, "--data-dir", self.data]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=self._env()).stdout

    def setup_url(self):
        return until("it printed the setup URL", lambda: self.said(r"(http://\S+/setup\S*)"))

    def api(self, method, path, body=None, token=None, expect=None):
        """The JSON that the API answers; fails unless the status is 2xx (or `expect`)."""
        text = None if body is None else json.dumps(body)
        headers = {"authorization": f"Bearer {token or self.token}", "content-type": "application/json"}
        status, _, answer = request(method, self.url + path, text, **headers)
        ok = status == expect if expect else 200 <= status < 300
        assert ok, f"{method} {path}: {status} {answer[:400]}"
        return json.loads(answer) if answer[:1] in (b"{", b"[") else None

    def close(self):
        self.process.terminate()
        code = self.process.wait(WAIT_S)
        shutil.rmtree(self.folder, ignore_errors=True)
        assert code == 0, f"the server ended with {code}:\n" + "\n".join(self.log)
