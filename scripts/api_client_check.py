"""Uses the client that openapi-python-client made from docs/openapi.yaml (package "jobd_client") against a daemon.

Arguments: the daemon's URL, and files with its authority, the client's certificate and its key.
"""

import ssl
import sys
from io import BytesIO

from jobd_client import Client
from jobd_client.api.control import stdin
from jobd_client.api.jobs import create, delete, run, status
from jobd_client.api.output import log, output, stdout
from jobd_client.models import CreateRequest, RunRequest, State
from jobd_client.types import File


def main() -> None:
    url, authority, certificate, key = sys.argv[1:]
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(certificate, key)
    client = Client(base_url=url, verify_ssl=context, raise_on_unexpected_status=False)

    job = create.sync(client=client, body=CreateRequest(cmd="cat", stdin_open=True, timeout="1d")).id
    fed = stdin.sync_detailed(job, client=client, body=File(payload=BytesIO(b"hello\n")))
    assert fed.status_code == 200, fed
    ended = status.sync(job, client=client, wait="20s")
    assert (ended.status, ended.exit_code) == (State.COMPLETED, 0), ended
    assert output.sync(job, client=client).stdout == "hello\n"
    assert stdout.sync(job, client=client).payload.read() == b"hello\n"
    lines = log.sync_detailed(job, client=client)
    assert lines.status_code == 200 and b"hello" in lines.content, lines
    assert delete.sync_detailed(job, client=client).status_code == 200
    gone = log.sync(job, client=client)
    assert gone.status == 404 and gone.error, gone

    ran = run.sync(client=client, body=RunRequest(cmd="sh", args=["-c", "echo out; exit 3"], rm=True))
    assert (ran.status, ran.exit_code, ran.stdout) == (State.COMPLETED, 3, "out\n"), ran
    unfinished = run.sync_detailed(client=client, body=RunRequest(cmd="sleep", args=["1"]), wait="1ms")
    assert unfinished.status_code == 202 and unfinished.parsed.status == State.RUNNING, unfinished
    assert unfinished.headers["Job-Id"] == str(unfinished.parsed.id), unfinished
    # What is not JSON the generated client does not read.
    body, accept = {"cmd": "echo", "args": ["hello"], "rm": True}, {"Accept": "application/x-ndjson"}
    streamed = client.get_httpx_client().post("/jobs:run", json=body, headers=accept)
    assert streamed.headers["Job-Id"] in streamed.text.splitlines()[-1], streamed


main()
