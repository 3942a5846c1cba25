"""What was asked of the daemon, noted before it is sent, and what was answered: a file of facts outside of the guest."""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path


def digest(output: dict) -> str:
    return hashlib.sha256(json.dumps([output["stdout"], output["stderr"]]).encode()).hexdigest()


@dataclass
class Creation:
    tags: list[str]
    route: str  # create, batch, run, or rm: a run that leaves nothing
    key: str | None
    place: int  # in the ledger
    cut: int  # how many power cuts were before it


@dataclass
class Job:
    creation: Creation
    id: str | None = None
    end: dict | None = None
    output: str | None = None  # its digest
    stop_asked: bool = False
    delete_asked: bool = False
    deleted: bool = False
    deleted_place: int = 0


@dataclass
class Ledger:
    path: Path
    jobs: dict[str, Job] = field(default_factory=dict)  # by tag
    creations: list[Creation] = field(default_factory=list)
    events: dict[int, tuple[str, str]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)  # since the last verdict
    cuts: int = 0
    place: int = 0
    # What was answered before this place is on disk: a creation that was asked here was answered.
    synced: int = 0

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                self.take(**json.loads(line))
        self.file = self.path.open("a")

    def note(self, **fact: object) -> None:
        with self.lock:
            line = json.dumps(fact)
            self.file.write(line + "\n")
            self.file.flush()
            self.take(**json.loads(line))

    def note_job(self, tag: str, **known: object) -> None:
        self.note(fact="job", tag=tag, known=known)

    def note_violation(self, text: str) -> None:
        self.note(fact="violation", text=text[:400])

    def take(self, fact: str, **what) -> None:
        self.place += 1
        match fact:
            case "creation":
                creation = Creation(place=self.place, cut=self.cuts, **what)
                self.creations.append(creation)
                self.jobs |= {tag: Job(creation) for tag in creation.tags}
            case "job":
                self.take_job(self.jobs[what["tag"]], what["known"])
            case "event":
                self.events[what["seq"]] = (what["event"], what["id"])
            case "violation":
                self.violations.append(what["text"])
            case "cut":
                self.cuts += 1
            case "verdict":
                self.violations.clear()

    def take_job(self, job: Job, known: dict) -> None:
        vars(job).update(known)
        if "id" in known and job.creation.route != "rm":
            self.synced = max(self.synced, job.creation.place)
        if known.get("deleted"):
            job.deleted_place = self.place
