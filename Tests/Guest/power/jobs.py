"""The jobs of the load. What a job is, and must write, follows from its tag alone: KIND-CUT-WORKER-NUMBER."""

import zlib

# What sh runs; $0 is the tag, $1 the exit code.
BRIEF = 'echo "$0 out"; echo "$0 err" >&2; exit "$1"'
LASTING = 'echo "$0 begins"; exec sleep 86399'
SCRIPTS = {
    "brief": BRIEF,
    "large": 'seq -f "$0 %.0f" 4000; exit "$1"',
    "silent": 'exit "$1"',
    "lasting": LASTING,
    "holder": LASTING,  # has its queue's one slot until the power cut
    "waiting": BRIEF,  # behind a holder
}
END_BY_THEMSELVES = ("brief", "large", "silent")


def kind_of(tag: str) -> str:
    return tag.split("-")[0]


def exit_code(tag: str) -> int:
    return zlib.crc32(tag.encode()) % 100


def body(tag: str) -> dict:
    kind = kind_of(tag)
    creation = {"cmd": "sh", "args": ["-c", SCRIPTS[kind], tag, str(exit_code(tag))], "labels": {"tag": tag}}
    if kind in ("holder", "waiting"):
        creation["queue"] = f"cut-{tag.split('-')[1]}"
    return creation


def own_end(tag: str) -> dict:
    """The end of a job that ends by itself."""
    return {"status": "completed", "exit_code": exit_code(tag), "ended_by": "exit"}


def output(tag: str) -> dict[str, str]:
    match kind_of(tag):
        case "brief" | "waiting":
            return {"stdout": f"{tag} out\n", "stderr": f"{tag} err\n"}
        case "large":
            return {"stdout": "".join(f"{tag} {n}\n" for n in range(1, 4001)), "stderr": ""}
        case "silent":
            return {"stdout": "", "stderr": ""}
        case _:
            return {"stdout": f"{tag} begins\n", "stderr": ""}


def is_beginning(tag: str, written: dict[str, str]) -> bool:
    return all(whole.startswith(written[stream]) for stream, whole in output(tag).items())
