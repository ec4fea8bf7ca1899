"""Tables on the console: counts and pseudonyms only."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.table import Table

from deidflow.bulk.console import NOTHING_RELEASED
from deidflow.cli.consoles import wide_console
from deidflow.header.contacts import contact_warnings
from deidflow.release.layout import Layout
from deidflow.run.outcome import read_outcome
from deidflow.run.summary import RunSummary, SessionCounts
from deidflow.verdicts import Verdict


def show_summary(summary: RunSummary) -> int:
    """Print how a run ended; returns its exit code."""
    if summary.error:
        return _show_error(summary)

    console = wide_console()
    console.print(sessions_table(summary.sessions))
    console.print(verdicts_table(summary))
    for line in _notes(summary):
        console.print(line)
    contacts = Counter({(attribute, kind): files for attribute, kind, files in summary.contacts})
    for warning in contact_warnings(contacts):
        print(f"warning: {warning}", file=sys.stderr)
    if any(summary.verdicts[verdict] for verdict in _BAD):
        console.print(
            "What is not released, with paths and reasons: quarantine/report.csv in the vault"
        )
    return summary.exit_code


def _show_error(summary: RunSummary) -> int:
    print(f"deidflow: {summary.error}", file=sys.stderr)
    return summary.exit_code


def _notes(summary: RunSummary) -> Iterator[str]:
    if not summary.verdicts[Verdict.RELEASED]:
        yield NOTHING_RELEASED
    if summary.absent:
        yield (
            f"A DICOMDIR lists {summary.absent} files that are not there: "
            "quarantine/absent.txt in the vault."
        )
    if summary.gone:
        yield (
            f"{summary.gone} published sessions are no longer in the source; "
            "they stay in the release."
        )


def show_errors(summary: RunSummary) -> int:
    """Print only what failed or is in quarantine; returns the exit code."""
    if summary.error:
        return _show_error(summary)

    for verdict, reason, count in summary.reasons:
        if verdict in _BAD:
            print(f"deidflow: {count} {verdict}: {reason.words}", file=sys.stderr)
    return summary.exit_code


_BAD = (Verdict.FAILED, Verdict.QUARANTINED)


def show_series(summary: RunSummary, layout: Layout) -> None:
    """Print every series of the run with its end, step and reason."""
    columns = ("subject", "session", "series", "verdict", "step", "why")
    table = Table(
        *columns,
        title="Series",
        title_justify="left",
    )
    for row in summary.sessions:
        outcome = read_outcome(layout.outcome(row.subject)).get(row.session)
        if outcome is None:
            continue
        for name, series in sorted(outcome.series.items()):
            words = series.state if series.reason is None else series.reason.words
            table.add_row(
                row.subject,
                row.session,
                name,
                series.verdict,
                series.step,
                words,
            )
    wide_console().print(table)


def sessions_table(rows: Sequence[SessionCounts]) -> Table:
    """Subjects and sessions with the states of their series."""
    columns = ("subject", "session", "series", "failed step")
    table = Table(
        *columns,
        title="Sessions",
        title_justify="left",
    )
    for row in rows:
        states = ", ".join(f"{count} {state}" for state, count in row.series.items())
        table.add_row(
            row.subject,
            row.session,
            states,
            row.failed,
        )
    return table


def verdicts_table(summary: RunSummary) -> Table:
    """Every verdict with its count, reasons below it; the last row is the sum."""
    rows = []
    for verdict, count in summary.verdicts.items():
        reasons = [
            f"{number} × {reason.words}"
            for name, reason, number in summary.reasons
            if name is verdict
        ]
        rows.append((str(verdict), count, "\n".join(reasons)))
    return files_table(rows, summary.files)


def files_table(rows: Sequence[tuple[str, int, str]], files: int) -> Table:
    """Verdict, count and why; the last row is the sum, beside the files that were found."""
    table = Table(
        "verdict",
        "files",
        "why",
        title="Files",
        title_justify="left",
    )
    for verdict, count, why in rows:
        table.add_row(verdict, str(count), why)

    table.add_section()
    total = sum(count for _, count, _ in rows)
    table.add_row("sum", str(total), f"of {files} files found")
    return table
