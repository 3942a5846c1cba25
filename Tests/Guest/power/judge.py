"""Holds what the daemon has after a power cut against the ledger, as docs/durability.md promises it. Status 1: a violation.
usage: judge.py LEDGER PORT PKI"""

import sys
import time
from pathlib import Path

from api import Api, Unexpected, end_of
from jobs import END_BY_THEMSELVES, body, is_beginning, kind_of, output, own_end
from ledger import Creation, Job, Ledger, digest


class Judge:
    def __init__(self, ledger: Ledger, api: Api) -> None:
        self.ledger, self.api = ledger, api

    def judge(self) -> None:
        jobs: dict[str, dict] = {}  # by tag
        for job in self.settled():
            tag = job.get("labels", {}).get("tag", "")
            if tag not in self.ledger.jobs:
                self.ledger.note_violation(f"{job['id']} {job['args']}: nobody created it")
            elif tag in jobs:
                self.ledger.note_violation(f"{tag} is there twice: {job['id']} and {jobs[tag]['id']}")
            else:
                jobs[tag] = job
        for tag, known in list(self.ledger.jobs.items()):
            if tag in jobs:
                self.there(tag, known, jobs[tag])
            else:
                self.not_there(tag, known)
        self.judge_events()
        for creation in [each for each in self.ledger.creations if each.key and each.cut == self.ledger.cuts - 1]:
            self.repeat(creation)

    def settled(self) -> list[dict]:
        """All jobs, once those that waited have run: nothing else can be running."""
        end = time.monotonic() + 120
        jobs = self.api.all_jobs()
        while any(job["status"] == "running" for job in jobs) and time.monotonic() < end:
            time.sleep(0.5)
            jobs = self.api.all_jobs()
        return jobs

    def not_there(self, tag: str, known: Job) -> None:
        if known.id and not known.delete_asked and known.creation.route != "rm":
            self.ledger.note_violation(f"{tag} ({known.id}) was accepted and is not there")

    def there(self, tag: str, known: Job, job: dict) -> None:
        wanted = body(tag)
        if (job["cmd"], job["args"], job["labels"]) != (wanted["cmd"], wanted["args"], wanted["labels"]):
            self.ledger.note_violation(f"{tag} is {job['cmd']} {job['args']} {job['labels']}")
        if known.id not in (None, job["id"]):
            self.ledger.note_violation(f"{tag} is {job['id']}, and was {known.id}")
        if known.deleted:
            # Only the deletion of a job that wrote nothing waits for no disk.
            if kind_of(tag) != "silent" or known.deleted_place < self.ledger.synced:
                self.ledger.note_violation(f"{tag} ({job['id']}) was deleted and is there")
            self.ledger.note_job(tag, deleted=False)
        if known.id is None:
            self.ledger.note_job(tag, id=job["id"])
        self.judge_end(tag, known, job)
        self.judge_output(tag, known, job)

    def judge_end(self, tag: str, known: Job, job: dict) -> None:
        end, kind = end_of(job), kind_of(tag)
        if known.end == end:
            return
        by_itself, lost = end == own_end(tag), end["status"] == "error" and end.get("ended_by") == "lost"
        may = {"waiting": by_itself, "lasting": lost, "holder": lost}.get(kind, by_itself or lost)
        stopped = (known.stop_asked or known.delete_asked) and (end["status"] == "error" or end.get("ended_by") == "stop")
        if known.end is not None or not (may or stopped):
            self.ledger.note_violation(f"{tag} ended as {end}, and was told to have as {known.end}")
        self.ledger.note_job(tag, end=end)

    def judge_output(self, tag: str, known: Job, job: dict) -> None:
        try:
            written = self.api.ask("GET", f"/jobs/{job['id']}/output")
        except Unexpected as error:
            return self.ledger.note_violation(f"{tag}: {error}")
        whole = kind_of(tag) in (*END_BY_THEMSELVES, "waiting") and job.get("ended_by") == "exit"
        if not (written == output(tag) if whole else is_beginning(tag, written)):
            self.ledger.note_violation(f"{tag} ({job['status']}) wrote {written}")
        if known.output == digest(written):
            return
        if known.output is not None:
            self.ledger.note_violation(f"{tag} wrote {written}, and was told to have written other than that")
        self.ledger.note_job(tag, output=digest(written))

    def judge_events(self) -> None:
        events = self.api.events(after=0)
        numbers = [event["seq"] for event in events]
        if numbers != list(range(1, len(numbers) + 1)):
            self.ledger.note_violation(f"{len(numbers)} events have numbers from {min(numbers)} to {max(numbers)}")
        there = {event["seq"]: (event["event"], event["id"]) for event in events}
        for seq, event in self.ledger.events.items():
            if there.get(seq) != event:
                self.ledger.note_violation(f"event {seq} was told as {event}, and now as {there.get(seq)}")

    def repeat(self, creation: Creation) -> None:
        """A key that comes again gives the same jobs, and makes those that had not come to be."""
        known = [self.ledger.jobs[tag] for tag in creation.tags]
        if creation.route == "run" and any(job.delete_asked for job in known):
            return
        answers = self.api.create(creation.tags, creation.route, creation.key)
        for tag, job, answer in zip(creation.tags, known, answers, strict=True):
            if job.id not in (None, answer["id"]):
                self.ledger.note_violation(f"the key of {tag} gives {answer}, and gave {job.id}")
            elif job.id is None:
                self.ledger.note_job(tag, id=answer["id"])

    def tell(self) -> None:
        last = [job for job in self.ledger.jobs.values() if job.creation.cut == self.ledger.cuts - 1]
        for text in self.ledger.violations[:30]:
            print(f"VIOLATION  {text}")
        print(
            f"cut {self.ledger.cuts}: {sum(job.id is not None for job in last)} accepted, "
            f"{sum(job.end is not None for job in last)} ended, {sum(job.deleted for job in last)} deleted, "
            f"{sum(job.id is None for job in last)} unknown, {len(self.ledger.violations)} violations; "
            f"{len(self.ledger.jobs)} jobs and {len(self.ledger.events)} events in the ledger"
        )


def main() -> None:
    ledger, port, pki = Ledger(Path(sys.argv[1])), int(sys.argv[2]), Path(sys.argv[3])
    ledger.note(fact="cut")
    judge = Judge(ledger, Api(port, pki))
    judge.judge()
    judge.tell()
    failed = bool(ledger.violations)
    ledger.note(fact="verdict")
    sys.exit(failed)


main()
