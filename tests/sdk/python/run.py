"""Runs the journeys with the `svix` package that is on the path, against running servers.

`cargo xtask test` calls this once for each version of the SDK. It needs JOURNEY_URL, JOURNEY_TOKEN,
JOURNEY_ED25519_URL and JOURNEY_ED25519_TOKEN; names of tests as arguments run only those. JOURNEY_SUITE names another
suite than this folder's, whose tests are in the current folder.
"""

import os
import pathlib
import sys
import unittest

import dialect
from journey import receiver


def main():
    suite_name = os.environ.get("JOURNEY_SUITE", f"python-svix-{dialect.VERSION}")
    folder = pathlib.Path.cwd() if "JOURNEY_SUITE" in os.environ else pathlib.Path(__file__).parent
    loader = unittest.TestLoader()
    if sys.argv[1:]:
        suite = loader.loadTestsFromNames(sys.argv[1:])
    else:
        suite = loader.discover(str(folder))
    count = suite.countTestCases()
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    failed = len({str(test) for test, _ in result.failures + result.errors})
    try:
        receiver.close()
        count += 1  # that every request was verified is a test too
    except AssertionError as why:
        count, failed = count + 1, failed + 1
        print(f"FAILED: every request is verified: {why}", file=sys.stderr)
    print(f"{receiver.received} requests were received and verified with svix {dialect.VERSION}")
    skipped = len(result.skipped)
    sys.stderr.flush()
    print(f"{suite_name}: {count - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    sys.exit(main())
