"""Importing from the browser: files come in parts, wait in memory for an importer, and go in while the page looks on.

An import outlives the page that began it, and ends with the vault's process. It can be stopped, and undone for as long
as it is remembered.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING

from flask import Response, render_template, request

from vault import importing, limits, sentences
from vault.errors import BadRequest, NotFound, Refused, Throttled, UnderWay, VaultError
from vault.importing import Handed, Intake, Items, Report
from vault.types import ForgetRequest, Holder

if TYPE_CHECKING:
    from vault.api.console.ground import Answer, Console, View
    from vault.api.console.sessions import Session
    from vault.service import Vault

AT_ONCE, REMEMBERED = 2, 8
"""Imports that take files or run at the same time, and those that are remembered."""
FAILURES = 200
"""Failures that are told one by one."""
ABANDONED = 600.0
"""Seconds without a part after which files that wait are thrown away."""
HINTS = (
    ("not text", "choose the importer that is made for it"),
    ("larger than", "split it, or use ownvault import"),
    ("longer than", "split it"),
    ("same origin", "two of the files say that they are the same record"),
    ("ended early", "what was read before is kept; import it again to go on"),
    ("empty", "there is nothing in it to find"),
    ("malformed", "open it in the program that wrote it and save it again"),
    ("not the protocol", "the importer broke on it"),
)


def add(console: Console) -> None:
    """Add the import page and what its script asks."""
    importing.sweep()
    imports = Imports(console.vault)
    console.page("/data/import", imports.page)
    console.form("/data/import/begin", _plainly(imports.begin))
    console.upload("/data/import/<id>/part", _plainly(imports.part))
    console.form("/data/import/<id>/go", _plainly(imports.go))
    console.part("/data/import/<id>", _plainly(imports.state))
    console.form("/data/import/<id>/stop", _plainly(imports.stop))
    console.form("/data/import/<id>/undo", _plainly(imports.undo))


def _plainly(view: View) -> View:
    """Tell the script of an error in a word, not in a page; whoever is refused gets the page still."""

    @wraps(view)
    def answered(session: Session, **path: str) -> Answer:
        try:
            return view(session, **path)
        except Refused:
            raise
        except VaultError as error:
            said = f"{error.message}; {error.hint}" if error.hint else error.message
            return Response(json.dumps({"problem": said}), error.status, mimetype="application/json")

    return answered


@dataclass(slots=True)
class Job:
    """One import: `stage` is files, running, done, stopped, failed or undone."""

    id: str
    report: Report
    owners: tuple[str, ...]
    handed: Handed
    touched: float
    stage: str = "files"
    expected: int | None = None
    problem: str = ""
    whole: bool = False
    new: list[str] = field(default_factory=list)
    halted: threading.Event = field(default_factory=threading.Event)

    @property
    def open(self) -> bool:
        return self.stage in ("files", "running")

    def told(self) -> dict[str, object]:
        """Return what the page shows."""
        report = self.report
        failed = [{**one, "hint": _hint(one["reason"])} for one in report.failed[:FAILURES]]
        return {
            "id": self.id, "stage": self.stage, "collection": report.collection, "source": report.source,
            **report.counts, "failures": failed, "failed": len(report.failed), "vanished": len(report.vanished),
            "expected": self.expected, "problem": self.problem, "new": len(self.new), "said": _said(self),
        }  # fmt: skip


class Imports:
    """The imports of one unlocked vault."""

    def __init__(self, vault: Vault) -> None:
        self._vault, self._lock = vault, threading.Lock()
        self._jobs: dict[str, Job] = {}

    def page(self, session: Session) -> Answer:
        with self._lock:
            self._tidy()
            jobs = [job.told() for job in reversed(self._jobs.values()) if job.stage != "files"]
        names = [view.name for view in self._vault.status(session.holder).collections]
        return render_template(
            "console/data/import.html", importers=importing.importers(), names=names, jobs=jobs,
            most=limits.UPLOAD, ready=importing.takes_files(),
        )  # fmt: skip

    def begin(self, session: Session) -> Answer:
        form = request.form
        report = importing.begun(form.get("importer", ""), form.get("collection", ""))
        owners = tuple(form.get("owner", "").split())
        with self._lock:
            self._tidy()
            if sum(job.open for job in self._jobs.values()) >= AT_ONCE:
                hint = "wait for it, or stop it"
                raise Throttled("another import is under way", hint=hint, reason="imports", seconds=5)
            handed = Handed()
            job = Job(handed.id, report, owners, handed, time.monotonic())
            self._jobs[job.id] = job
        return _json(job.told())

    def _tidy(self) -> None:
        """Throw away files that nobody goes on with, and forget the oldest imports."""
        for job in list(self._jobs.values()):
            if job.stage == "files" and time.monotonic() - job.touched > ABANDONED:
                job.handed.close()
                del self._jobs[job.id]
        over = [id for id, job in self._jobs.items() if not job.open]
        for id in over[: max(0, len(over) - REMEMBERED)]:
            del self._jobs[id]

    def part(self, session: Session, id: str) -> Answer:
        job, said = self._job(id), request.args
        try:
            at, modified = int(said.get("at", "0")), int(said.get("modified", "0")) / 1000
        except (ValueError, OverflowError):
            raise BadRequest("a part says where it begins, and when its file was changed") from None
        content = request.get_data()
        with self._lock:  # what is stopped meanwhile is not written to again
            if job.stage != "files":
                raise UnderWay("this import takes no more files")
            job.touched = time.monotonic()
            job.handed.put(said.get("path", ""), at, content, modified)
        return _json({"size": job.handed.size})

    def go(self, session: Session, id: str) -> Answer:
        job = self._job(id)
        with self._lock:
            if job.stage != "files":
                raise UnderWay("this import has begun")
            job.stage = "running"
        try:
            items, job.whole = job.handed.read(job.report, job.owners), job.handed.whole
        except VaultError as error:
            self._end(job, "failed", error)
            return _json(job.told())
        threading.Thread(target=self._run, args=(job, session.holder, items), name="import", daemon=True).start()
        return _json(job.told())

    def _run(self, job: Job, holder: Holder, items: Items) -> None:
        def moved(report: Report, expected: int | None) -> None:
            job.expected = expected

        intake = Intake(
            lambda batch: self._vault.add(holder, batch),
            lambda source: self._vault.origins(holder, source) if job.whole else (),
            job.report, moved, job.halted.is_set,
        )  # fmt: skip
        job.new = intake.new
        try:
            with closing(items):
                intake.take(items)
            self._end(job, "stopped" if job.report.interrupted else "done")
        except VaultError as error:
            self._end(job, "failed", error)
        except Exception:
            self._end(job, "failed")
            raise

    def _end(self, job: Job, stage: str, error: VaultError | None = None) -> None:
        job.handed.close()
        if error is not None:
            job.problem = f"{error.message}; {error.hint}" if error.hint else error.message
        elif stage == "failed":
            job.problem = "the import broke; what was counted is stored"
        job.stage = stage

    def state(self, session: Session, id: str) -> Answer:
        return _json(self._job(id).told())

    def stop(self, session: Session, id: str) -> Answer:
        job = self._job(id)
        job.halted.set()
        with self._lock:
            waiting = job.stage == "files"
            if waiting:
                job.stage = "stopped"
        if waiting:
            job.handed.close()
        return _json(job.told())

    def undo(self, session: Session, id: str) -> Answer:
        """Forget what an import added. What it changed stays changed."""
        job = self._job(id)
        with self._lock:
            if job.open or not job.new or request.form.get("sure") != "yes":
                raise BadRequest("there is nothing to undo here")
            new, job.stage = list(job.new), "undone"
        while new:
            try:
                self._vault.forget_many(session.holder, ForgetRequest(tuple(new[: limits.PAGE])))
            except NotFound:  # forgotten one by one already
                pass
            except VaultError:
                job.stage, job.new = "stopped", new  # the rest can be tried again
                raise
            del new[: limits.PAGE]
        job.new = []
        return _json(job.told())

    def _job(self, id: str) -> Job:
        job = self._jobs.get(id)
        if job is None:
            raise NotFound("no such import", hint="it may be over and forgotten")
        return job


def _said(job: Job) -> str:
    """Return how an import ended, in one sentence."""
    report = job.report
    numbers = {"new": report.added, "changed": report.changed, "unchanged": report.unchanged}
    counts = ", ".join(f"{number:,} {name}" for name, number in (numbers | {"failed": len(report.failed)}).items())
    if job.stage == "undone":
        return "Undone: what it added is forgotten."
    if job.problem and not report.kept and not report.failed:
        return f"Not imported: {job.problem}."
    ended = {"stopped": "Stopped: ", "failed": "Broken off: "}.get(job.stage, "")
    vanished = sentences.plural(len(report.vanished), "record")
    more = f" {vanished} of this source {'is' if len(report.vanished) == 1 else 'are'} no longer in it, and kept." if (
        report.vanished) else ""  # fmt: skip
    return f"{ended}{counts}.{more}{f' {job.problem}.' if job.problem else ''}"


def _hint(reason: str) -> str:
    return next((hint for words, hint in HINTS if words in reason), "")


def _json(said: object) -> Response:
    return Response(json.dumps(said), mimetype="application/json")
