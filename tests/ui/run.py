"""Runs the journeys of this folder. Names of tests as arguments run only those.

It needs UI_POSTRIDER (the binary) and UI_AXE (axe.min.js); UI_SHOTS is a folder for pictures of each page.
"""

import sys
import unittest


def main():
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(sys.argv[1:]) if sys.argv[1:] else loader.discover(".")
    count = suite.countTestCases()
    result = unittest.TextTestRunner(verbosity=2, failfast=False).run(suite)
    failed = len({str(test) for test, _ in result.failures + result.errors})
    skipped = len(result.skipped)
    sys.stderr.flush()
    print(f"ui: {max(count - failed - skipped, 0)} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    sys.exit(main())
