"""The list of jobs: live, filtered, by role, by keyboard."""
import re

from selenium.webdriver.common.keys import Keys

from case import PageCase


class ListTests(PageCase):
    def followers(self) -> int:
        metrics = self.daemon.ask("olga", "GET", "/metrics").decode()
        return int(re.search(r"^jobd_followers (\d+)$", metrics, re.M)[1])

    def test_jobs_come_and_go_by_themselves(self):
        alice = self.browser("alice")
        alice.open("#/jobs")
        alice.until_text("#live", "Live")
        self.assertEqual(alice.text("#who"), "alice owner")
        job = self.daemon.shell("alice", "sleep 1000", labels={"stage": "live"})
        alice.until_text(f"a[href='#/jobs/{job}']", "sleep 1000")
        row = alice.one(f"tr:has(a[href='#/jobs/{job}'])")
        alice.until(lambda: "Running" in row.text, "running")
        self.daemon.ask("alice", "POST", f"/jobs/{job}/stop", {"grace": "0s"})
        alice.until(lambda: "Stopped" in row.text, "stopped")
        self.daemon.ask("alice", "DELETE", f"/jobs/{job}")
        alice.until(lambda: not alice.all(f"a[href='#/jobs/{job}']"), "the row to go")

    def test_filters_are_in_the_address(self):
        alice = self.browser("alice")
        self.expected = ("status of 400",)
        good = self.daemon.shell("alice", "true", labels={"kind": "a b"})
        bad = self.daemon.shell("alice", "exit 3", labels={"kind": "a b"})
        other = self.daemon.create("alice", "true", labels={"kind": "c"})
        for job in (good, bad, other):
            self.daemon.ended("alice", job)

        def shows(*jobs):
            alice.until(lambda: all(bool(alice.all(f"a[href='#/jobs/{job}']")) == (job in jobs) for job in (good, bad, other)),
                        f"{len(jobs)} of the jobs")

        alice.open("#/jobs?label=kind%3Da+b")
        shows(good, bad)
        self.assertEqual(alice.one("[name=label]").get_attribute("value"), "'kind=a b'")
        alice.open("#/jobs?label=kind%3Da+b&state=failed")
        shows(bad)
        alice.one("option[value=completed]").click()
        shows(good, bad)
        self.assertIn("state=completed", alice.driver.current_url)
        box = alice.one("[name=label]")
        box.clear()
        box.send_keys("kind=c", Keys.ENTER)
        shows(other)
        box.clear()
        box.send_keys("kind", Keys.ENTER)
        alice.until_text(".problem", 'A label must be NAME=VALUE, not "kind".')
        shows(other)
        alice.open("#/jobs?label=kind")
        alice.until_text(".problem", 'query parameter "label" must be NAME=VALUE (400)')
        shows()
        alice.one(".clear").click()
        shows(good, bad, other)

    def test_pages_go_on(self):
        alice = self.browser("alice")
        jobs = [{"cmd": "true", "labels": {"page": "x"}} for _ in range(120)]
        self.daemon.ask("alice", "POST", "/jobs:batch", {"jobs": jobs})
        alice.open("#/jobs?label=page%3Dx")
        alice.until(lambda: len(alice.all("tbody tr")) == 100, "100 rows")
        self.assertTrue(alice.text(".summary").startswith("The newest 100 jobs"))
        self.picture(alice, "list-owner")
        alice.one(".pages a").click()
        alice.until(lambda: len(alice.all("tbody tr")) == 20, "20 rows")
        alice.until_text(".summary", "20 older jobs")
        alice.one(".pages a").click()
        alice.until(lambda: len(alice.all("tbody tr")) == 100, "100 rows again")

    def test_owners_see_their_own(self):
        mine = self.daemon.shell("olga", "true")
        alice = self.browser("alice")
        alice.open("#/jobs")
        marker = self.daemon.shell("alice", "true")
        alice.one(f"a[href='#/jobs/{marker}']")
        self.assertEqual(alice.all(f"a[href='#/jobs/{mine}']"), [])
        self.assertEqual(alice.all(".load, [name=client]"), [])

    def test_viewers_and_operators_see_all_and_the_load(self):
        self.daemon.shell("olga", "true")
        for name in ("vera", "olga"):
            browser = self.browser(name)
            browser.open("#/jobs")
            browser.until_text("#live", "Live")
            job = self.daemon.shell("alice", "echo seen; sleep 0.2", labels={"for": name})
            row = browser.one(f"tr:has(a[href='#/jobs/{job}'])")
            browser.until(lambda: "Done" in row.text and "alice" in row.text, "alice's job to end")
            browser.until(lambda: len(browser.all(".chart polyline[points*=' ']")) == 5, "two samples of the load")
            self.assertRegex(browser.text(".chart"), r"Running\d")
            self.picture(browser, f"list-{browser.text('#who').split()[1]}")
            browser.open("#/jobs?client=olga")
            browser.until(lambda: not browser.all(f"a[href='#/jobs/{job}']"), "olga's alone")
            browser.open("#/jobs")
            browser.one(f"a[href='#/jobs/{job}']")

    def test_a_lost_connection_is_told_and_taken_up_again(self):
        alice = self.browser("alice")
        alice.open("#/jobs")
        alice.until_text("#live", "Live")
        alice.driver.execute_script(
            "window.told = []; new MutationObserver(() => told.push(document.getElementById('live').textContent))"
            ".observe(document.getElementById('live'), {childList: true, characterData: true, subtree: true})")
        self.expected = ("net::ERR_",)
        self.daemon.kill_api()
        alice.until(lambda: alice.driver.execute_script("return told.includes('Reconnecting') && told.at(-1) === 'Live'"),
                    "lost and taken up again")
        job = self.daemon.shell("alice", "true")
        alice.one(f"a[href='#/jobs/{job}']")

    def test_none_among_many_is_not_none(self):
        alice = self.browser("alice")
        jobs = [{"cmd": "true", "labels": {"many": "x"}} for _ in range(501)]
        for _ in range(2):
            self.daemon.ask("alice", "POST", "/jobs:batch", {"jobs": jobs})
        alice.open("#/jobs?label=many%3Dx&state=failed")
        alice.until_text(".summary", "None among the 1000 newest.")

    def test_what_a_batch_has_of_one_key_is_told_once(self):
        alice = self.browser("alice")
        key = "01a2282c-0a5e-702d-9553-9fa2cf09761e"
        job = self.daemon.create("alice", "true", labels={"batch": key}, queue=f"batch/{key}")
        alice.open("#/jobs")
        about = f"tr:has(a[href='#/jobs/{job}']) .about"
        alice.until_text(about, f"batch={key}")
        self.assertEqual(alice.text(about), f"batch={key}")
        self.assertEqual(alice.one(f"{about} a").get_attribute("title"), f"batch={key}")
        self.assertLessEqual(alice.one(f"{about} a").size["width"], 200)

    def test_what_the_page_has_not_is_told(self):
        alice = self.browser("alice")
        alice.open("#/nonsense")
        alice.until_text(".problem", 'This page has no "/nonsense".')
        alice.one("main a").click()
        alice.one("table.jobs")

    def test_a_passing_failure_leaves_the_list(self):
        alice = self.browser("alice")
        job = self.daemon.shell("alice", "true")
        alice.open("#/jobs")
        alice.one(f"a[href='#/jobs/{job}']")
        alice.driver.execute_script(
            "window.real = fetch; window.fetch = async () => new Response('{\"detail\": \"too many\"}', {status: 429});")
        other = self.daemon.shell("alice", "true")
        alice.until_text(".problem", "too many (429)")
        alice.one(f"a[href='#/jobs/{job}']")
        alice.driver.execute_script("window.fetch = window.real")
        # By itself, with no event.
        alice.one(f"a[href='#/jobs/{other}']")
        alice.until(lambda: not alice.text(".problem").strip(), "the problem to go")

    def test_a_hidden_page_holds_no_connection(self):
        alice = self.browser("alice")
        job = self.daemon.shell("alice", "echo up; read go; echo more", stdin_open=True)
        alice.open(f"#/jobs/{job}")
        alice.until_text(".lines", "up")
        hide = ("Object.defineProperty(document, 'hidden', {value: arguments[0], configurable: true});"
                "document.dispatchEvent(new Event('visibilitychange'))")
        alice.until(lambda: self.followers() == 2, "the event stream and the log")
        alice.driver.execute_script(hide, True)
        alice.until(lambda: self.followers() == 0, "both to be closed")
        self.daemon.ask("alice", "PUT", f"/jobs/{job}/stdin", "go\n")
        self.daemon.ended("alice", job)
        self.assertNotIn("more", alice.text(".lines"))
        alice.driver.execute_script(hide, False)
        alice.until_text(".lines", "more")
        alice.until_text(".state", "Done")
        self.assertEqual(alice.text(".lines div"), "up\nmore")

    def test_by_keyboard_alone(self):
        alice = self.browser("alice")
        job = self.daemon.shell("alice", "echo by keyboard")
        self.daemon.ended("alice", job)
        alice.driver.get("about:blank")
        alice.driver.get(f"{self.daemon.url}/")
        alice.one(f"a[href='#/jobs/{job}']")
        alice.keys(Keys.TAB)
        self.assertEqual(alice.focused(), "Skip to content")
        alice.keys(Keys.ENTER)
        alice.until(lambda: alice.driver.execute_script("return document.activeElement.id") == "main", "the focus in the content")
        for _ in range(20):
            alice.keys(Keys.TAB)
            if alice.focused() == "echo by keyboard":
                break
        self.assertEqual(alice.focused(), "echo by keyboard")
        # What comes meanwhile does not take the focus away.
        other = self.daemon.shell("alice", "true")
        alice.one(f"a[href='#/jobs/{other}']")
        self.assertEqual(alice.focused(), "echo by keyboard")
        alice.keys(Keys.ENTER)
        alice.until_text(".lines", "by keyboard")

    def test_one_event_stream_and_nothing_from_outside(self):
        for name in ("alice", "vera", "olga"):
            browser = self.browser(name)
            browser.requests()
            browser.seen.clear()
            browser.driver.get("about:blank")
            browser.driver.get(f"{self.daemon.url}/#/jobs")
            browser.until_text("#live", "Live")
            job = self.daemon.shell("alice", "true")
            for hash_ in (f"#/jobs/{job}", "#/jobs?state=failed", f"#/jobs/{job}", "#/jobs"):
                browser.open(hash_)
                browser.one(".output" if job in hash_ else "table.jobs")
            asked = browser.requests()
            self.assertEqual([url for url in asked if not url.startswith(self.daemon.url + "/")], [])
            self.assertEqual(len([url for url in asked if "/events" in url]), 1, asked)
