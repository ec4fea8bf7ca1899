"""Reads the facts from a release and its vault; no other module here knows those files."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deidflow.errors import UsageError
from deidflow.release.dataset import read_review
from deidflow.release.layout import SESSION_FOLDER, Layout
from deidflow.report.facts import (
    Counts,
    Dataset,
    HeldGroup,
    ReasonCount,
    ReleaseFacts,
    SeriesFacts,
    SessionFacts,
    SubjectFacts,
)
from deidflow.store.files import read_json
from deidflow.verdicts import Verdict

Record = Mapping[str, Any]

_NO_SERIES: Record = {"state": "", "verdict": "", "step": "", "reason": "", "instances": 0}


def layout_of(release: Path, vault: Path) -> Layout:
    """The places of a release and its vault; raises UsageError where they do not fit."""
    dataset = read_json(release / "dataset.json")
    if not isinstance(dataset, dict) or "release_id" not in dataset:
        raise UsageError("there is no release in this folder; run 'deidflow run' first")
    layout = Layout(
        release,
        vault,
        dataset["project"],
        dataset["level"],
    )
    if not layout.work.is_dir():
        raise UsageError("this vault has not made this release; name the vault of its run")
    return layout


def read_facts(layout: Layout, only: str = "") -> ReleaseFacts:
    """Facts of a release and of its last run; of one subject where `only` names it."""
    published = set(layout.published_sessions())
    pseudonyms = {pseudonym for pseudonym, _ in published}
    for pseudonym in layout.known_subjects():
        # The vault's work has other folders too; a subject has a work order.
        if layout.order(pseudonym).exists():
            pseudonyms.add(pseudonym)

    if only:
        pseudonyms &= {only}
    subjects = []
    for pseudonym in sorted(pseudonyms):
        subjects.append(_subject(layout, pseudonym, published))

    return ReleaseFacts(
        dataset=read_dataset(layout.release),
        counts=_counts(read_json(layout.summary) or {}),
        subjects=tuple(subjects),
    )


def read_dataset(release: Path) -> Dataset:
    """What dataset.json says; raises UsageError where there is none."""
    row = read_json(release / "dataset.json")
    if not isinstance(row, dict):
        raise UsageError("there is no release in this folder; run 'deidflow run' first")

    profile = row["profile"]

    return Dataset(
        release_id=row["release_id"],
        project=row["project"],
        level=row["level"],
        version=row["deidflow"],
        standard=row["standard"],
        profile_name=profile["name"],
        profile_digest=profile["digest"],
        faces=row["faces"],
        codes=tuple(row["codes"]),
        notes=tuple(row.get("notes", ())),
        tools=tuple(sorted(row["tools"].items())),
        is_deidentified="de-identified" not in row,
        review=read_review(release),
    )


def _counts(summary: Record) -> Counts:
    reasons = []
    for verdict, reason, files in summary.get("reasons", ()):
        reasons.append(ReasonCount(verdict, reason, files))
    return Counts(
        files=summary.get("files", 0),
        verdicts=summary.get("verdicts", {}),
        reasons=tuple(reasons),
        absent=summary.get("absent", 0),
        gone=summary.get("gone", 0),
    )


def _subject(layout: Layout, pseudonym: str, published: set[tuple[str, str]]) -> SubjectFacts:
    outcome = _outcomes(layout.outcome(pseudonym))
    labels = {label for owner, label in published if owner == pseudonym}
    labels |= {label for label in outcome if SESSION_FOLDER.fullmatch(label)}
    sessions = []
    for label in sorted(labels):
        is_published = (pseudonym, label) in published
        row = outcome.get(label, {})
        sessions.append(
            _session(
                layout,
                pseudonym,
                label,
                row,
                is_published,
            )
        )

    return SubjectFacts(pseudonym, tuple(sessions))


def _outcomes(path: Path) -> dict[str, Record]:
    """How a subject's sessions ended, by label."""
    content = read_json(path)
    if not isinstance(content, dict):
        return {}
    sessions: dict[str, Record] = content.get("sessions", {})
    return sessions


def _session(
    layout: Layout,
    pseudonym: str,
    label: str,
    row: Record,
    is_published: bool,
) -> SessionFacts:
    rows = row.get("series") or _published_rows(layout.published(pseudonym, label))
    deface = _result(
        layout.session_work(pseudonym, label),
        "deface",
    )
    series = []
    for name in sorted(rows):
        series.append(_series(name, rows[name], deface))

    findings = sum(finding.get("count", 1) for finding in row.get("findings", ()))

    return SessionFacts(
        subject=pseudonym,
        label=label,
        published=is_published,
        series=tuple(series),
        findings=findings,
        doubtful=sum(row.get("doubtful", {}).values()),
        failed_step=row.get("failed", ""),
    )


def _published_rows(folder: Path) -> dict[str, Record]:
    """Series of a published session that the last run did not touch, from what the release says."""
    summary = read_json(folder / "session.json") or {}
    rows: dict[str, Record] = {}
    for series in summary.get("series", ()):
        is_held = series["state"] == "quarantined"
        verdict = Verdict.QUARANTINED if is_held else Verdict.RELEASED
        rows[series["series"]] = {
            **_NO_SERIES,
            "state": series["state"],
            "verdict": verdict.value,
            "reason": series.get("reason", ""),
            "instances": series.get("instances", 0),
        }
    return rows


def _series(name: str, row: Record, deface: Record) -> SeriesFacts:
    fate = deface.get("series", {}).get(name, {})
    margin = (fate.get("mask") or {}).get("margin_mm")
    measured = fate.get("figures") or _refused_figures(name, deface)
    figures = {figure: value for figure, value in measured.items() if value is not None}

    return SeriesFacts(
        name=name,
        state=row["state"],
        verdict=row["verdict"],
        step=row["step"],
        reason=row["reason"] or "",
        instances=row["instances"],
        detail=row.get("detail") or fate.get("detail") or "",
        how=fate.get("how", ""),
        margin_mm=margin,
        figures=figures,
        by_person=tuple(fate.get("by_person") or ()),
    )


def _refused_figures(name: str, deface: Record) -> Record:
    """Figures of a head that the gate refused."""
    for refusal in deface.get("refused", ()):
        if refusal.get("series") == name:
            figures: Record = refusal.get("figures") or {}
            return figures
    return {}


def _result(work: Path, step: str) -> Record:
    record = read_json(work / "records" / f"{step}.json")
    if not isinstance(record, dict):
        return {}
    result: Record = record.get("result") or {}
    return result


def read_held(layout: Layout) -> tuple[HeldGroup, ...]:
    """What the last run did not release, file by file in the vault's table, grouped."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in _held_rows(layout.own_quarantine_table):
        key = tuple(row[column] for column in _GROUPED_BY)
        groups.setdefault(key, []).append(row["source_path"])

    held = []
    for key, paths in groups.items():
        subject, session, series, verdict, step, reason, words = key
        group = HeldGroup(
            subject=subject,
            session=session,
            series=series,
            verdict=verdict,
            step=step,
            reason=reason,
            words=words,
            paths=tuple(paths),
        )
        held.append(group)

    return tuple(held)


_GROUPED_BY = ("pseudonym", "session", "series", "verdict", "step", "reason", "words")


def _held_rows(path: Path) -> Iterator[dict[str, str]]:
    if not path.exists():
        return
    with path.open(
        encoding="utf-8",
        errors="surrogateescape",
        newline="",
    ) as stream:
        yield from csv.DictReader(stream)
