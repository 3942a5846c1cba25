"""One connection to the daemon, with a client's certificate."""

import http.client
import json
import ssl
from pathlib import Path

from jobs import body

BROKEN = (OSError, http.client.HTTPException)
END_MEMBERS = ("status", "exit_code", "signal", "ended_by", "error_msg", "error_code", "timed_out", "truncated")


class Unexpected(Exception):
    """An answer that must not be."""


def end_of(status: dict) -> dict:
    """What is told of a job's end, wherever it is told."""
    return {name: status[name] for name in END_MEMBERS if status.get(name)} | {"exit_code": status.get("exit_code")}


class Api:
    def __init__(self, port: int, pki: Path) -> None:
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "guest.crt", pki / "guest.key")
        self.connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=120, context=context)

    def send(self, method: str, path: str, body: dict | None = None, key: str | None = None) -> http.client.HTTPResponse:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if key:
            headers["Idempotency-Key"] = key
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        return self.connection.getresponse()

    def ask(self, method: str, path: str, body: dict | None = None, key: str | None = None) -> dict:
        """The reply's object, empty when it has none."""
        response = self.send(method, path, body, key)
        text = response.read()
        if response.status != 200:
            raise Unexpected(f"{method} {path} is answered {response.status} {text[:200]!r}")
        return json.loads(text) if text else {}

    def create(self, tags: list[str], route: str, key: str | None) -> list[dict]:
        """Each job's answer, in order."""
        match route:
            case "batch":
                answers = self.ask("POST", "/jobs:batch", {"jobs": [body(tag) for tag in tags]}, key)["results"]
            case "create":
                answers = [self.ask("PUT", "/jobs", body(tags[0]), key)]
            case _:
                answers = [self.ask("POST", "/jobs:run", body(tags[0]) | {"rm": route == "rm"}, key)]
        if not all("id" in answer for answer in answers):
            raise Unexpected(f"{route} of {tags} is answered {answers}")
        return answers

    def all_jobs(self) -> list[dict]:
        jobs: list[dict] = []
        page = self.ask("GET", "/jobs?limit=1000")
        while True:
            jobs += page["jobs"]
            if "next" not in page:
                return jobs
            page = self.ask("GET", f"/jobs?limit=1000&cursor={page['next']}")

    def events(self, after: int) -> list[dict]:
        response = self.send("GET", f"/events?after={after}")
        text = response.read()
        if response.status != 200:
            raise Unexpected(f"events after {after} are answered {response.status}")
        return [json.loads(line) for line in text.splitlines()]
