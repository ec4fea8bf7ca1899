"""Every path and name in release, vault and staging."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from deidflow.settings.run import RunSettings
from deidflow.store.files import read_json
from deidflow.store.staging import staging_of

_LEAST_DIGITS = 3
SUBJECT_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")
SESSION_FOLDER = re.compile(r"[A-Za-z0-9]{1,18}")
"""M00, N06b, or what a manifest calls a session."""


@dataclass(frozen=True)
class Layout:
    """The paths of one run."""

    release: Path
    vault: Path
    project: str
    level: str

    @classmethod
    def of(cls, settings: RunSettings) -> Layout:
        """The paths that settings name."""
        return cls(settings.native_release, settings.vault, settings.project, settings.level)

    @property
    def scope(self) -> str:
        """Project and level, as in names of folders and files."""
        return f"{self.project}-{self.level}"

    @property
    def staging(self) -> Path:
        """A private folder on the release's file system: staged sessions and the release's lock."""
        return staging_of(self.release)

    @property
    def withdrawn(self) -> Path:
        """Sessions that were taken out of a release in which no staging folder may stay."""
        return self.vault / "withdrawn" / self.scope

    @property
    def work(self) -> Path:
        """Records, scratch and outputs of steps of this project and level."""
        return self.vault / "work" / self.scope

    @property
    def release_lock(self) -> Path:
        """Held by the one run on this release."""
        return self.staging / "lock"

    @property
    def work_lock(self) -> Path:
        """Held by the one run on this project and level of the vault."""
        return self.work / "lock"

    @property
    def templates(self) -> Path:
        """Templates that the face step prepared."""
        return self.vault / "work" / "templates"

    @property
    def runs(self) -> Path:
        """Settings of runs, by run id."""
        return self.vault / "work" / "runs"

    def settings_of(self, run_id: str) -> Path:
        """The settings of a run; the file exists while the run is at work."""
        return self.runs / f"{run_id}.json"

    def fault_of(self, run_id: str) -> Path:
        """Why a run has to stop, for all processes that work on it."""
        return self.runs / f"{run_id}.fault"

    def unfinished_runs(self) -> list[Path]:
        """Settings of runs of this project and level that have not ended, or were killed."""
        paths = self.runs.glob("*.json")
        ours = [path for path in paths if self._is_ours(path)]
        return sorted(ours)

    def _is_ours(self, path: Path) -> bool:
        row = read_json(path) or {}
        settings = row.get("settings", {})
        if settings.get("project") != self.project:
            return False
        level: str | None = settings.get("level")
        return level == self.level

    @property
    def summary(self) -> Path:
        """How the last run ended."""
        return self.work / "summary.json"

    @property
    def last_run(self) -> Path:
        """What the last run saw and left, so that the next one knows whether anything changed."""
        return self.work / "last_run.json"

    @property
    def table_index(self) -> Path:
        """Where the tables of the last run speak of whom."""
        return self.work / "tables.json"

    @property
    def pieces(self) -> Path:
        """What was concluded of pieces of the source, for the next run."""
        return self.work / "pieces.sqlite"

    @property
    def bids_record(self) -> Path:
        """What the sessions of the BIDS data set around the release are made of."""
        return self.work / "bids.json"

    @property
    def prefect_home(self) -> Path:
        """Prefect's own files, unless PREFECT_HOME names another folder."""
        return self.vault / "prefect"

    @property
    def quarantine(self) -> Path:
        """Tables of what is not released."""
        return self.vault / "quarantine"

    @property
    def own_quarantine(self) -> Path:
        """The same, of this project and level."""
        return self.quarantine / self.scope

    @property
    def quarantine_table(self) -> Path:
        """Files that are not released, with source paths and reasons, of the last run."""
        return self.quarantine / "report.csv"

    @property
    def own_quarantine_table(self) -> Path:
        """The same, of the last run of this project and level."""
        return self.own_quarantine / "report.csv"

    @property
    def own_absent_table(self) -> Path:
        """Files that a DICOMDIR lists but that do not exist, of this project and level."""
        return self.own_quarantine / "absent.txt"

    @property
    def instances_table(self) -> Path:
        """From source files to released files."""
        return self.vault / "instances" / f"{self.scope}.csv"

    @property
    def versions(self) -> Path:
        """What was published of each session, version by version."""
        return self.work / "versions.json"

    @property
    def gone_table(self) -> Path:
        """Published sessions of which nothing is left in the source."""
        return self.work / "gone.json"

    @property
    def absent_table(self) -> Path:
        """Files that a DICOMDIR lists but that do not exist, one per line."""
        return self.quarantine / "absent.txt"

    @property
    def tool_log(self) -> Path:
        """Output of tools and libraries; may contain identifiers."""
        return self.work / "tools.log"

    @property
    def archives(self) -> Path:
        """What was unpacked of archives, in a folder for each, named by the archive's hash."""
        return self.work / "archives"

    @property
    def neighbours(self) -> Path:
        """Identifiers of everybody in the run, hashed, for the search for leaks."""
        return self.work / "neighbours"

    @property
    def doubtful_table(self) -> Path:
        """Attributes with a single word of another patient's name, which holds nothing back."""
        return self.own_quarantine / "doubtful.csv"

    def outcome(self, pseudonym: str) -> Path:
        """How the subject's last run ended, session by session and series by series."""
        return self.subject(pseudonym) / "outcome.json"

    def subject(self, pseudonym: str) -> Path:
        """The subject's folder in the work of the vault."""
        return self.work / pseudonym

    def subject_lock(self, pseudonym: str) -> Path:
        """Held by the one process that works on the subject."""
        return self.subject(pseudonym) / "lock"

    def order(self, pseudonym: str) -> Path:
        """The subject's work order."""
        return self.subject(pseudonym) / "order.json"

    def session_work(self, pseudonym: str, label: str) -> Path:
        """Records and intermediate outputs of one session."""
        return self.subject(pseudonym) / label

    def masks(self, pseudonym: str, label: str) -> Path:
        """The masks of a session's defaced series, which only the vault may hold."""
        return self.session_work(pseudonym, label) / "masks"

    def revisions(self, pseudonym: str, label: str) -> Path:
        """The masks with which a session's series were published, and how often that changed."""
        return self.session_work(pseudonym, label) / "published.json"

    def rules(self, pseudonym: str, label: str) -> Path:
        """The rules by which a session was published."""
        return self.session_work(pseudonym, label) / "rules.json"

    def review(self, pseudonym: str, label: str) -> Path:
        """Pictures of a session before and after, for people who may see faces."""
        pictures = self.vault / "review" / self.scope
        return pictures / pseudonym / label

    @property
    def shared_report(self) -> Path:
        """The page that is shared with the release."""
        return self.release / "report" / "index.html"

    @property
    def private_report(self) -> Path:
        """Pages with pictures, for people who may see faces."""
        return self.vault / "report" / f"{self.project}-{self.level}"

    @property
    def decisions(self) -> Path:
        """What people decided on series, one JSON object a line."""
        return self.vault / "review" / f"{self.project}-{self.level}" / "decisions.jsonl"

    @property
    def sending(self) -> Path:
        """The lock of who sends to an archive, and a copy of what is being sent."""
        return self.vault / "pacs"

    @property
    def signing_key(self) -> Path:
        """The sealed key with which evidence is signed."""
        return self.vault / "evidence" / f"{self.project}-{self.level}.key"

    def staged(self, pseudonym: str, label: str) -> Path:
        """Where a session waits to be published."""
        return self.staging / "staged" / pseudonym / label

    def published(self, pseudonym: str, label: str) -> Path:
        """Where a session is published."""
        return self.release / pseudonym / label

    def known_subjects(self) -> list[str]:
        """Pseudonyms of everybody whom a run of this project and level worked on."""
        names = _folder_names(self.work, SUBJECT_FOLDER)
        return [name for name in names if self.order(name).exists()]

    def known_sessions(self, pseudonym: str) -> list[str]:
        """Labels of all sessions of a subject that a run worked on."""
        folder = self.subject(pseudonym)
        return _folder_names(folder, SESSION_FOLDER)

    def published_sessions(self) -> list[tuple[str, str]]:
        """(pseudonym, label) of every session that is in the release."""
        sessions: list[tuple[str, str]] = []
        for pseudonym in _folder_names(self.release, SUBJECT_FOLDER):
            if pseudonym == self.shared_report.parent.name:
                continue
            for label in _folder_names(self.release / pseudonym, SESSION_FOLDER):
                sessions.append((pseudonym, label))
        return sessions


def _folder_names(parent: Path, pattern: re.Pattern[str]) -> list[str]:
    """Sorted names of the folders in `parent` that match; none if it does not exist."""
    try:
        with os.scandir(parent) as entries:
            folders = [entry.name for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(filter(pattern.fullmatch, folders))


@lru_cache(maxsize=64)
def slice_names(count: int) -> tuple[str, ...]:
    """slice_001.dcm and so on, padded to the digits needed, at least three."""
    width = max(_LEAST_DIGITS, len(str(count)))
    numbers = range(1, count + 1)
    return tuple(f"slice_{number:0{width}}.dcm" for number in numbers)
