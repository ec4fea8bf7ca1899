"""What was done, file by file and attribute by attribute, without values; and what the output says of itself."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from deidflow.bulk.output import DESCRIPTION
from deidflow.bulk.result import NotReleased
from deidflow.bulk.work import Done
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.header.completeness import is_complete
from deidflow.header.profile import Profile
from deidflow.identity.vault import Vault
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.settings.profile_warnings import profile_warnings
from deidflow.store.files import digest_of, safe_cell, write_bytes_atomic, write_json_atomic
from deidflow.version import __version__

_COLUMNS = ("file", "subject", "series", "verdict", "attribute", "action", "output")
_FOLDER, _OUTPUT = _COLUMNS.index("subject"), _COLUMNS.index("output")
Row = tuple[str, ...]
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
        rows = _rows(ordered, held_back)
        text = _text(settings.audit, [*rows, *_earlier(settings, rows)])
        write_bytes_atomic(settings.audit, text.encode("ascii", "replace"))
    if settings.vault is not None and not settings.dry_run:
        table = _table(held_back, numbers)
        write_bytes_atomic(vault.folder / "quarantine" / "anonymize.csv", table)
        own = vault.folder / "quarantine" / f"{settings.project}-{settings.level}"
        write_bytes_atomic(own / "anonymize.csv", table)
    return (
        tuple((one.task.number, *row) for one in ordered for row in one.differences)
        if settings.dry_run
        else ()
    )


def _rows(done: Iterable[Done], held_back: Iterable[NotReleased]) -> list[Row]:
    rows: list[Row] = [
        (
            f"{end.task.number:06d}",
            end.task.folder,
            end.task.series,
            end.verdict.value,
            *difference,
            end.task.name,
        )
        for end in done
        for difference in end.differences
    ]
    rows += [
        (f"{one.number:06d}", "", "", one.verdict.value, "", one.reason.words, "")
        for one in held_back
    ]
    return rows


def _earlier(settings: AnonymizeSettings, rows: Sequence[Row]) -> list[Row]:
    """Rows of earlier calls about outputs that are still there and that this call did not look at.

    Their file numbers are those of another call, and are left out.
    """
    assert settings.audit is not None
    if settings.on_exists != "resume" or not settings.audit.exists():
        return []
    now = {(row[_FOLDER], row[_OUTPUT]) for row in rows}
    earlier = []
    for row in _read(settings.audit):
        place = row[_FOLDER], row[_OUTPUT]
        if row[_OUTPUT] and place not in now and Path(settings.out, *place).exists():
            earlier.append(("", *row[1:]))
    return earlier


def _read(path: Path) -> list[Row]:
    """The rows of an audit; raises UsageError for a file that is none."""
    try:
        text = path.read_text("ascii")
        if path.suffix == ".csv":
            found = list(csv.DictReader(io.StringIO(text)))
        elif path.suffix == ".json":
            found = json.loads(text)
        else:
            found = [json.loads(line) for line in text.splitlines()]
        return [tuple(str(row.get(column) or "") for column in _COLUMNS) for row in found]
    except OSError as error:
        raise EnvironmentFault(
            f"the audit of the earlier call cannot be read: {error.strerror}"
        ) from None
    except (ValueError, AttributeError):
        raise UsageError(
            "the audit's file is there, but is no audit of deidflow; name another file"
        ) from None


def check_audit(settings: AnonymizeSettings) -> None:
    """Refuse to add to a file that is no audit, before anything is written."""
    if settings.audit is not None and settings.on_exists == "resume" and settings.audit.exists():
        _read(settings.audit)


def _text(path: Path, rows: Sequence[Row]) -> str:
    if path.suffix == ".csv":
        return _csv([_COLUMNS, *rows])
    objects = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    if path.suffix == ".json":
        return json.dumps(objects, indent=0) + "\n"
    return "".join(json.dumps(one) + "\n" for one in objects)


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _table(held_back: Iterable[NotReleased], numbers: Mapping[str, int]) -> bytes:
    """Paths and reasons, for the vault only."""
    paths = {number: path for path, number in numbers.items()}
    rows = [
        (safe_cell(paths[one.number]), one.verdict.value, one.reason.value, one.words)
        for one in held_back
    ]
    return _csv([("source_path", "verdict", "reason", "words"), *rows]).encode(
        "utf-8", "surrogateescape"
    )


def write_description(settings: AnonymizeSettings, profile: Profile) -> None:
    """Write dataset.json: by which rules the output was made; no clock, no path."""
    complete = is_complete(profile)
    row = {
        "name": "deidflow headers",
        "deidflow": __version__,
        "project": settings.project,
        "level": settings.level,
        "profile": {"name": profile.name, "digest": digest_of(profile.model_dump(mode="json"))},
        "standard": "DICOM PS3.15 Table E.1-1, 2026d",
        "de-identified": "by PS3.15" if complete else "not de-identified",
        "codes": [f"{code} {meaning}" for code, meaning in profile.codes] if complete else [],
        "faces": "not touched: headers only",
    }
    notes = list(profile_warnings(settings, profile))
    row |= {"notes": notes} if notes else {}
    write_json_atomic(settings.out / DESCRIPTION, row, 0o644, indent=2)
