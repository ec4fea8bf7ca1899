"""Where each file found is in the release: the run's rows of the vault's table of instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pydicom

from deidflow.header.uids import UidMap
from deidflow.identity.vault import Vault
from deidflow.release.instances import InstanceRow
from deidflow.release.tables import FileRow
from deidflow.run.context import Run
from deidflow.run.discovery import RunBatch
from deidflow.store.files import Manifest, read_json, write_json_atomic
from deidflow.verdicts import Reason, Verdict

Session = tuple[str, str]


@dataclass(frozen=True)
class Published:
    """The instances of a published session."""

    paths: dict[str, str]
    """Released SOP Instance UID -> path below the release."""
    counts: dict[str, int]
    """Series -> DICOM files on disk."""


def published_instances(run: Run, session: Session, manifest: Manifest) -> Published:
    """The instances of a session; headers are read where it is not as at the last run."""
    names = [output.path for output in manifest.outputs if output.path.endswith(".dcm")]
    counts: dict[str, int] = {}
    for name in names:
        series = name.partition("/")[0]
        counts[series] = counts.get(series, 0) + 1

    place = run.layout.session_work(*session) / "instances.json"
    known = read_json(place)
    if not isinstance(known, dict) or known.get("digest") != manifest.digest:
        known = {"digest": manifest.digest, "paths": dict(_read(run, session, names))}
        write_json_atomic(place, known)
    return Published(known["paths"], counts)


def _read(run: Run, session: Session, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    folder = run.layout.published(*session)
    for name in names:
        header = pydicom.dcmread(
            folder / name, specific_tags=["SOPInstanceUID"], stop_before_pixels=True
        )
        yield str(header.SOPInstanceUID), "/".join((*session, name))


def with_missing(rows: Sequence[FileRow], published: Mapping[Session, Published]) -> list[FileRow]:
    """The rows, where those of series that are not on disk as a whole have failed."""
    expected: dict[tuple[str, str, str], int] = {}
    for row in rows:
        if row.verdict == Verdict.RELEASED.value:
            key = row.pseudonym, row.session, row.series
            expected[key] = expected.get(key, 0) + 1
    short = {key for key, count in expected.items() if _count(published, key) < count}
    return [_failed(row) if _is_short(row, short) else row for row in rows]


def _count(published: Mapping[Session, Published], key: tuple[str, str, str]) -> int:
    session = published.get(key[:2])
    return session.counts.get(key[2], 0) if session is not None else 0


def _is_short(row: FileRow, short: set[tuple[str, str, str]]) -> bool:
    return (
        row.verdict == Verdict.RELEASED.value and (row.pseudonym, row.session, row.series) in short
    )


def _failed(row: FileRow) -> FileRow:
    reason = Reason.OUTPUT_MISSING
    return replace(
        row,
        verdict=Verdict.FAILED.value,
        step="report",
        reason=str(reason.value),
        words=reason.words,
    )


def instance_rows(
    run: Run,
    vault: Vault,
    batch: RunBatch,
    rows: Sequence[FileRow],
    published: Mapping[Session, Published],
) -> Iterator[InstanceRow]:
    """One row for each file found."""
    uids = UidMap(
        vault.keys.derive("uid"), run.settings.header.uid_root, "retain_uids" in run.profile.options
    )
    originals = dict(_originals(batch))
    revisions: dict[Session, dict[str, int]] = {}
    for row in rows:
        session = row.pseudonym, row.session
        original = originals.get(row.path, "")
        released, place = "", ""
        if row.verdict == Verdict.RELEASED.value and session in published:
            if session not in revisions:
                revisions[session] = _revisions(run, session)
            released = _released(uids, original, revisions[session].get(row.series, 0))
            place = published[session].paths.get(released, "")
        yield InstanceRow(
            row.path, original, released, row.pseudonym, row.session, row.series, place, row.verdict
        )


def _originals(batch: RunBatch) -> Iterator[tuple[str, str]]:
    for subject in batch.cohort.subjects:
        for study in subject.studies:
            for series in study.series:
                yield from ((member.path, member.instance.sop_uid) for member in series.members)


def _revisions(run: Run, session: Session) -> dict[str, int]:
    known = read_json(run.layout.revisions(*session)) or {}
    return {series: row["revision"] for series, row in known.items()}


def _released(uids: UidMap, original: str, revision: int) -> str:
    uid = uids(original)
    return uids.revised(uid, revision) if revision else uid
