#!/usr/bin/env python3
"""Drives the page in a real browser: check.py PROGRAMS PICTURES [TEST...]; scripts/page-check.sh calls it."""
import pathlib
import signal
import sys
import tempfile
import unittest

import case
from browser import Browser, Policy
from daemon import ROLES, Daemon


def main(programs: pathlib.Path, pictures: pathlib.Path, names: list) -> int:
    pictures.mkdir(parents=True, exist_ok=True)
    # When its time is up, what it started is ended too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(124))
    with tempfile.TemporaryDirectory(prefix="jobd-page-check-") as scratch:
        folder = pathlib.Path(scratch)
        folder.chmod(0o755)
        opened = []

        def keep(one):
            opened.append(one)
            return one

        try:
            case.daemon = keep(Daemon(programs, folder))
            keep(Policy(case.daemon))
            case.browsers = {name: keep(Browser(case.daemon, name)) for name in ROLES}
            case.pictures = pictures
            loader = unittest.TestLoader()
            loader.testNamePatterns = [f"*{name}*" for name in names] or None
            tests = loader.discover(str(pathlib.Path(__file__).parent), pattern="test_*.py")
            result = unittest.TextTestRunner(verbosity=2).run(tests)
            return 0 if result.wasSuccessful() and result.testsRun > 0 else 1
        finally:
            for one in reversed(opened):
                one.close()


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]))
