"""Many clients that create, wait, read, stop and delete jobs until the power is cut. usage: load.py LEDGER PORT PKI"""

import json
import random
import sys
import threading
import time
from pathlib import Path

from api import BROKEN, Api, Unexpected, end_of
from jobs import END_BY_THEMSELVES, kind_of, output, own_end
from ledger import Ledger, digest

WORKERS = 24


class Worker(threading.Thread):
    def __init__(self, name: str, ledger: Ledger, api: Api) -> None:
        super().__init__(name=name)
        self.ledger, self.api, self.count, self.broken = ledger, api, 0, 0.0
        self.random = random.Random()

    def run(self) -> None:
        try:
            while True:
                self.step()
        except BROKEN:
            self.broken = time.monotonic()
        except Exception as error:
            self.ledger.note_violation(f"under load: {error!r}")

    def step(self) -> None:
        kind = self.random.choice((*END_BY_THEMSELVES, "brief", "brief", "lasting", "waiting"))
        route = self.random.choice(("create", "create", "batch", "run", "rm"))
        if kind in ("lasting", "waiting") and route != "batch":
            route = "create"
        tags = [self.tag(kind) for _ in range(self.random.randint(2, 6) if route == "batch" else 1)]
        key = tags[0] if route != "rm" and self.random.random() < 0.5 else None
        answers = self.create(tags, route, key)
        if key and self.random.random() < 0.3:
            again = self.api.create(tags, route, key)
            if [answer["id"] for answer in again] != [answer["id"] for answer in answers]:
                raise Unexpected(f"the key of {tags} gives {again}, and gave {answers}")
        if route != "rm":
            for tag, answer in zip(tags, answers, strict=True):
                self.go_on(tag, answer["id"])

    def tag(self, kind: str) -> str:
        self.count += 1
        return f"{kind}-{self.ledger.cuts}-{self.name}-{self.count}"

    def create(self, tags: list[str], route: str, key: str | None) -> list[dict]:
        self.ledger.note(fact="creation", tags=tags, route=route, key=key)
        answers = self.api.create(tags, route, key)
        for tag, answer in zip(tags, answers, strict=True):
            self.ledger.note_job(tag, id=answer["id"])
            if route == "run":
                self.told_end(tag, answer)
                self.told_output(tag, answer)
            elif route == "rm":  # what is told of it is not on disk
                self.check(tag, "ended as", end_of(answer), own_end(tag))
                self.check(tag, "wrote", {"stdout": answer["stdout"], "stderr": answer["stderr"]}, output(tag))
        return answers

    def told_end(self, tag: str, status: dict) -> None:
        self.ledger.note_job(tag, end=end_of(status))
        if kind_of(tag) in END_BY_THEMSELVES:
            self.check(tag, "ended as", end_of(status), own_end(tag))

    def told_output(self, tag: str, written: dict) -> None:
        self.ledger.note_job(tag, output=digest(written))
        self.check(tag, "wrote", {"stdout": written["stdout"], "stderr": written["stderr"]}, output(tag))

    def check(self, tag: str, what: str, told: dict, wanted: dict) -> None:
        if told != wanted:
            self.ledger.note_violation(f"{tag} {what} {told}")

    def go_on(self, tag: str, job: str) -> None:
        choice = self.random.random()
        if choice < 0.2:
            return
        if kind_of(tag) in END_BY_THEMSELVES:
            self.told_end(tag, self.api.ask("GET", f"/jobs/{job}/status?wait=60s"))
            if choice < 0.7:
                self.told_output(tag, self.api.ask("GET", f"/jobs/{job}/output"))
        elif choice < 0.5:
            self.ledger.note_job(tag, stop_asked=True)
            self.told_end(tag, self.api.ask("POST", f"/jobs/{job}/stop"))
        if choice > 0.7:
            self.ledger.note_job(tag, delete_asked=True)
            self.api.ask("DELETE", f"/jobs/{job}")
            self.ledger.note_job(tag, deleted=True)

    def hold_queue(self) -> None:
        """A job that runs in the queue which the waiting ones wait in."""
        [answer] = self.create([self.tag("holder")], "create", None)
        while "started" not in self.api.ask("GET", f"/jobs/{answer['id']}"):
            time.sleep(0.1)


class Follower(Worker):
    """Notes the events that it is told."""

    def step(self) -> None:
        response = self.api.send("GET", f"/events?follow=1&after={max(self.ledger.events, default=0)}")
        if response.status != 200:
            raise Unexpected(f"events are answered {response.status}")
        while line := response.readline():
            event = json.loads(line)
            self.ledger.note(fact="event", seq=event["seq"], event=event["event"], id=event["id"])


def main() -> None:
    path, port, pki = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    ledger = Ledger(path)
    Worker("holder", ledger, Api(port, pki)).hold_queue()
    workers = [Worker(str(n), ledger, Api(port, pki)) for n in range(WORKERS)] + [Follower("events", ledger, Api(port, pki))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    broken = [worker.broken for worker in workers if worker.broken]
    if broken and max(broken) - min(broken) > 10:
        ledger.note_violation("a connection was lost before the power was cut")


main()
