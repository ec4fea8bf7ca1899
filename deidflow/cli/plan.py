"""`deidflow plan`: what a run would do; writes nothing."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deidflow.cli.subjects import selection
from deidflow.settings.run import Level, PlanSettings

if TYPE_CHECKING:
    from rich.table import Table

    from deidflow.run.plan import RunPlan


def plan(
    source: Path | None = None,
    *,
    vault: Path | None = None,
    level: Level | None = None,
    profile: str | None = None,
    config: Path | None = None,
    project: str | None = None,
    subjects: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    workers: int | None = None,
    deface: Annotated[bool, Parameter(negative="")] = False,
    bids: Annotated[bool, Parameter(negative="")] = False,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Say what would be found, released, defaced, excluded and quarantined, and why. Writes
    nothing.

    Takes the same settings as `deidflow run`, from the same places, and decides by the same code.

    Parameters
    ----------
    source: Folder with the raw DICOM files; or a file, @LIST, or a manifest.
    vault: The vault of the run; with it subjects are shown by their pseudonyms, else numbered.
    level: The level of the run to plan.
    profile: Name or file of other header rules.
    config: YAML file of the run.
    project: Name of the project or recipient.
    subjects: Pseudonyms, or @FILE with source folders or PatientIDs, one per line.
    workers: Subjects at work at once in the run.
    deface: At level low, plan with faces removed.
    bids: Also show the BIDS names; takes about as long as converting all that would go out.
    json_: Print JSON.
    """
    from deidflow.settings.load import load_plan_settings

    flags = {
        "source": source,
        "vault": vault,
        "level": level,
        "profile": profile,
        "project": project,
        "subjects": selection(subjects),
        "workers": workers,
    }
    settings = load_plan_settings(flags, config)
    if deface:
        settings = settings.model_copy(
            update={"deface": settings.deface.model_copy(update={"when": "always"})}
        )
    return show_plan(settings, json_=json_, with_names=bids)


def show_plan(settings: PlanSettings, *, json_: bool = False, with_names: bool = False) -> int:
    """Make a plan and print it; returns the exit code."""
    from deidflow.run.dry_run import make_plan

    run_plan = make_plan(settings, with_names=with_names)
    for warning in run_plan.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if json_:
        print(json.dumps(asdict(run_plan), indent=2))
    else:
        _show(run_plan)
    return 0 if run_plan.going_out else 4


def _show(run_plan: RunPlan) -> None:
    from deidflow.cli.consoles import wide_console

    console = wide_console()
    console.print(_series_table(run_plan))
    console.print(_verdicts_table(run_plan))
    if run_plan.names:
        console.print(_names_table(run_plan))
    if not run_plan.going_out:
        console.print(
            "Nothing would be released: no file of the source may go out; "
            "the reasons are listed above."
        )
    if run_plan.absent:
        console.print(f"A DICOMDIR lists {run_plan.absent} files that are not there.")


def _series_table(run_plan: RunPlan) -> Table:
    from rich.table import Table

    columns = ("subject", "session", "series", "instances", "would be")
    table = Table(
        *columns,
        title="Subjects",
        title_justify="left",
    )
    for subject in run_plan.subjects:
        for session in subject.sessions:
            for series in session.series:
                fate = f"{series.fate}, incomplete" if series.incomplete else series.fate
                table.add_row(
                    str(subject.subject),
                    session.session,
                    series.series,
                    str(series.instances),
                    fate,
                )
    return table


def _names_table(run_plan: RunPlan) -> Table:
    from rich.table import Table

    columns = ("subject", "session", "series", "BIDS name", "line to add")
    table = Table(
        *columns,
        title="BIDS names",
        title_justify="left",
    )
    for row in run_plan.names:
        name = row.name or f"none: {row.why}"
        table.add_row(str(row.subject), row.session, row.series, name, row.line)
    return table


def _verdicts_table(run_plan: RunPlan) -> Table:
    from deidflow.cli.tables import files_table

    rows = []
    for row in run_plan.verdicts:
        words = "" if row.reason is None else row.reason.words
        rows.append((row.verdict, row.files, words))
    return files_table(rows, run_plan.files)
