"""Output: as it comes, however much, and whatever is in it."""
from case import PageCase

HOSTILE = "<script>window.broken = 1</script><img src=x onerror='window.broken = 1'><a href=\"javascript:window.broken=1\">x</a>"


class OutputTests(PageCase):
    def lines(self, browser) -> list:
        return browser.driver.execute_script("return [...document.querySelectorAll('.lines div')].map(one => one.textContent)")

    def show(self, script: str, client: str = "alice", **members):
        browser = self.browser(client)
        job = self.daemon.shell(client, script, **members)
        browser.open(f"#/jobs/{job}")
        browser.one(".output")
        return browser, job

    def test_colours_and_carriage_returns(self):
        alice, _ = self.show(r"""printf 'plain \033[31mred\033[0m \033[1;4;92mbold\033[m \033[38;5;208morange\033[0m \033[48;2;10;20;30mback\033[0m
10%%\r100%%\r\033[K99%%\n\033]0;title\007\033[2J\033[?25lafter\n\033[7minverse\033[27m\nabc\rX\nsplit \033[3'; sleep 0.2; printf '2mgreen\033[0m\n'
for i in 0 1 2 3 4 5 6 7; do printf "\033[3${i}m normal\033[9${i}m bright\033[0m\033[4${i}m back \033[0m"; done; echo; echo to stderr >&2""")
        alice.until_text(".lines", "stderr: to stderr")
        self.assertEqual(self.lines(alice)[:6], ["plain red bold orange back", "99%", "after", "inverse", "Xbc", "split green"])

        def of(text, member):
            return alice.driver.execute_script(
                "return getComputedStyle([...document.querySelectorAll('.lines span')].find(one => one.textContent === arguments[0]))"
                "[arguments[1]]", text, member)

        self.assertEqual(of("red", "color"), "rgb(255, 123, 114)")
        self.assertEqual((of("bold", "fontWeight"), of("bold", "textDecorationLine")), ("700", "underline"))
        self.assertEqual((of("orange", "color"), of("back", "backgroundColor")), ("rgb(255, 135, 0)", "rgb(10, 20, 30)"))
        self.assertEqual(of("green", "color"), "rgb(92, 201, 115)")
        self.assertEqual(of("inverse", "backgroundColor"), "rgb(221, 227, 234)")
        self.picture(alice, "output-colours")

    def test_output_goes_on_over_a_lost_connection(self):
        alice, job = self.show("i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line $i; sleep 0.01; done")
        alice.until_text(".lines", "line 20")
        self.expected = ("net::ERR_",)
        self.daemon.kill_api()
        self.daemon.ended("alice", job)
        alice.until_text(".lines", "line 300")
        self.assertEqual(self.lines(alice), [f"line {number}" for number in range(1, 301)])

    def test_a_hundred_megabytes_do_not_stall_it(self):
        alice = self.browser("alice")
        job = self.daemon.shell("alice", "read go; seq 14000000 | head -c 104857600; echo; echo the end", stdin_open=True)
        alice.open(f"#/jobs/{job}")
        alice.one(".output")
        alice.driver.execute_script(
            "window.longest = 0; window.most = 0; let before = performance.now(); const turn = () => { const now = performance.now();"
            " longest = Math.max(longest, now - before); before = now; most = Math.max(most, document.querySelectorAll('.lines *').length);"
            " window.turn = setTimeout(turn, 10); }; turn()")
        self.daemon.ask("alice", "PUT", f"/jobs/{job}/stdin", "go\n")
        alice.until_text(".lines", "the end")
        longest, most = alice.driver.execute_script("clearTimeout(turn); return [longest, most]")
        # Of a machine that is busy with other things; a page that shows all of it takes minutes.
        self.assertLess(longest, 5000)
        self.assertLess(most, 5000)
        self.assertLessEqual(len(self.lines(alice)), 2000)
        alice.until_text(".note", "Only the last part is shown")
        alice.until_text(".facts", "100 MiB")
        # Begun when it is all there: the last of it, at once.
        alice.open("#/jobs")
        alice.one("table.jobs")
        alice.open(f"#/jobs/{job}")
        alice.until_text(".lines", "the end")
        self.remove(job)

    def test_many_colours_do_not_stall_it(self):
        alice, _ = self.show(r"""line=$(printf '\033[31ma\033[32mb%.0s' $(seq 1000)); for i in $(seq 100); do printf '%s\n' "$line"; done; echo the end""")
        alice.until_text(".lines", "the end")
        alice.until_text(".state", "Done")
        # Of a line, and of all.
        most = alice.driver.execute_script("return Math.max(...[...document.querySelectorAll('.lines div')].map(one => one.children.length))")
        self.assertLessEqual(most, 201)
        self.assertLess(alice.driver.execute_script("return document.querySelectorAll('.lines *').length"), 20000)
        self.assertEqual(self.lines(alice)[-2], "ab" * 1000)

    def test_what_is_hostile_is_text(self):
        script = ("printf '%s\\n' \"$HOSTILE\"; printf 'a\\342\\200\\256b\\n\\377\\376 bytes\\n\\033[999999999999;;;m\\033]8;;javascript:1\\033\\\\link\\033]8;;\\007\\n';"
                  " head -c 2000000 /dev/zero | tr '\\0' x; echo; printf '\\033]never ends'; echo; echo after; "
                  "printf '\\033P'; head -c 5000 /dev/zero | tr '\\0' y; echo; echo last")
        alice, job = self.show(script, env={"HOSTILE": HOSTILE}, labels={"hostile": HOSTILE, "bidi": "a\u202eb", "javascript": "javascript:alert(1)"})
        alice.until_text(".lines", "last")
        lines = self.lines(alice)
        self.assertEqual(lines[-1], "last")
        self.assertLess(max(len(line) for line in lines), 5100)
        listed = self.daemon.create("alice", HOSTILE, "\u202egpj.exe", "\x1b[31m", "x" * 100000)
        self.daemon.ended("alice", listed)
        alice.until_text(".facts", "a\\u202eb")
        self.picture(alice, "output-hostile")
        alice.open(f"#/jobs/{listed}")
        alice.until_text("h1", "\\u202egpj.exe")
        self.assertIn("\u241b[31m", alice.text("h1"))
        alice.open("#/jobs")
        alice.until_text(f"a[href='#/jobs/{listed}']", "<script>")
        self.picture(alice, "list-hostile")
        self.assertIsNone(alice.driver.execute_script("return window.broken ?? null"))
        links = alice.driver.execute_script("return [...document.querySelectorAll('a')].map(one => one.protocol)")
        self.assertEqual(set(links), {"https:"})
        self.assertNotIn("\u202e", alice.text("body"))
        self.remove(job, listed)

    def test_short_hostile_output_reads_as_it_is(self):
        alice, _ = self.show("printf '%s\\n' \"$HOSTILE\"; printf 'a\\342\\200\\256b\\n\\377\\376 bytes\\n'", env={"HOSTILE": HOSTILE})
        alice.until_text(".lines", "bytes")
        self.assertEqual(self.lines(alice), [HOSTILE, "a\\u202eb", "\ufffd\ufffd bytes"])
        self.assertIsNone(alice.driver.execute_script("return window.broken ?? null"))

    def test_the_page_cannot_run_what_it_did_not_bring(self):
        alice = self.browser("alice")
        alice.open("#/jobs")
        self.expected = ("This document requires", "Refused to evaluate", "Evaluating a string")
        # What chromium itself evaluates is not bound by the policy, but what comes of it later is.
        tried = alice.driver.execute_async_script(
            "const done = arguments[0]; setTimeout(() => { const tried = []; for (const action of [() => { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); }, () => eval('1'),"
            " () => { document.createElement('script').src = '/page/main.js'; }]) { try { action(); tried.push('worked'); }"
            " catch (error) { tried.push(error.constructor.name); } } done(tried); })")
        self.assertEqual((len(tried), "worked" in tried), (3, False), tried)
