"""Sessions of a release that may be sent: published, and as the release's checksums say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deidflow.dicom.structure import scan
from deidflow.errors import Withheld
from deidflow.release.layout import Layout
from deidflow.store.files import names_below

_SOP_CLASS, _SOP_UID, _PATIENT_ID = 0x00080016, 0x00080018, 0x00100020
_STUDY_UID, _SERIES_UID = 0x0020000D, 0x0020000E
_WANTED = frozenset((_SOP_CLASS, _SOP_UID, _PATIENT_ID, _STUDY_UID, _SERIES_UID))
_SUFFIX = ".dcm"
_SESSION_PARTS = 3
"""Subject, session, and the path below them."""
DIFFERS = "differs from the release's checksums; run again, or verify the release"
NO_PATIENT = "has no PatientID, so that an archive would merge all patients"
UNREADABLE = "holds a file that cannot be read as DICOM; verify the release"


@dataclass(frozen=True)
class OutgoingInstance:
    """A released file with what an archive needs to know; all values are the release's."""

    path: Path
    sha256: str
    sop_class: str
    sop_uid: str
    syntax: str
    study_uid: str
    series_uid: str
    patient_id: str


@dataclass(frozen=True)
class OutgoingSession:
    """A published session; `problem` says why it may not be sent, empty where it may."""

    subject: str
    label: str
    instances: tuple[OutgoingInstance, ...] = ()
    problem: str = ""


Listed = Mapping[str, Mapping[str, str]]
"""`P001/M00` -> the files of that session with their hashes."""


def asked_sessions(layout: Layout, subjects: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Subject and label of the published sessions of these subjects, of all without any."""
    sessions = layout.published_sessions()
    return [session for session in sessions if not subjects or session[0] in subjects]


def listed_by_session(checksums: Mapping[str, str]) -> Listed:
    """The checksums of a release by session."""
    sessions: dict[str, dict[str, str]] = {}
    for path, digest in checksums.items():
        parts = path.split("/", 2)
        if len(parts) == _SESSION_PARTS:
            subject, label, name = parts
            files = sessions.setdefault(f"{subject}/{label}", {})
            files[name] = digest
    return sessions


def outgoing_session(
    layout: Layout, checksums: Listed, subject: str, label: str
) -> OutgoingSession:
    """A published session with the instances that may be sent of it."""
    listed = checksums.get(f"{subject}/{label}", {})
    folder = layout.published(subject, label)
    try:
        instances = _checked(folder, listed)
    except (OSError, _OtherBytes):
        return OutgoingSession(subject, label, problem=DIFFERS)
    except Withheld:
        return OutgoingSession(subject, label, problem=UNREADABLE)

    patients = {instance.patient_id for instance in instances}
    problem = NO_PATIENT if "" in patients else ""
    return OutgoingSession(
        subject,
        label,
        instances,
        problem,
    )


class _OtherBytes(Exception):
    """A file is not as the checksums say."""


def _checked(folder: Path, listed: Mapping[str, str]) -> tuple[OutgoingInstance, ...]:
    """The DICOM files of a session whose files are exactly those of the checksums."""
    if names_below(folder) != sorted(listed):
        raise _OtherBytes

    instances: list[OutgoingInstance] = []
    for name, listed_digest in listed.items():
        file = folder / name
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest != listed_digest:
            raise _OtherBytes
        if name.endswith(_SUFFIX):
            instance = _instance(file, content, digest)
            instances.append(instance)
    return tuple(instances)


def _instance(path: Path, content: bytes, digest: str) -> OutgoingInstance:
    structure = scan(memoryview(content), _WANTED)
    values = {tag: _text(value) for tag, value in structure.values.items()}
    return OutgoingInstance(
        path=path,
        sha256=digest,
        sop_class=values.get(_SOP_CLASS, ""),
        sop_uid=values.get(_SOP_UID, ""),
        syntax=structure.transfer_syntax,
        study_uid=values.get(_STUDY_UID, ""),
        series_uid=values.get(_SERIES_UID, ""),
        patient_id=values.get(_PATIENT_ID, ""),
    )


def _text(value: bytes) -> str:
    return value.rstrip(b"\0 ").decode("latin-1")
