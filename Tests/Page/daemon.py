"""The built jobd with certificates of its own, and what the tests ask of it beside the browser."""
import http.client
import json
import os
import pathlib
import ssl
import subprocess
import time

ROLES = {"alice": "owner", "vera": "viewer", "olga": "operator"}
PASSWORD = "for the test alone"


class Daemon:
    """jobd on a free port with the clients of ROLES; `close()` ends it."""

    def __init__(self, programs: pathlib.Path, scratch: pathlib.Path):
        self.scratch, self.jobctl = scratch, str(programs / "jobctl")
        self.pki = scratch / "pki"
        self.make_certificates()
        roles = {name: {"role": role} for name, role in ROLES.items()}
        (scratch / "jobd.json5").write_text(json.dumps({"clients": roles}))
        self.log = open(scratch / "log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [programs / "jobd", "--config", scratch / "jobd.json5", "--listen", "127.0.0.1:0", "--grace", "1s",
             "--output-limit", "209715200",
             "--state-directory", scratch / "state", "--certificate-file", self.pki / "server.crt",
             "--key-file", self.pki / "server.key", "--client-ca-file", self.pki / "ca.crt"],
            stdin=subprocess.DEVNULL, stderr=self.log)
        self.port = self.wait_for_port()
        self.url = f"https://localhost:{self.port}"

    def make_certificates(self):
        password = self.scratch / "password"
        password.write_text(PASSWORD)

        def ca(*arguments):
            subprocess.run([self.jobctl, "ca", *arguments, "--dir", self.pki], check=True, stdout=subprocess.DEVNULL)

        ca("init")
        ca("server", "--host", "localhost", "--host", "127.0.0.1")
        for name in ROLES:
            ca("client", "--pkcs12", self.pki / f"{name}.p12", "--pkcs12-password-file", password, name)

    def wait_for_port(self) -> int:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for line in (self.scratch / "log").read_text().splitlines():
                if "event=listening address=" in line:
                    return int(line.rsplit(":", 1)[1])
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"jobd does not listen: {(self.scratch / 'log').read_text()}")

    def ask(self, client: str, method: str, path: str, body=None):
        """The reply's body, JSON where it is that; raises for one that is no success."""
        context = ssl.create_default_context(cafile=self.pki / "ca.crt")
        context.load_cert_chain(self.pki / f"{client}.crt", self.pki / f"{client}.key")
        connection = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=20)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            reply = connection.getresponse()
            text = reply.read()
            if reply.status != 200:
                raise RuntimeError(f"{method} {path}: {reply.status} {text!r}")
            return json.loads(text) if reply.headers.get_content_type() == "application/json" and text else text
        finally:
            connection.close()

    def create(self, client: str, cmd: str, *args: str, **members) -> str:
        return self.ask(client, "PUT", "/jobs", {"cmd": cmd, "args": list(args), **members})["id"]

    def shell(self, client: str, script: str, **members) -> str:
        return self.create(client, "sh", "-c", script, **members)

    def ended(self, client: str, job: str) -> dict:
        """The job's state, once it has ended."""
        return self.ask(client, "GET", f"/jobs/{job}/status?wait=20s")

    def kill_api(self):
        """Ends the process that talks to the network, as a crash would."""
        starts = [line for line in (self.scratch / "log").read_text().splitlines() if "event=api_started" in line]
        os.kill(int(starts[-1].split("pid=")[1].split()[0]), 9)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            self.process.kill()
            self.log.close()
