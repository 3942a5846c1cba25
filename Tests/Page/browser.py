"""A headless chromium that signs in with one client's certificate, and what the tests look at in it."""
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import time

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from daemon import PASSWORD, Daemon

POLICIES = pathlib.Path("/etc/chromium/policies/managed")
WIDE, NARROW = (1280, 860), (320, 740)
PATIENCE = 15


class Policy:
    """Chromium takes whatever certificate it has for this daemon: nobody is there to choose one."""

    def __init__(self, daemon: Daemon):
        self.file = POLICIES / "jobd-page-check.json"
        POLICIES.mkdir(parents=True, exist_ok=True)
        self.lock = os.open(POLICIES, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"another check of the page runs: it holds {POLICIES}") from None
        # Of two files chromium takes one alone, and asks who sits before it for the other.
        for other in POLICIES.glob("*.json"):
            if other != self.file and "AutoSelectCertificateForUrls" in other.read_text(errors="replace"):
                raise SystemExit(f"{other} chooses certificates, too: move it away for the check of the page")
        choice = json.dumps({"pattern": daemon.url, "filter": {}})
        self.file.write_text(json.dumps({"AutoSelectCertificateForUrls": [choice]}))
        self.file.chmod(0o644)

    def close(self):
        self.file.unlink(missing_ok=True)
        os.close(self.lock)


class Browser:
    """One client's browser, in a home directory of its own."""

    def __init__(self, daemon: Daemon, client: str):
        self.daemon, self.client, self.seen = daemon, client, []
        self.home = daemon.scratch / f"home-{client}"
        self.import_certificates()
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                         f"--user-data-dir={self.home / 'profile'}", "--disable-background-networking",
                         "--force-device-scale-factor=1", "--hide-scrollbars", "--lang=en-GB"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        home = {**os.environ, "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home), "XDG_CACHE_HOME": str(self.home)}
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver"), env=home))
        self.driver.set_page_load_timeout(20)
        self.size(WIDE)

    def import_certificates(self):
        database = self.home / ".pki/nssdb"
        database.mkdir(parents=True)
        store = f"sql:{database}"

        def run(*arguments):
            subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=20)

        run("certutil", "-N", "-d", store, "--empty-password")
        run("certutil", "-A", "-d", store, "-n", "jobd", "-t", "C,,", "-i", self.daemon.pki / "ca.crt")
        run("pk12util", "-d", store, "-i", self.daemon.pki / f"{self.client}.p12", "-W", PASSWORD)

    def size(self, size: tuple):
        # The window of a headless chromium is not narrower than 500 pixels; its view is what it is told.
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False})

    def scheme(self, name: str, calm: bool = True):
        """`name`: light or dark. `calm`: whoever looks wants no motion."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": name},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"}]})

    def open(self, hash_: str = "#/jobs"):
        """Shows a view; the page itself is loaded at the first time alone."""
        if not self.driver.current_url.startswith(self.daemon.url):
            self.driver.get(f"{self.daemon.url}/{hash_}")
        else:
            self.driver.execute_script("location.hash = arguments[0]", hash_)

    def all(self, selector: str) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str):
        """The element, once there is one that is shown."""
        return self.until(lambda: next((one for one in self.all(selector) if one.is_displayed()), None), selector)

    def text(self, selector: str) -> str:
        return self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map(one => one.textContent).join('\\n')", selector)

    def until(self, holds, what: str):
        """What `holds` returns once that is true; fails after PATIENCE seconds."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                if found := holds():
                    return found
            except StaleElementReferenceException:
                pass
            assert time.monotonic() < until, f"{self.client}: not seen in time: {what}\n{self.text('main')[:2000]}"
            time.sleep(0.05)

    def until_text(self, selector: str, words: str):
        self.until(lambda: words in self.text(selector), f"{words!r} in {selector}: {self.text(selector)[:300]!r}")

    def press(self, label: str, within: str = "body"):
        """Presses the button with this label."""
        self.until(lambda: next((one for one in self.all(f"{within} button") if one.text == label and one.is_displayed()),
                                None), f"button {label}").click()

    def buttons(self, within: str = "body") -> list:
        return [one.text for one in self.all(f"{within} button") if one.is_displayed()]

    def keys(self, *keys: str):
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self) -> str:
        return self.driver.execute_script("return document.activeElement.textContent || document.activeElement.name")

    def picture(self, folder: pathlib.Path, name: str):
        """Light, dark and narrow, without motion, of what is shown now."""
        for kind, size, scheme in (("light", WIDE, "light"), ("dark", WIDE, "dark"), ("narrow", NARROW, "light")):
            self.size(size)
            self.scheme(scheme)
            wide = self.driver.execute_script("return document.documentElement.scrollWidth")
            assert wide <= size[0], f"{name}, {kind}: {wide} pixels wide, and may have {size[0]}"
            self.driver.save_screenshot(str(folder / f"{name}-{kind}.png"))
        self.size(WIDE)
        self.scheme("light")

    def requests(self) -> list:
        """The addresses that were asked for up to now, in order."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.seen.append(message["params"]["request"]["url"])
        return self.seen

    def complaints(self) -> list:
        """What the console has of errors, of violations of the policy among them, since it was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def close(self):
        self.driver.quit()
