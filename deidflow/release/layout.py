"""Every path and name of release, vault and staging comes from here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from deidflow.settings.run import RunSettings
from deidflow.store.files import read_json
from deidflow.store.staging import staging_of

SUBJECT_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")
SESSION_FOLDER = re.compile(r"[MN]\d{2,}[a-z]{0,2}")


@dataclass(frozen=True)
class Layout:
    """Places of one run."""

    release: Path
    vault: Path
    project: str
    level: str

    @classmethod
    def of(cls, settings: RunSettings) -> Layout:
        """The places that settings name."""
        return cls(settings.release, settings.vault, settings.project, settings.level)

    @property
    def staging(self) -> Path:
        """A private folder on the release's file system: staged sessions and the release's lock."""
        return staging_of(self.release)

    @property
    def withdrawn(self) -> Path:
        """Sessions that were taken out of a release in which no staging folder may stay."""
        return self.vault / "withdrawn" / f"{self.project}-{self.level}"

    @property
    def work(self) -> Path:
        """Records, scratch and outputs of steps of this project and level."""
        return self.vault / "work" / f"{self.project}-{self.level}"

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
        """Prepared templates of the face step."""
        return self.vault / "work" / "templates"

    @property
    def runs(self) -> Path:
        """Settings of runs, by run id."""
        return self.vault / "work" / "runs"

    def settings_of(self, run_id: str) -> Path:
        """The settings of a run; there as long as the run is at work."""
        return self.runs / f"{run_id}.json"

    def fault_of(self, run_id: str) -> Path:
        """Why the run has to stop, for all that work on it."""
        return self.runs / f"{run_id}.fault"

    def unfinished_runs(self) -> list[Path]:
        """Settings of runs of this project and level that have not ended, or were killed."""
        return sorted(path for path in self.runs.glob("*.json") if self._is_ours(path))

    def _is_ours(self, path: Path) -> bool:
        settings = (read_json(path) or {}).get("settings", {})
        return (settings.get("project"), settings.get("level")) == (self.project, self.level)

    @property
    def summary(self) -> Path:
        """How the last run ended."""
        return self.work / "summary.json"

    @property
    def prefect_home(self) -> Path:
        """Prefect's own files, unless PREFECT_HOME says otherwise."""
        return self.vault / "prefect"

    @property
    def quarantine_table(self) -> Path:
        """What is not released, with source paths and reasons."""
        return self.vault / "quarantine" / "report.csv"

    @property
    def own_quarantine_table(self) -> Path:
        """The same of the last run of this project and level."""
        return self.vault / "quarantine" / f"{self.project}-{self.level}" / "report.csv"

    @property
    def own_absent_table(self) -> Path:
        """Files that a DICOMDIR lists and that are not there, of this project and level."""
        return self.own_quarantine_table.with_name("absent.txt")

    @property
    def instances_table(self) -> Path:
        """From source files to released files."""
        return self.vault / "instances" / f"{self.project}-{self.level}.csv"

    @property
    def versions(self) -> Path:
        """What was published of each session, version by version."""
        return self.work / "versions.json"

    @property
    def gone_table(self) -> Path:
        """Published sessions of which the source holds nothing any more."""
        return self.work / "gone.json"

    @property
    def absent_table(self) -> Path:
        """Files that a DICOMDIR lists and that are not there, one a line."""
        return self.vault / "quarantine" / "absent.txt"

    @property
    def tool_log(self) -> Path:
        """What tools and libraries printed; may hold identifiers."""
        return self.work / "tools.log"

    @property
    def neighbours(self) -> Path:
        """What identifies everybody in the run, hashed, for the search for leaks."""
        return self.work / "neighbours"

    @property
    def doubtful_table(self) -> Path:
        """Attributes with a single word of another patient's name, which holds nothing back."""
        return self.vault / "quarantine" / f"{self.project}-{self.level}" / "doubtful.csv"

    def outcome(self, pseudonym: str) -> Path:
        """How the subject's last run ended, session by session and series by series."""
        return self.subject(pseudonym) / "outcome.json"

    def subject(self, pseudonym: str) -> Path:
        """The subject's folder in the vault's work."""
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

    def revisions(self, pseudonym: str, label: str) -> Path:
        """The masks with which a session's series were published, and how often that changed."""
        return self.session_work(pseudonym, label) / "published.json"

    def review(self, pseudonym: str, label: str) -> Path:
        """Pictures of a session before and after, for people who may see faces."""
        return self.vault / "review" / f"{self.project}-{self.level}" / pseudonym / label

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
        """Pseudonyms of all who were ever worked on in this project and level."""
        folders = self.work.iterdir() if self.work.is_dir() else []
        return sorted(
            one.name for one in folders if SUBJECT_FOLDER.fullmatch(one.name) and one.is_dir()
        )

    def published_sessions(self) -> list[tuple[str, str]]:
        """(pseudonym, label) of every session that is in the release."""
        found = []
        for subject in sorted(self.release.iterdir()) if self.release.is_dir() else []:
            if SUBJECT_FOLDER.fullmatch(subject.name) and subject.is_dir():
                names = sorted(
                    folder.name
                    for folder in subject.iterdir()
                    if SESSION_FOLDER.fullmatch(folder.name)
                )
                found += [(subject.name, name) for name in names]
        return found


@lru_cache(maxsize=64)
def slice_names(count: int) -> tuple[str, ...]:
    """slice_001.dcm .., padded to the digits needed, at least three."""
    width = max(3, len(str(count)))
    return tuple(f"slice_{number:0{width}d}.dcm" for number in range(1, count + 1))
