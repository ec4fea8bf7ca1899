"""Tables on the console: counts and pseudonyms only."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from deidflow.bulk.console import NOTHING_RELEASED
from deidflow.header.contacts import contact_warnings
from deidflow.release.layout import Layout
from deidflow.settings.run import RunSettings
from deidflow.store.files import read_json
from deidflow.verdicts import Reason


def wide_console() -> Console:
    """A console that does not squeeze tables when its output goes to a file."""
    return Console(soft_wrap=True) if sys.stdout.isatty() else Console(soft_wrap=True, width=200)


def show_summary(summary: dict[str, Any], settings: RunSettings) -> int:
    """Print how a run ended; returns its exit code."""
    if "error" in summary:
        print(f"deidflow: {summary['error']}", file=sys.stderr)
        return int(summary["exit_code"])
    console = wide_console()
    console.print(sessions_table(summary["sessions"]))
    console.print(verdicts_table(summary))
    if not summary["verdicts"]["released"]:
        console.print(NOTHING_RELEASED)
    if summary["absent"]:
        console.print(
            f"A DICOMDIR lists {summary['absent']} files that are not there: quarantine/absent.txt in the vault."
        )
    if summary["gone"]:
        console.print(
            f"{summary['gone']} published sessions are no longer in the source; they stay in the release."
        )
    found = Counter(
        {(attribute, kind): files for attribute, kind, files in summary.get("contacts", [])}
    )
    for warning in contact_warnings(found):
        print(f"warning: {warning}", file=sys.stderr)
    if any(summary["verdicts"][name] for name in ("quarantined", "failed")):
        console.print(
            "What is not released, with paths and reasons: quarantine/report.csv in the vault"
        )
    return int(summary["exit_code"])


def show_errors(summary: dict[str, Any]) -> int:
    """Print only what failed or is in quarantine; returns the exit code."""
    if "error" in summary:
        print(f"deidflow: {summary['error']}", file=sys.stderr)
        return int(summary["exit_code"])
    for verdict, reason, count in summary["reasons"]:
        if verdict in _BAD:
            print(f"deidflow: {count} {verdict}: {Reason.read(reason).words}", file=sys.stderr)
    return int(summary["exit_code"])


_BAD = ("failed", "quarantined")


def show_series(summary: dict[str, Any], layout: Layout) -> None:
    """Print every series of the run with its end, step and reason."""
    table = Table(
        "subject",
        "session",
        "series",
        "verdict",
        "step",
        "why",
        title="Series",
        title_justify="left",
    )
    for row in summary.get("sessions", []):
        outcome = read_json(layout.outcome(row["subject"])) or {}
        for name, series in sorted(outcome.get(row["session"], {}).get("series", {}).items()):
            words = Reason.read(series["reason"]).words if series["reason"] else series["state"]
            table.add_row(
                row["subject"], row["session"], name, series["verdict"], series["step"], words
            )
    wide_console().print(table)


def sessions_table(rows: list[dict[str, Any]]) -> Table:
    """Subjects and sessions with the states of their series."""
    table = Table(
        "subject", "session", "series", "failed step", title="Sessions", title_justify="left"
    )
    for row in rows:
        states = ", ".join(f"{count} {state}" for state, count in row["series"].items())
        table.add_row(row["subject"], row["session"], states, row["failed"])
    return table


def verdicts_table(summary: dict[str, Any]) -> Table:
    """Every verdict with its count, reasons below it; the last row is the sum."""
    table = Table("verdict", "files", "why", title="Files", title_justify="left")
    for verdict, count in summary["verdicts"].items():
        reasons = [
            (reason, number) for name, reason, number in summary["reasons"] if name == verdict
        ]
        why = "\n".join(f"{number} × {Reason.read(reason).words}" for reason, number in reasons)
        table.add_row(verdict, str(count), why)
    table.add_section()
    table.add_row(
        "sum", str(sum(summary["verdicts"].values())), f"of {summary['files']} files found"
    )
    return table
