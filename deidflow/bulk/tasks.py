"""What working processes are given and give back: files to de-identify, and how each ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from deidflow.audit.rows import Difference
from deidflow.audit.segment import AuditRecord
from deidflow.header.contacts import Attribute
from deidflow.header.profile import Profile
from deidflow.identity.workorder import WorkOrder
from deidflow.store.files import Signature
from deidflow.verdicts import Reason, Verdict


@dataclass(frozen=True)
class SessionContext:
    """What all files of a batch share; they belong to one session."""

    order: WorkOrder
    profile: Profile
    root: str
    """Folder that source paths are relative to."""
    staging: str
    """Folder in which outputs are written; if empty, nothing is written."""
    audited: bool
    """Whether to say what became of each attribute."""
    recorded: bool
    """Whether to make records for the vault's audit."""
    others: str
    """Folder with the identifiers of the other patients of the call."""
    raw: bool = False
    """Whether the files are raw data, which must stay whole."""


class FileTask(NamedTuple):
    """One file to de-identify."""

    number: int
    """Among all files of the call, counted from 1."""
    path: str
    folder: str
    name: str
    series: str
    bin_trigger_time: bool
    sop_uid: str
    """SOP Instance UID of the source."""
    subject: str = ""
    """Pseudonym."""
    session: str = ""
    """Label."""
    place: str = ""
    """Where the file is, if not at its path below the root: a member of an archive."""

    @property
    def output_path(self) -> str:
        """The output, relative to the output folder."""
        return f"{self.folder}/{self.name}"


class FileOutcome(NamedTuple):
    """How one file ended."""

    task: FileTask
    verdict: Verdict
    reason: Reason | None = None
    signature: Signature | None = None
    """Of the output, if one was written."""
    differences: tuple[Difference, ...] = ()
    contacts: tuple[Attribute, ...] = ()
    """Private elements that were kept and may lead to a person."""
    detail: str = ""
    """The attribute that is the reason, if there is one."""
    records: tuple[AuditRecord, ...] = ()
    """For the vault's audit."""
    changed: int = 0
    """Attributes that differ from the source's."""
