"""What was done, file by file and attribute by attribute, without values."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from deidflow.bulk.result import NotReleased
from deidflow.bulk.tasks import FileOutcome
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.store.files import safe_cell, write_bytes_atomic
from deidflow.store.tables import csv_bytes, csv_text
from deidflow.verdicts import UNRECORDED


class AuditRow(NamedTuple):
    """What happened to one attribute of a file, or why a file has no output."""

    file: str
    """Number of the file in its call, six digits; empty for a file of an earlier call."""
    subject: str
    """Folder of the output."""
    series: str
    verdict: str
    attribute: str
    action: str
    output: str
    """Name of the output in its folder."""

    @property
    def place(self) -> tuple[str, str]:
        """Folder and name of the output."""
        return self.subject, self.output


def write_audit(
    settings: AnonymizeSettings,
    outcomes: Iterable[FileOutcome],
    held_back: Iterable[NotReleased],
) -> None:
    """Write the audit if the settings name one; `outcomes` are in the order of their numbers."""
    path = settings.audit
    if path is None or settings.dry_run:
        return

    rows: list[AuditRow] = []
    rows += _outcome_rows(outcomes)
    rows += _held_back_rows(held_back)
    if settings.on_exists == "resume" and path.exists():
        rows += _earlier_rows(path, settings.out, rows)

    text = _text(rows, path.suffix)
    content = text.encode("ascii", "replace")
    write_bytes_atomic(path, content)


def _outcome_rows(outcomes: Iterable[FileOutcome]) -> Iterator[AuditRow]:
    for outcome in outcomes:
        task = outcome.task
        for attribute, action in outcome.differences:
            yield AuditRow(
                file=f"{task.number:06d}",
                subject=task.folder,
                series=task.series,
                verdict=outcome.verdict,
                attribute=attribute,
                action=action,
                output=task.name,
            )


def _held_back_rows(held_back: Iterable[NotReleased]) -> Iterator[AuditRow]:
    for file in held_back:
        yield AuditRow(
            file=f"{file.number:06d}",
            subject="",
            series="",
            verdict=file.verdict,
            attribute="",
            action=file.reason.words,
            output="",
        )


def _earlier_rows(audit: Path, out: Path, rows: Sequence[AuditRow]) -> list[AuditRow]:
    """Rows of earlier calls about outputs that still exist and that this call did not look at.

    Their file numbers are those of another call, and are left out.
    """
    current = {row.place for row in rows}
    earlier: list[AuditRow] = []
    for row in _read(audit):
        if not row.output or row.place in current:
            continue
        if Path(out, *row.place).exists():
            earlier.append(row._replace(file=""))
    return earlier


def check_audit(settings: AnonymizeSettings) -> None:
    """Refuse to add to a file that is not an audit, before anything is written."""
    path = settings.audit
    if path is None or settings.on_exists != "resume":
        return
    if path.exists():
        _read(path)


def _read(path: Path) -> list[AuditRow]:
    """The rows of an audit; raises UsageError for a file that is not one."""
    try:
        text = path.read_text("ascii")
        return [_row(cells) for cells in _parse(text, path.suffix)]
    except OSError as error:
        raise EnvironmentFault(
            f"the audit of the earlier call cannot be read: {error.strerror}"
        ) from None
    except (ValueError, AttributeError):
        raise UsageError(
            "the file of the audit exists, but is not an audit of deidflow; name another file"
        ) from None


def _parse(text: str, suffix: str) -> list[dict[str, str]]:
    if suffix == ".csv":
        stream = io.StringIO(text)
        return list(csv.DictReader(stream))
    if suffix == ".json":
        rows: list[dict[str, str]] = json.loads(text)
        return rows
    lines = text.splitlines()
    return [json.loads(line) for line in lines]


def _row(cells: Mapping[str, str]) -> AuditRow:
    """The row of some cells; missing ones are empty."""
    values: list[str] = []
    for column in AuditRow._fields:
        value = cells.get(column) or ""
        values.append(str(value))
    return AuditRow(*values)


def _text(rows: Sequence[AuditRow], suffix: str) -> str:
    """Rows as CSV, a JSON list or JSON lines, by the suffix of the file."""
    if suffix == ".csv":
        return csv_text([AuditRow._fields, *rows])

    objects = [row._asdict() for row in rows]
    if suffix == ".json":
        text = json.dumps(objects, indent=0)
        return f"{text}\n"

    lines = [json.dumps(row) for row in objects]
    lines.append("")
    return "\n".join(lines)


def quarantine_table(held_back: Iterable[NotReleased], paths: Sequence[str]) -> bytes:
    """Source paths and reasons as CSV, for the vault only; `paths` are in order of the numbers."""
    rows = [("source_path", "verdict", "reason", "words")]
    for file in held_back:
        path = "" if file.reason in UNRECORDED else paths[file.number - 1]
        row = (
            safe_cell(path),
            file.verdict,
            file.reason,
            file.words,
        )
        rows.append(row)
    return csv_bytes(rows)
