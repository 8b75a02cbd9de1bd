"""Runs the journeys of this folder, as many classes of tests at once as there are processors. Names of tests as arguments run only those.

It needs UI_POSTRIDER (the binary) and UI_AXE (axe.min.js); UI_SHOTS is a folder for pictures of each page, UI_JOBS how many at once.
"""

import json
import os
import subprocess
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor, as_completed

# Those that take longest begin first.
LONG = ["test_pages.Pages", "test_hostile.Hostile", "test_portal.Portal", "test_failing.Failing"]
JOB_S = 900
RESULT = "\0result "


class Timed(unittest.TextTestResult):
    """Says how long each test took."""

    def startTest(self, test):
        self._began = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        self.stream.writeln(f"    {time.monotonic() - self._began:.1f} s")
        super().stopTest(test)


def classes(suite):
    """Names of tests by the class that they are of."""
    found = {}
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            for name, tests in classes(part).items():
                found.setdefault(name, []).extend(tests)
        else:
            # What could not be imported is said by the job that has to run it.
            name = part.id().rpartition(".")[0]
            found.setdefault(name, []).append(part.id())
    return found


def job(names):
    """Runs these in this process, and says what came of it on the last line."""
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Timed).run(suite)
    # A test may fail in several of its parts; one that can't be set up fails all of its class.
    failed = {str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors}
    failed |= {str(test) for test in result.unexpectedSuccesses}
    print(f"{RESULT}{json.dumps([result.testsRun, len(failed), len(result.skipped)])}", flush=True)


def start(names):
    """(output, passed, failed, skipped) of a process of its own."""
    command = [sys.executable, "-W", "ignore", os.path.abspath(__file__), "--job", *names]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=JOB_S)
        said, code = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        said, code = (late.stdout or b"").decode(errors="replace") + f"\nstopped after {JOB_S} s", 1
    text, found, result = said.partition(RESULT)
    if not found:
        return text + f"\nended with {code} before its result", 0, len(names), 0
    result, _, rest = result.partition("\n")
    ran, failed, skipped = json.loads(result)
    # What ends after its tests with an error is a failure of theirs, as a server's that did not stop well.
    if code and not failed:
        failed = 1
    return text + rest, max(ran - failed - skipped, 0), failed, skipped


def main(names):
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(names) if names else loader.discover(".")
    jobs = classes(suite)
    order = sorted(jobs, key=lambda name: LONG.index(name) if name in LONG else len(LONG))
    at_once = int(os.environ.get("UI_JOBS") or min(max(os.cpu_count() or 1, 1), 4))
    passed = failed = skipped = 0
    began = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        running = {pool.submit(start, jobs[name]): name for name in order}
        for done in as_completed(running):
            said, good, bad, left = done.result()
            print(f"== {running[done]} (after {time.monotonic() - began:.0f} s)\n{said.strip()}\n", flush=True)
            passed, failed, skipped = passed + good, failed + bad, skipped + left
    print(f"ui: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        job(sys.argv[2:])
    else:
        sys.exit(main(sys.argv[1:]))
