"""Uses the client that openapi-python-client made from docs/openapi.yaml (package "jobd_client") against a daemon.

Arguments: the daemon's URL, and files with its authority, the client's certificate and its key.
"""

import ssl
import sys
from io import BytesIO

from jobd_client import Client
from jobd_client.api.control import stdin
from jobd_client.api.jobs import create, delete, status
from jobd_client.api.output import log, output, stdout
from jobd_client.models import CreateRequest, State
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


main()
