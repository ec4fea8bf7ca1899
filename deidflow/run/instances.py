"""Where each file found is in the release: the run's rows of the vault's table of instances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deidflow.dicom.structure import META_INSTANCE, file_meta
from deidflow.header.completeness import keeps_uids
from deidflow.header.uids import UidMap
from deidflow.identity.vault import Vault
from deidflow.release.instances import InstanceRow
from deidflow.release.layout import Layout
from deidflow.run.context import Run
from deidflow.run.files import FileEnd
from deidflow.steps.revisions import Revision, read_revisions
from deidflow.store.files import Manifest, read_json, write_json_atomic
from deidflow.verdicts import Reason, Verdict

Session = tuple[str, str]
_META_BYTES = 1024
"""More than the file meta information that we write takes."""


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
        yield _uid_of(folder / name), "/".join((*session, name))


def _uid_of(path: Path) -> str:
    """The UID of a released instance, as its file meta information says it: `verify` holds that
    against the header."""
    with path.open("rb") as stream:
        head = stream.read(_META_BYTES)
    meta, _ = file_meta(head)
    return meta[META_INSTANCE].rstrip(b"\0 ").decode("ascii")


def with_missing(ends: Sequence[FileEnd], published: Mapping[Session, Published]) -> list[FileEnd]:
    """The ends, where files of series that are not on disk as a whole have failed."""
    expected = Counter(_series_of(end) for end in ends if end.is_released)
    short = {key for key, count in expected.items() if _count(published, key) < count}
    return [_missing(end) if end.is_released and _series_of(end) in short else end for end in ends]


def _series_of(end: FileEnd) -> tuple[str, str, str]:
    return end.pseudonym, end.session, end.series


def _count(published: Mapping[Session, Published], key: tuple[str, str, str]) -> int:
    pseudonym, label, series = key
    session = published.get((pseudonym, label))
    return 0 if session is None else session.counts.get(series, 0)


def _missing(end: FileEnd) -> FileEnd:
    reason = Reason.OUTPUT_MISSING
    return replace(
        end,
        verdict=Verdict.FAILED,
        step="report",
        reason=reason,
        words=reason.words,
    )


def uid_map(run: Run, vault: Vault) -> UidMap:
    """From UIDs of the source to those of the release."""
    return UidMap(
        vault.keys.derive("uid"),
        run.settings.header.uid_root,
        keeps_uids(run.profile),
    )


def instance_rows(
    layout: Layout,
    uids: UidMap,
    ends: Iterable[FileEnd],
    published: Mapping[Session, Published],
) -> Iterator[InstanceRow]:
    """One row for each file."""
    revisions: dict[Session, dict[str, Revision]] = {}
    for end in ends:
        session = end.pseudonym, end.session
        released = ""
        place = ""
        if end.is_released and session in published:
            if session not in revisions:
                revisions[session] = read_revisions(layout.revisions(*session))
            released = _released(
                uids,
                end.sop_uid,
                revisions[session].get(end.series),
            )
            place = published[session].paths.get(released, "")

        yield InstanceRow(
            source_path=end.path,
            sop_uid=end.sop_uid,
            released_sop_uid=released,
            subject=end.pseudonym,
            session=end.session,
            series=end.series,
            released_path=place,
            verdict=end.verdict,
        )


def _released(uids: UidMap, original: str, revision: Revision | None) -> str:
    uid = uids(original)
    if revision is None or not revision.revision:
        return uid
    return uids.revised(uid, revision.revision)
