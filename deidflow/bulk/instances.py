"""Rows of the vault's table from source files to outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from deidflow.bulk.targets import SeriesTargets, Target
from deidflow.dicom.majorities import Decision
from deidflow.header.uids import UidMap
from deidflow.release.instances import InstanceRow
from deidflow.verdicts import UNRECORDED, Verdict


def instance_rows(
    root: Path,
    series_targets: Sequence[SeriesTargets],
    exceptions: Mapping[str, Verdict],
    decisions: Mapping[str, Decision],
    *,
    uids_retained: bool,
) -> Iterator[InstanceRow]:
    """One row per file found.

    `exceptions` are the verdicts, by path, of targets that may not be released; `decisions` those
    of files that have no target.
    """
    for series in series_targets:
        uids = UidMap(
            bytes.fromhex(series.order.uid_key),
            series.order.uid_root,
            uids_retained,
        )
        for target in series.targets:
            verdict = exceptions.get(target.path, Verdict.RELEASED)
            yield _target_row(
                root,
                series,
                target,
                verdict,
                uids,
            )

    for path, (verdict, reason) in sorted(decisions.items()):
        yield InstanceRow(
            source_path="" if reason in UNRECORDED else str(root / path),
            verdict=verdict,
        )


def _target_row(
    root: Path, series: SeriesTargets, target: Target, verdict: Verdict, uids: UidMap
) -> InstanceRow:
    pseudonym, label = series.session
    released_uid = ""
    released_path = ""
    if verdict is Verdict.RELEASED:
        released_uid = uids(target.sop_uid)
        released_path = target.output_path

    return InstanceRow(
        source_path=str(root / target.path),
        sop_uid=target.sop_uid,
        released_sop_uid=released_uid,
        subject=pseudonym,
        session=label,
        series=series.series,
        released_path=released_path,
        verdict=verdict,
    )
