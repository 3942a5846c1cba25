#!/usr/bin/env python3
"""Records what a version of jobd leaves behind when it is killed, and what it answers of it: for TakeoverTests.

usage: record.py DIRECTORY-OF-JOBD-AND-JOBCTL OUT     (as root: one job runs as another user)

OUT/state.tar.gz: the state directory as SIGKILL left it, with jobs of every kind, some of them running. OUT/replies.json:
requests, and the replies of that version, started again on it. <later> stands for a time or number that came of that.
"""
import atexit
import base64
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Daemon:
    def __init__(self, binaries, directory, state):
        self.pki = f"{directory}/pki"
        log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [f"{binaries}/jobd", "--listen", "127.0.0.1:0", "--state-directory", state, "--certificate-file",
             f"{self.pki}/server.crt", "--key-file", f"{self.pki}/server.key", "--client-ca-file",
             f"{self.pki}/ca.crt", "--config", f"{directory}/jobd.json5"], stderr=log)
        atexit.register(self.process.kill)
        while not (found := re.search(rb"event=listening.*:(\d+)", log.seek(0) or log.read())):
            time.sleep(0.01)
        self.port = int(found[1])

    def ask(self, client, request, body=None, key=None, accept=None):
        method, path = request.split(" ")
        context = ssl.create_default_context(cafile=f"{self.pki}/ca.crt")
        context.load_cert_chain(f"{self.pki}/{client}.crt", f"{self.pki}/{client}.key")
        connection = http.client.HTTPSConnection("localhost", self.port, context=context)
        fields = {"Idempotency-Key": key, "Accept": accept, "Content-Type": body and "application/json"}
        connection.request(
            method, path, body=body and body.encode(), headers={k: v for k, v in fields.items() if v})
        reply = connection.getresponse()
        return reply.status, reply.headers.get("ETag"), reply.read()

    def create(self, job, client="alice", key=None):
        status, _, reply = self.ask(client, "PUT /jobs", json.dumps(job), key)
        assert status == 200, reply
        return json.loads(reply)["id"]

    def end(self, job):
        self.ask("alice", f"GET /jobs/{job}/status?wait=60s")

    def signal(self, number):
        self.process.send_signal(number)
        self.process.wait()


def shell(script, **more):
    return {"cmd": "sh", "args": ["-c", script], **more}


LINES = "i=0; while [ $i -lt {} ]; do echo o$i; sleep 0.01; echo e$i >&2; sleep 0.01; i=$((i+1)); done; "
EVERYTHING = {
    **shell('echo "$A|$B|$1|$2|$(pwd)|$(cat)|$(id -un)|$(id -gn)"; echo "ümlaut" >&2; exit 5'),
    "env": {"A": "one=two", "B": "späth"}, "cwd": "/tmp", "stdin": "in ☃ put", "timeout": "90m", "grace": "2500ms",
    "labels": {"stage": "test", "note": "naïve ☃=", "empty": ""}, "output_limit": 4096, "on_limit": "kill",
    "user": "nobody", "group": "nogroup",
}
EVERYTHING["args"] += ["", "two words"]
# Of what has a key, with the changes of which each makes it another request.
KEYED = {
    "plain": ({"cmd": "echo", "args": ["hello"]}, [{"args": ["hallo"]}, {"args": ["hello", ""]}, {"cmd": "printf"}]),
    "everything": (EVERYTHING, [
        {"env": {"A": "one=two"}}, {"cwd": "/"}, {"stdin": "input"}, {"timeout": "91m"}, {"grace": "2501ms"},
        {"labels": {"stage": "test"}}, {"output_limit": 4097}, {"on_limit": "truncate"}, {"user": "daemon"},
        {"group": "daemon"}, {"merge": True}]),
    "bytes": ({**shell("cat; echo err >&2"), "merge": True, "stdin_base64": "AP/+dGV4dAo="},
              [{"merge": False}, {"stdin_base64": "AP/+dGV4dA=="}]),
    "open": ({"cmd": "cat", "args": ["-", "/nonexistent"], "stdin_open": True}, [{"stdin_open": False}]),
}
BATCH = [{"cmd": "/bin/true"}, {"cmd": "nosuchcmd"}, shell("echo three", labels={"n": "3"})]


def finished(daemon):
    """Jobs that are over, one for every way to end."""
    jobs = [daemon.create(job, key=key) for key, (job, _) in KEYED.items()]
    for part in ["one\n", "two\n"]:
        daemon.ask("alice", f"PUT /jobs/{jobs[-1]}/stdin?close=0", part)
    daemon.ask("alice", f"PUT /jobs/{jobs[-1]}/stdin", "three\n")
    jobs += [daemon.create(job) for job in [
        shell("echo out; sleep 0.1; echo err >&2; sleep 0.1; printf 'no end'; exit 3"), shell(LINES.format(150)),
        shell("echo before; kill -9 $$"), {"cmd": "nosuchcmd"}, {"cmd": "/bin/true", "cwd": "/nonexistent"},
        shell("echo begun; exec sleep 1000", timeout="200ms", grace="100ms"),
        shell("seq 1000; seq 300 >&2; exit 4", output_limit=100), shell("exec yes", output_limit=1000, on_limit="kill"),
        {"cmd": "/bin/true"}]]
    stopped = daemon.create(shell("trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.05; done"))
    time.sleep(0.5)
    daemon.ask("alice", f"POST /jobs/{stopped}/stop", '{"grace":"5s"}')
    jobs.append(stopped)
    _, _, batch = daemon.ask("alice", "POST /jobs:batch", json.dumps({"jobs": BATCH}), "batch")
    jobs += [result["id"] for result in json.loads(batch)["results"]]
    for job in jobs:
        daemon.end(job)
    return jobs


def running(daemon):
    """Jobs that run when the daemon is killed; the starts of the last two are not stored by then."""
    last = "exec sleep 1000"
    jobs = [daemon.create(job, key=key) for job, key in [
        ({"cmd": "sleep", "args": ["1000"]}, "runs"), (shell("echo out; echo err >&2; " + last), None),
        ({**EVERYTHING, **shell(LINES.format(150) + last)}, None),
        ({"cmd": "cat", "stdin_open": True, "timeout": "10m"}, None)]]
    daemon.ask("alice", f"PUT /jobs/{jobs[-1]}/stdin?close=0", "fed")
    time.sleep(6)
    _, _, batch = daemon.ask("alice", "POST /jobs:batch", json.dumps({"jobs": [shell(last), shell(last, merge=True)]}))
    return jobs + [result["id"] for result in json.loads(batch)["results"]]


def requests(jobs, deleted, bobs):
    """What is asked: client, request, and what comes with it."""
    for path in ["/jobs", "/jobs?limit=4", "/jobs?state=error", "/jobs?state=completed&limit=2", "/events",
                 "/jobs?label=stage%3Dtest", "/jobs?label=note%3Dna%C3%AFve%20%E2%98%83%3D&label=empty%3D", "/events?after=20"]:
        yield "alice", f"GET {path}", {}
    for path in ["/jobs", "/events", f"/jobs/{jobs[0]}"]:
        yield "bob", f"GET {path}", {}
    for job in jobs:
        for path in ["/status", "/log", "/stdout?tail=1"]:
            yield "alice", f"GET /jobs/{job}{path}", {}
    for job in jobs[:4]:
        yield "alice", f"GET /jobs/{job}/log", {"accept": "application/vnd.jobd.frames"}
    for job in [jobs[0], jobs[-1]]:
        yield "alice", f"POST /jobs/{job}/signal", {"body": '{"signal":"TERM"}'}
        yield "alice", f"PUT /jobs/{job}/stdin", {"body": "more"}
    for client, all_of_client in [("alice", jobs + [deleted]), ("bob", bobs)]:
        for job in all_of_client:
            for path in ["", "/output", "/stdout", "/stderr"]:
                yield client, f"GET /jobs/{job}{path}", {}
    for key, (job, changes) in KEYED.items():
        for change in [{}] + changes:
            body = {**job, **change}
            yield "alice", "PUT /jobs", {"key": key, "body": json.dumps(body, ensure_ascii=False)}
    yield "alice", "PUT /jobs", {"key": "runs", "body": '{"cmd":"sleep","args":["1000"]}'}
    yield "alice", "POST /jobs:batch", {"key": "batch", "body": json.dumps({"jobs": BATCH})}
    yield "alice", "POST /jobs:batch", {"key": "batch", "body": json.dumps({"jobs": BATCH[:2] + BATCH[:1]})}


def text(body, started):
    """The reply as text, without times since `started` and what was counted then; None when it is none."""
    try:
        reply = TIME.sub(lambda match: match[0] if match[0] < started else "<later>", body.decode())
        return re.sub(r'"seq":\d+(?=.*"<later>")', '"seq":<later>', reply)
    except UnicodeDecodeError:
        return None


def main():
    binaries, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        open(f"{directory}/jobd.json5", "w").write("{}")
        ca = [f"{binaries}/jobctl", "ca"]
        for command in [["init"], ["server", "--host", "localhost"], ["client", "alice"], ["client", "bob"]]:
            subprocess.run([*ca, *command, "--dir", f"{directory}/pki"], check=True, stdout=subprocess.DEVNULL)
        state = f"{directory}/state"
        daemon = Daemon(binaries, directory, state)
        jobs = finished(daemon)
        deleted = daemon.create(shell("echo deleted"))
        daemon.end(deleted)
        daemon.ask("alice", f"DELETE /jobs/{deleted}")
        # The rest is in the log of the database alone.
        daemon.signal(signal.SIGTERM)
        daemon = Daemon(binaries, directory, state)
        bobs = [daemon.create(shell("echo bob"), "bob"), daemon.create({"cmd": "sleep", "args": ["1000"]}, "bob")]
        jobs += running(daemon)
        daemon.signal(signal.SIGKILL)
        subprocess.run(
            f"cd {state} && find . -type f ! -name lock -print0 | tar -cf - --null --numeric-owner -T - | gzip -9n",
            shell=True, check=True, stdout=open(f"{out}/state.tar.gz", "wb"))
        started = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        daemon = Daemon(binaries, directory, state)
        replies = []
        for client, request, more in requests(jobs, deleted, bobs):
            status, etag, body = daemon.ask(client, request, **more)
            reply = text(body, started)
            entry = {"client": client, "request": request, **more, "status": status, "etag": etag, "reply": reply,
                     "base64": base64.b64encode(body).decode() if reply is None else None}
            replies.append({name: value for name, value in entry.items() if value is not None})
        daemon.signal(signal.SIGTERM)
        with open(f"{out}/replies.json", "w") as file:
            lines = ",\n".join(json.dumps(reply, ensure_ascii=False) for reply in replies)
            file.write(f"[\n{lines}\n]\n")


main()
