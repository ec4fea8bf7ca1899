"""Writes the evidence folder: one page to read, tables to check, and a signature over all of it."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from deidflow.errors import ConfigError, UsageError
from deidflow.evidence.conformance import ConformanceRow, conformance_csv, conformance_rows
from deidflow.evidence.methods import methods_paragraph
from deidflow.evidence.parts_list import installed_parts, parts_list
from deidflow.evidence.signature import (
    MANIFEST,
    RELEASE_MANIFEST,
    fingerprint_of,
    sign_folder,
    signing_key,
)
from deidflow.header.load_profile import load_profile
from deidflow.header.profile import Profile
from deidflow.identity.secret import Keys
from deidflow.release.decision_record import effective, read_entries
from deidflow.release.decisions import Action, Decision
from deidflow.release.layout import Layout
from deidflow.report.facts import Dataset, ReleaseFacts
from deidflow.report.gate_chart import FigureRow, figure_rows
from deidflow.report.pages import render_page
from deidflow.report.read_facts import read_facts
from deidflow.report.shared_page import KeyFigure, key_figures
from deidflow.report.words import Limit, advice_for, limits_of, reason_words
from deidflow.store.files import (
    digest_of,
    names_below,
    safe_cell,
    sha256_of,
    write_bytes_atomic,
)

_MARK = "evidence.json"


@dataclass(frozen=True)
class Statement:
    """What people say of a release and no program can know."""

    key_holder: str = ""
    verification: Path | None = None
    """The record of an independent check, as JSON."""
    profile: str = ""
    """The site's profile file, where the release was not made with one of ours."""


@dataclass(frozen=True)
class WithheldRow:
    """Files that are not released for one reason."""

    verdict: str
    reason: str
    words: str
    files: int
    remedy: str


@dataclass(frozen=True)
class ApprovalRow:
    """One decision of a person."""

    case: str
    decision: str
    saw: str
    who: str
    when: str
    seen: str
    is_current: bool


@dataclass(frozen=True)
class EvidencePage:
    """What the template is filled with."""

    dataset: Dataset
    written: str
    keys: tuple[KeyFigure, ...]
    methods: str
    conformance: tuple[ConformanceRow, ...]
    profile_note: str
    gates: tuple[FigureRow, ...]
    withheld: tuple[WithheldRow, ...]
    approvals: tuple[ApprovalRow, ...]
    approval_counts: tuple[tuple[str, int], ...]
    released_series: int
    limits: tuple[Limit, ...]
    key_holder: str
    has_verification: bool
    versions: tuple[tuple[str, str], ...]
    release_digest: str
    fingerprint: str


def write_evidence(layout: Layout, keys: Keys, folder: Path, statement: Statement) -> str:
    """Fill a folder with the evidence for a release, signed; returns the key's fingerprint.

    Raises UsageError for a folder inside the release or one that holds something else.
    """
    _check_folder(layout, folder)
    facts = read_facts(layout)
    key = signing_key(layout, keys)
    fingerprint = fingerprint_of(key.public_key())
    page = _page(layout, facts, statement, fingerprint)

    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    html = render_page("evidence.html.j2", page=page, withdrawn=facts.withdrawn)
    _write(folder, "index.html", html)
    _write(folder, "methods.txt", page.methods + "\n")
    _write(folder, "conformance.csv", conformance_csv(page.conformance))
    _write(folder, "withheld.csv", _csv(page.withheld, WithheldRow))
    _write(folder, "approvals.csv", _csv(page.approvals, ApprovalRow))
    _write(folder, "sbom.cdx.json", parts_list())
    _write(folder, RELEASE_MANIFEST, (layout.release / MANIFEST).read_bytes())
    if statement.verification is not None:
        _write(folder, "verification.json", statement.verification.read_bytes())
    _write(folder, _MARK, _summary(page))
    sign_folder(folder, key)
    return fingerprint


def _check_folder(layout: Layout, folder: Path) -> None:
    real = Path(os.path.realpath(folder))
    if real.is_relative_to(layout.release):
        raise UsageError("the evidence lies inside the release; choose a folder outside it")
    if real.exists() and names_below(real) and not (real / _MARK).exists():
        raise UsageError("the folder holds other files; choose an empty or new one")


def _page(
    layout: Layout,
    facts: ReleaseFacts,
    statement: Statement,
    fingerprint: str,
) -> EvidencePage:
    rows, note = _conformance(facts.dataset, statement.profile)
    approvals = _approvals(layout, facts)
    decided = Counter(row.decision for row in approvals if row.is_current)
    released = tuple(facts.released_series())

    return EvidencePage(
        dataset=facts.dataset,
        written=datetime.now(UTC).strftime("%Y-%m-%d"),
        keys=key_figures(facts),
        methods=methods_paragraph(facts),
        conformance=rows,
        profile_note=note,
        gates=figure_rows(released, coarse=True),
        withheld=_withheld(facts),
        approvals=approvals,
        approval_counts=tuple(sorted(decided.items())),
        released_series=len(released),
        limits=limits_of(facts.dataset.level),
        key_holder=statement.key_holder,
        has_verification=statement.verification is not None,
        versions=_versions(facts.dataset),
        release_digest=sha256_of(layout.release / MANIFEST),
        fingerprint=fingerprint,
    )


def _conformance(dataset: Dataset, file: str) -> tuple[tuple[ConformanceRow, ...], str]:
    try:
        profile = load_profile(file or dataset.profile_name)
    except ConfigError as error:
        raise UsageError(f"the profile of the release is not at hand; name it: {error}") from None
    rows = conformance_rows(profile)
    if _digest(profile) == dataset.profile_digest:
        return rows, "This is the profile with which the release was made."
    note = (
        "The run changed this profile by its settings, or used another version of it: the table "
        "shows the profile as it stands now."
    )
    return rows, note


def _digest(profile: Profile) -> str:
    return digest_of(profile.model_dump(mode="json"))


def _withheld(facts: ReleaseFacts) -> tuple[WithheldRow, ...]:
    rows = []
    for count in facts.counts.reasons:
        row = WithheldRow(
            verdict=count.verdict,
            reason=count.reason,
            words=reason_words(count.reason),
            files=count.files,
            remedy=advice_for(count.reason).words,
        )
        rows.append(row)
    rows.sort(key=lambda row: (row.verdict, -row.files))
    return tuple(rows)


def _approvals(layout: Layout, facts: ReleaseFacts) -> tuple[ApprovalRow, ...]:
    """Every decision that was ever taken, oldest first, and whether it is in force."""
    entries = read_entries(layout.decisions)
    current = effective(entries)
    known = {session.subject for session in facts.sessions()}
    rows = []
    for entry in entries:
        decision = entry.decision
        if decision.case.subject in known:
            rows.append(_approval(decision, current.get(decision.case)))
    return tuple(rows)


def _approval(decision: Decision, in_force: Decision | None) -> ApprovalRow:
    is_current = decision == in_force and decision.action is not Action.UNDO
    return ApprovalRow(
        case=str(decision.case),
        decision=decision.action.value,
        saw=", ".join(sight.value for sight in decision.sights),
        who=decision.who,
        when=decision.when,
        seen=decision.seen,
        is_current=is_current,
    )


def _versions(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    parts = installed_parts()
    versions = {
        "deidflow": dataset.version,
        "Python": platform.python_version(),
        **dict(dataset.tools),
    }
    for name in ("pydicom", "nibabel", "numpy", "scipy", "pydeface"):
        if name in parts:
            versions[name] = parts[name]
    return tuple(sorted(versions.items(), key=lambda pair: pair[0].lower()))


def _summary(page: EvidencePage) -> str:
    """What a program wants to know of the folder."""
    summary = {
        "schema": 1,
        "release_id": page.dataset.release_id,
        "release_manifest_sha256": page.release_digest,
        "written": page.written,
        "pseudonymous": True,
        "approvals": dict(page.approval_counts),
        "versions": dict(page.versions),
        "key_fingerprint": page.fingerprint,
    }
    return json.dumps(summary, indent=2, sort_keys=True) + "\n"


def _csv(
    rows: Iterable[WithheldRow | ApprovalRow],
    kind: type[WithheldRow | ApprovalRow],
) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(kind)])
    for row in rows:
        writer.writerow([safe_cell(str(cell)) for cell in asdict(row).values()])
    return text.getvalue().encode("utf-8")


def _write(folder: Path, name: str, content: str | bytes) -> None:
    data = content.encode("utf-8") if isinstance(content, str) else content
    write_bytes_atomic(folder / name, data, 0o644)
