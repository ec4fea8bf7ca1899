"""The criteria's results in Excel: a summary, then a sheet per file or a row per file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from deidflow.store.files import safe_cell
from deidflow.verifier.criteria import CriteriaJudge, FileResult, Judgement
from deidflow.verifier.findings import Report

MOST_SHEETS = 200
"""So many files get a sheet each; more get a row each."""
_NO_CLOCK = datetime(1900, 1, 1)
_SUMMARY_COLUMNS = (
    "file", "subject", "sheet", "fields present", "passed", "failed", "rate", "absolute fields",
    "result",
)  # fmt: skip
_FIELD_COLUMNS = ("field", "value", "criterion", "absolute", "result")
_FINDING_COLUMNS = ("check", "attribute", "problem", "files", "first file")


def write_workbook(path: Path, judge: CriteriaJudge, report: Report) -> None:
    """Write the workbook; values in it are redacted to class and length."""
    with xlsxwriter.Workbook(
        str(path),
        {"constant_memory": False},
    ) as book:
        book.set_properties({"title": "deidflow verify", "created": _NO_CLOCK})
        writer = _Writer(book)
        has_sheets = len(judge.results) <= MOST_SHEETS
        writer.summary(judge, has_sheets)
        writer.findings(report)
        if has_sheets:
            for number, result in enumerate(judge.results, 1):
                writer.file(f"file {number}", result)
        else:
            writer.fields(judge.results)


class _Writer:
    """Writes sheets with a frozen, filtered header and coloured results."""

    def __init__(self, book: Any) -> None:
        self.book = book
        self.head = book.add_format({"bold": True, "bg_color": "#D9E2EC", "bottom": 1})
        self.bold = book.add_format({"bold": True})
        self.share = book.add_format({"num_format": "0.0 %"})
        self.good = book.add_format({"font_color": "#1E6B34", "bg_color": "#D5F0DC"})
        self.bad = book.add_format({"font_color": "#9C1C1C", "bg_color": "#F9D6D5", "bold": True})

    def summary(self, judge: CriteriaJudge, has_sheets: bool) -> None:
        """The first sheet: a row per file, with a link to its sheet."""
        rows = []
        for number, result in enumerate(judge.results, 1):
            sheet = f"file {number}" if has_sheets else ""
            rows.append(_summary_row(result, sheet))
        sheet = self.table(
            "Summary",
            _SUMMARY_COLUMNS,
            rows,
            widths=(48, 14, 10),
        )
        sheet.set_column(
            6,
            6,
            8,
            self.share,
        )
        column = len(_SUMMARY_COLUMNS) + 1

        sheet.set_column(
            column,
            column,
            22,
        )
        sheet.write_row(
            0,
            column,
            ("subject", f"level {judge.level}"),
            self.head,
        )
        for row, (subject, passed) in enumerate(judge.subjects().items(), 1):
            sheet.write_row(
                row,
                column,
                (safe_cell(subject), _word(passed)),
            )
        self.colour(
            sheet,
            column + 1,
            len(judge.subjects()),
        )
        if has_sheets:
            for row in range(1, len(rows) + 1):
                sheet.write_url(
                    row,
                    2,
                    f"internal:'file {row}'!A1",
                    string=f"file {row}",
                )

    def findings(self, report: Report) -> None:
        """The findings of all other checks, equal ones together."""
        rows = []
        for group in report.groups():
            row = (group.check.value, group.attribute, group.problem, group.files, group.first)
            rows.append(row)
        self.table(
            "Findings",
            _FINDING_COLUMNS,
            rows,
            widths=(22, 40, 52, 8, 48),
        )

    def file(self, name: str, result: FileResult) -> None:
        """One file: its fields, failed ones first."""
        ordered = sorted(result.rows, key=lambda row: row.passed)
        rows = [_field_row(row) for row in ordered]

        sheet = self.table(
            name,
            _FIELD_COLUMNS,
            rows,
            widths=(42, 28, 14, 10, 10),
        )
        sheet.write_row(
            0,
            6,
            (safe_cell(result.name), _word(result.passed)),
            self.bold,
        )

    def fields(self, results: Sequence[FileResult]) -> None:
        """One row per file and field that fails."""
        rows = []
        for result in results:
            failed = (row for row in result.rows if not row.passed)
            rows += [(result.name, *_field_row(row)) for row in failed]
        self.table(
            "Failed fields",
            ("file", *_FIELD_COLUMNS),
            rows,
            widths=(48, 42, 28, 14),
        )

    def table(
        self,
        name: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        widths: Sequence[int],
    ) -> Any:
        """A sheet with a header that stays and filters; results in its last column are coloured."""
        sheet = self.book.add_worksheet(name)
        sheet.write_row(
            0,
            0,
            columns,
            self.head,
        )
        for number, row in enumerate(rows, 1):
            cells = [safe_cell(cell) if isinstance(cell, str) else cell for cell in row]
            sheet.write_row(
                number,
                0,
                cells,
            )

        for column, width in enumerate(widths):
            sheet.set_column(
                column,
                column,
                width,
            )
        sheet.freeze_panes(1, 1)
        sheet.autofilter(
            0,
            0,
            max(len(rows), 1),
            len(columns) - 1,
        )
        if columns[-1] == "result":
            self.colour(
                sheet,
                len(columns) - 1,
                len(rows),
            )
        return sheet

    def colour(self, sheet: Any, column: int, count: int) -> None:
        """PASS in green and FAIL in red."""
        for word, style in (("PASS", self.good), ("FAIL", self.bad)):
            rule = {"type": "cell", "criteria": "==", "value": f'"{word}"', "format": style}
            sheet.conditional_format(
                1,
                column,
                max(count, 1),
                column,
                rule,
            )


def _summary_row(result: FileResult, sheet: str) -> tuple[object, ...]:
    present = len(result.rows)
    return (
        result.name,
        result.subject,
        sheet,
        present,
        present - result.failed,
        result.failed,
        result.rate,
        _word(result.absolute_passed),
        _word(result.passed),
    )


def _field_row(row: Judgement) -> tuple[object, ...]:
    absolute = "yes" if row.criterion.absolute else ""
    return row.criterion.field, row.value, row.criterion.kind, absolute, _word(row.passed)


def _word(passed: bool) -> str:
    return "PASS" if passed else "FAIL"
