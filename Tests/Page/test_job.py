"""A job's detail, what can be done with it, and the form for a new one."""
import shlex

from selenium.webdriver.common.keys import Keys

from case import PageCase


class JobTests(PageCase):
    def fill(self, browser, **values):
        for name, value in values.items():
            box = browser.one(f"#create [name={name}]")
            box.clear()
            box.send_keys(value)

    def facts(self, browser) -> dict:
        names, values = (browser.text(f".facts {tag}").split("\n") for tag in ("dt", "dd"))
        return dict(zip(names, values))

    def test_a_command_is_run_and_its_detail_shown(self):
        alice = self.browser("alice")
        alice.open("#/jobs")
        alice.press("Run a command")
        self.fill(alice, command="sh -c 'echo \"$NAME in $PWD\"; echo bad >&2; exit 3' x", cwd="/tmp", env="NAME=a b\nOTHER=1",
                  labels="stage=test 'who=a b'", timeout="20s", queue="page")
        self.picture(alice, "run")
        alice.press("Run", "#create")
        alice.until_text(".lines", "a b in /tmp")
        alice.until_text(".lines .stderr", "stderr: bad")
        alice.until_text(".state", "Exit 3")
        facts = self.facts(alice)
        self.assertEqual(facts["Ended"], "exit code 3")
        self.assertEqual(facts["Labels"], "stage=test who=a b")
        self.assertEqual((facts["Directory"], facts["Limits"], facts["Queue"]), ("/tmp", "time 20s", "page, 1 at once"))
        self.assertIn("CPU", facts["Used"])
        self.assertRegex(alice.one(".times").get_attribute("aria-label"), r"waited .* ran .*first output after")
        self.picture(alice, "detail-failed")
        self.assertNotIn("Arguments", facts)
        alice.press("Run again")
        self.assertEqual(alice.one("#create [name=labels]").get_attribute("value"), "stage=test 'who=a b'")
        self.assertEqual(alice.text("#create-note"), "Left out: that job's environment and input, which the daemon tells nobody.")
        alice.press("Cancel", "#create")

    def test_running_again_keeps_what_the_form_does_not_show(self):
        alice = self.browser("alice")
        job = self.daemon.create("alice", "cat", tty={"rows": 24, "columns": 80}, grace="7s", priority=3, output_limit=1000)
        alice.open(f"#/jobs/{job}")
        alice.press("Run again")
        self.assertTrue(alice.text("#create-note").startswith("Kept, but not shown here: grace, terminal, output limit, priority."))
        self.picture(alice, "run-again")
        alice.press("Run", "#create")
        alice.until(lambda: "/jobs/" in alice.driver.current_url and job not in alice.driver.current_url, "the other job")
        again = self.daemon.ask("alice", "GET", f"/jobs/{alice.driver.current_url.rsplit('/', 1)[1]}")
        self.assertEqual([again[name] for name in ("tty", "grace", "priority", "output_limit")], [{"rows": 24, "columns": 80}, "7s", 3, 1000])
        self.remove(job, again["id"])

    def test_a_terminal_is_told(self):
        alice = self.browser("alice")
        job = self.daemon.shell("alice", "echo up; read line; sleep 1000", tty={"rows": 24, "columns": 80})
        self.daemon.ask("alice", "PUT", f"/jobs/{job}/stdin?close=0", "12345")
        alice.open(f"#/jobs/{job}")
        alice.until_text(".lines", "up")
        alice.until(lambda: self.facts(alice)["Input"] == "7 B so far", "the input, of which JSON has quotes")
        self.assertEqual(self.facts(alice)["Terminal"], "80 x 24")
        self.assertEqual(self.facts(alice)["Output"].split(", ")[1], "with stderr in it")
        alice.until_text("section .note", f"This is a terminal's output, drawn as lines; jobctl attach {job} shows it as it is.")
        self.picture(alice, "detail-terminal")
        alice.driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
        for place, text in (("section .copy", f"jobctl attach {job}"), (".bar .copy", job)):
            alice.one(place).click()
            alice.until_text(place, "Copied")
            self.assertEqual(alice.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])"), text)
        self.remove(job)

    def test_a_script_goes_through_sh(self):
        alice = self.browser("alice")
        alice.open("#/jobs")
        alice.press("Run a command")
        self.fill(alice, command="echo $((6*7)) | cat")
        alice.one("#create [name=shell]").click()
        alice.one("#create [name=command]").send_keys(Keys.CONTROL, Keys.ENTER)
        alice.until_text(".lines", "42")
        self.assertEqual(alice.text("h1"), "echo $((6*7)) | cat")

    def test_what_is_wrong_with_a_command_is_told(self):
        alice = self.browser("alice")
        self.expected = ("status of 400",)
        alice.open("#/jobs")
        alice.press("Run a command")
        for values, words in [
            ({"command": " "}, "There is no command."), ({"command": "echo 'a"}, "A quote ' is opened and not closed."),
            *(({"command": f"echo a{sign}b"}, f'"{sign}" is for a shell: quote it, or tick "Run it with sh -c".') for sign in ";|&<>()"),
            ({"command": "echo a", "env": "A"}, 'A line of the environment must be NAME=VALUE, not "A".'),
            ({"env": "", "timeout": "soon"}, "timeout"), ({"timeout": "", "queue": "a b"}, "queue"),
        ]:
            self.fill(alice, **values)
            alice.press("Run", "#create")
            alice.until_text("#create-problem", words)
        self.picture(alice, "run-refused")
        self.fill(alice, queue="")
        alice.press("Run", "#create")
        alice.until_text("h1", "echo a")

    def test_stop_and_delete_ask_first(self):
        for name in ("alice", "olga"):
            browser = self.browser(name)
            self.expected = ("status of 404",)
            job = self.daemon.shell("alice", "echo up; sleep 1000")
            browser.open(f"#/jobs/{job}")
            browser.until_text(".lines", "up")
            self.picture(browser, f"detail-running-{name}")
            browser.press("Stop")
            browser.press("Cancel", "#ask")
            self.assertEqual(self.daemon.ask("alice", "GET", f"/jobs/{job}/status")["status"], "running")
            browser.press("Stop")
            self.picture(browser, f"stop-{name}")
            browser.press("Stop it", "#ask")
            browser.until_text(".state", "Stopped")
            self.assertIn(f"{name} at ", self.facts(browser)["Stopped by"])
            browser.until_text("#news", "The job: Stopped")
            browser.press("Delete")
            browser.press("Delete it", "#ask")
            browser.one("table.jobs")
            self.assertEqual(browser.all(f"a[href='#/jobs/{job}']"), [])
            browser.open(f"#/jobs/{job}")
            browser.until_text(".problem", "There is no such job")
            self.assertEqual(browser.buttons(".title"), [])

    def test_stopping_goes_on_without_the_dialog(self):
        alice = self.browser("alice")
        job = self.daemon.shell("alice", "trap '' TERM; echo up; read go", stdin_open=True, grace="1000s")
        alice.open(f"#/jobs/{job}")
        alice.until_text(".lines", "up")
        alice.press("Stop")
        alice.until_text("#ask-text", "read go: its processes are asked to end")
        alice.press("Stop it", "#ask")
        alice.until_text(".state", "Stopping…")
        self.assertEqual((alice.all("dialog[open]"), alice.buttons(".title")), ([], ["Run again", "Delete"]))
        self.assertEqual(alice.driver.execute_script("return document.activeElement.tagName"), "H1")
        self.picture(alice, "detail-stopping")
        # Who comes back sees it, too.
        alice.open("#/jobs")
        alice.one("table.jobs")
        alice.open(f"#/jobs/{job}")
        alice.until_text(".state", "Stopping…")
        self.daemon.ask("alice", "PUT", f"/jobs/{job}/stdin", "go\n")
        self.daemon.ended("alice", job)
        alice.until(lambda: "Stopping" not in alice.text(".state"), "the end")

    def test_a_stop_that_fails_is_told(self):
        alice = self.browser("alice")
        self.expected = ("status of 404",)
        job = self.daemon.shell("alice", "sleep 1000")
        alice.open(f"#/jobs/{job}")
        alice.press("Stop")
        alice.one("#ask")
        self.daemon.ask("alice", "DELETE", f"/jobs/{job}")
        alice.press("Stop it", "#ask")
        alice.until_text("#news.problem", f"The job {job} was not stopped: ")
        alice.open("#/jobs")
        alice.one("#news.unseen")

    def test_a_question_ends_with_its_view(self):
        alice = self.browser("alice")
        job = self.daemon.shell("alice", "sleep 1000")
        alice.open(f"#/jobs/{job}")
        for button, dialog in (("Delete", "#ask"), ("Run again", "#create")):
            alice.press(button)
            alice.one(f"{dialog}[open]")
            alice.open("#/jobs")
            alice.one("table.jobs")
            self.assertEqual(alice.all("dialog[open]"), [])
            alice.open(f"#/jobs/{job}")
        self.remove(job)

    def test_what_does_not_change_stays(self):
        alice = self.browser("alice")
        job = self.daemon.shell("alice", "echo up; read go; echo more; sleep 1000", stdin_open=True, labels={"stays": "1"})
        alice.open(f"#/jobs/{job}")
        alice.until(lambda: "stdout 3 B" in alice.text(".facts"), "its first output")
        alice.driver.execute_script(
            "window.kept = [...document.querySelectorAll('.facts div')].find(one => one.textContent.startsWith('Labels'))")
        self.daemon.ask("alice", "PUT", f"/jobs/{job}/stdin", "go\n")
        alice.until(lambda: "stdout 8 B" in alice.text(".facts"), "its second output")
        self.assertTrue(alice.driver.execute_script("return kept.isConnected"))
        self.remove(job)

    def test_roles_have_the_buttons_they_may_press(self):
        job = self.daemon.shell("alice", "sleep 1000")
        for name, own, buttons in [("alice", True, ["Stop", "Run again", "Delete"]), ("vera", False, []),
                                   ("olga", True, ["Stop", "Run again", "Delete"])]:
            browser = self.browser(name)
            browser.open(f"#/jobs/{job}")
            browser.until_text(".state", "Running")
            self.assertEqual(browser.buttons(".title"), buttons, name)
            self.assertEqual("Run a command" in browser.buttons("header"), own, name)
        self.picture(self.browser("vera"), "detail-viewer")

    def test_a_refusal_stays_in_the_dialog_whole(self):
        alice = self.browser("alice")
        self.expected = ("status of 404",)
        job = self.daemon.shell("alice", "sleep 1000")
        alice.open(f"#/jobs/{job}")
        alice.press("Delete")
        self.daemon.ask("alice", "DELETE", f"/jobs/{job}")
        alice.press("Delete it", "#ask")
        alice.until_text("#ask-problem", "(404)")
        alice.press("Cancel", "#ask")

    def test_a_job_that_waits_says_why(self):
        alice = self.browser("alice")
        first, second = (self.daemon.shell("alice", "sleep 1000", queue="narrow") for _ in range(2))
        third = self.daemon.shell("alice", "echo last", queue="narrow", limits={})
        alice.open(f"#/jobs/{third}")
        alice.until_text(".note", "It waits for a slot of the queue narrow, which runs 1 at once. Jobs of this client before it: 1.")
        self.picture(alice, "detail-waiting")
        for job in (first, second):
            self.daemon.ask("alice", "DELETE", f"/jobs/{job}")
        alice.until_text(".lines", "last")
        alice.until_text(".state", "Done")

    def test_a_job_that_could_not_start_says_why(self):
        alice = self.browser("alice")
        job = self.daemon.create("alice", "/no/such/program")
        alice.open(f"#/jobs/{job}")
        alice.until_text(".state", "Not started")
        self.assertIn("No such file", self.facts(alice)["Ended"])

    def test_words_are_split_as_a_shell_does(self):
        alice = self.browser("alice")
        alice.open("#/jobs")
        lines = ["a b  c", "'a b' c", "\"a 'b\" c", "a\\ b", "'a'\"b\"c", "''", "a '' b", "\"a\\\"b\\\\c\\d\"", "'a\\b'", "a\tb\nc", "", "a|b; 'c;'",
                 "--x='1 2' y\\'z", "\u00e9 '\U0001f600 x'"]
        split = ("const [lines, done] = arguments; import('/page/text.js').then(({ words, typed }) => done(lines.map((line) => {"
                 " try { return [words(line), words(typed(words(line)))]; } catch (error) { return error.message; } })))")
        for line, found in zip(lines, alice.driver.execute_async_script(split, lines)):
            self.assertEqual(found, [shlex.split(line)] * 2, line)
        for found in alice.driver.execute_async_script(split, ["'a", 'a "b', "a \\"]):
            self.assertIsInstance(found, str)
