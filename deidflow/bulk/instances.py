"""Rows of the vault's table from source files to outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from deidflow.bulk.targets import Part, Target
from deidflow.dicom.grouping import Decision
from deidflow.header.uids import UidMap
from deidflow.release.instances import InstanceRow
from deidflow.verdicts import Verdict


def instance_rows(
    root: Path,
    parts: Sequence[Part],
    ends: Mapping[str, Verdict],
    verdicts: Mapping[str, Decision],
    *,
    kept: bool,
) -> Iterator[InstanceRow]:
    """One row for each file found; `ends` are the verdicts of files that did not simply go out.

    `kept` says whether UIDs stay as they are.
    """
    for part in parts:
        uids = UidMap(bytes.fromhex(part.order.uid_key), part.order.uid_root, kept)
        for target in part.targets:
            yield _row(root, part, target, ends.get(target.path, Verdict.RELEASED), uids)
    for path, (verdict, _) in sorted(verdicts.items()):
        yield InstanceRow(str(root / path), "", "", "", "", "", "", verdict.value)


def _row(root: Path, part: Part, target: Target, verdict: Verdict, uids: UidMap) -> InstanceRow:
    out = verdict is Verdict.RELEASED
    return InstanceRow(
        source_path=str(root / target.path),
        sop_uid=target.sop_uid,
        released_sop_uid=uids(target.sop_uid) if out else "",
        subject=part.order.pseudonym,
        session=part.order.sessions[0].label,
        series=part.series,
        released_path=f"{target.folder}/{target.name}" if out else "",
        verdict=verdict.value,
    )
