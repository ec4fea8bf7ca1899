"""What was done, file by file and attribute by attribute, without values; and what the output says of itself."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence

from deidflow.bulk.output import DESCRIPTION
from deidflow.bulk.result import NotReleased
from deidflow.bulk.settings import AnonymizeSettings
from deidflow.bulk.work import Done
from deidflow.header.completeness import is_complete
from deidflow.header.profile import Profile
from deidflow.identity.vault import Vault
from deidflow.steps.profile_warnings import profile_warnings
from deidflow.store.files import digest_of, safe_cell, write_bytes_atomic, write_json_atomic
from deidflow.version import __version__

_COLUMNS = ("file", "subject", "series", "verdict", "attribute", "action")
Plan = tuple[tuple[int, str, str], ...]


def write_audit(
    settings: AnonymizeSettings,
    done: Sequence[Done],
    vault: Vault,
    held_back: Sequence[NotReleased],
    numbers: Mapping[str, int],
) -> Plan:
    """Write the audit and the vault's table of what is not released; returns the plan of a dry run."""
    ordered = sorted(done, key=lambda one: one.task.number)
    if settings.audit is not None and not settings.dry_run:
        write_bytes_atomic(settings.audit, _text(settings, ordered, held_back).encode("ascii", "replace"))
    if settings.vault is not None and not settings.dry_run:
        write_bytes_atomic(vault.folder / "quarantine" / "anonymize.csv", _table(held_back, numbers))
    return tuple((one.task.number, *row) for one in ordered for row in one.differences) if settings.dry_run else ()


def _text(settings: AnonymizeSettings, done: Iterable[Done], held_back: Iterable[NotReleased]) -> str:
    rows = [
        (f"{one.task.number:06d}", one.task.folder, one.task.series, one.verdict.value, *difference)
        for one in done
        for difference in one.differences
    ]
    rows += [(f"{one.number:06d}", "", "", one.verdict.value, "", one.reason.words) for one in held_back]
    if settings.audit is not None and settings.audit.suffix in (".json", ".jsonl"):
        return "".join(json.dumps(dict(zip(_COLUMNS, row, strict=True))) + "\n" for row in rows)
    return _csv([_COLUMNS, *rows])


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _table(held_back: Iterable[NotReleased], numbers: Mapping[str, int]) -> bytes:
    """Paths and reasons, for the vault only."""
    paths = {number: path for path, number in numbers.items()}
    rows = [(safe_cell(paths[one.number]), one.verdict.value, one.reason.value, one.reason.words) for one in held_back]
    return _csv([("source_path", "verdict", "reason", "words"), *rows]).encode("utf-8", "surrogateescape")


def write_description(settings: AnonymizeSettings, profile: Profile) -> None:
    """Write dataset.json: by which rules the output was made; no clock, no path."""
    complete = is_complete(profile)
    row = {
        "name": "deidflow headers",
        "deidflow": __version__,
        "project": settings.project,
        "level": settings.level,
        "profile": {"name": profile.name, "digest": digest_of(profile.model_dump(mode="json"))},
        "standard": "DICOM PS3.15 Table E.1-1, 2026c",
        "de-identified": "by PS3.15" if complete else "not de-identified",
        "codes": [f"{code} {meaning}" for code, meaning in profile.codes] if complete else [],
        "faces": "not touched: headers only",
    }
    notes = list(profile_warnings(settings, profile))
    row |= {"notes": notes} if notes else {}
    write_json_atomic(settings.out / DESCRIPTION, row, 0o644, indent=2)
