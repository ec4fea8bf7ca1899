"""Whether anything has changed since the last run: if not, there is nothing to decide anew.

Everything that a run depends on is hashed when it starts, and what it left when it has ended. Files
count by their size, times and inode, as for the records of steps; `--strict` asks no such question.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ValidationError

from deidflow.identity.vault import Vault
from deidflow.release.dataset import DATASET
from deidflow.release.layout import Layout
from deidflow.run.rules import code_in_use, named_files
from deidflow.run.summary import RunSummary
from deidflow.settings.run import RunSettings
from deidflow.states import StepState
from deidflow.store.files import digest_of, read_json, write_json_atomic
from deidflow.store.trees import content_digest, signature_row, tree_digest
from deidflow.verdicts import Verdict

_RECORDS = "records"


class LastRun(BaseModel):
    """What the last run of a project and level saw, left and said."""

    inputs: str
    outputs: str
    summary: RunSummary


@dataclass(frozen=True)
class Surroundings:
    """What a run depends on, hashed before it reads the first file."""

    layout: Layout
    root: Path
    """The release, or the BIDS data set around it."""
    inputs: str
    is_asked: bool
    """Whether the last run may answer for this one."""

    @classmethod
    def of(cls, settings: RunSettings, vault: Vault) -> Surroundings:
        """The surroundings of a run that is about to start."""
        layout = Layout.of(settings)
        parts = [
            settings.model_dump(mode="json"),
            named_files(settings),
            code_in_use(),
            sorted(token.hex() for token in vault.withdrawn().tokens),
            content_digest(layout.decisions),
            tree_digest(settings.source),
        ]
        is_asked = settings.redo is None and not settings.strict
        return cls(layout, settings.release, digest_of(parts), is_asked)

    def answer(self, run_id: str) -> RunSummary | None:
        """The summary of a run with nothing to do; None where there may be something."""
        last = _last_run(self.layout) if self.is_asked else None
        if last is None or last.inputs != self.inputs:
            return None
        if last.outputs != self._outputs():
            return None
        return _again(last.summary, run_id)

    def note_end(self, summary: RunSummary) -> None:
        """Let this run answer for the next ones; not if something failed that may go well then."""
        path = self.layout.last_run
        if summary.error or summary.verdicts.get(Verdict.FAILED):
            path.unlink(missing_ok=True)
            return
        last = LastRun(
            inputs=self.inputs,
            outputs=self._outputs(),
            summary=summary,
        )
        write_json_atomic(path, last.model_dump(mode="json"))

    def _outputs(self) -> str:
        """What a run has left: sessions, tables and records."""
        layout = self.layout
        tables = [
            content_digest(path)
            for path in sorted(layout.release.iterdir())
            if path.is_file() and path.name != DATASET
        ]
        quarantine = [
            content_digest(layout.quarantine_table),
            content_digest(layout.absent_table),
            tree_digest(layout.own_quarantine),
            content_digest(layout.instances_table),
        ]
        return digest_of([tables, self._folders(), quarantine, _records(layout)])

    def _folders(self) -> list[str]:
        """The folders of the release, and those of the BIDS data set around it."""
        release = self.layout.release
        folders = [path for path in sorted(release.iterdir()) if path.is_dir()]
        if self.root != release:
            folders += [path for path in sorted(self.root.iterdir()) if path != release]
        shown = [path for path in folders if not path.name.startswith(".")]
        return [tree_digest(path) for path in shown if path.is_dir()]


def _last_run(layout: Layout) -> LastRun | None:
    content = read_json(layout.last_run)
    try:
        return LastRun.model_validate(content)
    except ValidationError:
        return None


def _again(summary: RunSummary, run_id: str) -> RunSummary:
    """The same counts, of a run in which every step was up to date."""
    sessions = []
    for row in summary.sessions:
        steps = dict.fromkeys(row.steps, StepState.CACHED)
        sessions.append(replace(row, steps=steps))
    return summary.model_copy(
        update={
            "run": run_id,
            "sessions": tuple(sessions),
            "has_news": False,
            "rows": 0,
        }
    )


def _records(layout: Layout) -> list[str]:
    """Records of steps, and the folders of their outputs: what was deleted there changes these."""
    digests = []
    for subject in sorted(layout.work.iterdir()):
        if not subject.is_dir() or not (subject / "order.json").exists():
            continue
        digests.append(subject_digest(subject))
    return digests


def subject_digest(subject: Path) -> str:
    """The work order of a subject, records of steps, and the folders of their outputs."""
    order = os.lstat(subject / "order.json")
    digest = hashlib.sha256(signature_row("order", order))
    root = os.fspath(subject)
    for folder, folders, names in os.walk(root):
        folders.sort()
        if folder == root:
            continue
        name = folder.removeprefix(root)
        digest.update(signature_row(name, os.lstat(folder)))
        if folder.endswith(f"/{_RECORDS}"):
            for record in sorted(names):
                path = os.path.join(folder, record)
                digest.update(signature_row(record, os.lstat(path)))
    return digest.hexdigest()
