"""What all tests of the page share: one daemon, a browser for each client, and what must hold after each test."""
import pathlib
import unittest

from axe_selenium_python import Axe

from browser import Browser
from daemon import Daemon

daemon: Daemon
browsers: dict
pictures: pathlib.Path


class PageCase(unittest.TestCase):
    # What a test brings about itself, in the console's words: a connection that is cut, an answer that is a refusal.
    expected = ()

    @property
    def daemon(self) -> Daemon:
        return daemon

    def browser(self, client: str) -> Browser:
        return browsers[client]

    def setUp(self):
        for browser in browsers.values():
            # Nothing goes on of the test before, and what that brought about is no fault of this one.
            browser.driver.get("about:blank")
            browser.complaints()
            browser.scheme("light")

    def tearDown(self):
        for client, browser in browsers.items():
            bad = [text for text in browser.complaints() if not any(words in text for words in self.expected)]
            self.assertEqual(bad, [], f"the console of {client}")

    def remove(self, *jobs: str):
        """Of alice's, once no page is left that would ask for them again and complain that they are gone."""
        for browser in browsers.values():
            browser.driver.get("about:blank")
        for job in jobs:
            self.daemon.ask("alice", "DELETE", f"/jobs/{job}")

    def picture(self, browser: Browser, name: str):
        """Pictures of what is shown, which must be accessible in light and dark."""
        browser.picture(pictures, name)
        for scheme in ("dark", "light"):
            browser.scheme(scheme)
            self.check_access(browser, f"{name}, {scheme}")

    def check_access(self, browser: Browser, what: str):
        Axe(browser.driver).inject()
        # That version does not know that an open <dialog> is a landmark's equal, and that a <div> may hold rows of a <dl>.
        found = browser.driver.execute_async_script(
            "axe.run({rules: {region: {enabled: arguments[0]}, dlitem: {enabled: false}}}).then(arguments[1])", not browser.all("dialog[open]"))["violations"]
        self.assertEqual([], [f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0].get('failureSummary', '')}"
                              for one in found], what)
