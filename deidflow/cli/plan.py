"""`deidflow plan`: what a run would do; writes nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from deidflow.settings.run import Level, PlanSettings


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
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Say what would be found, released, defaced, excluded and quarantined, and why. Writes nothing.

    Takes the same settings as `deidflow run`, from the same places, and decides by the same code.

    Parameters
    ----------
    source: Folder with the raw DICOM files.
    vault: The vault of the run; with it subjects are shown by their pseudonyms, else numbered.
    level: The level of the run to plan.
    profile: Name or file of other header rules.
    config: YAML file of the run.
    project: Name of the project or recipient.
    subjects: Pseudonyms, or @FILE with source folders or PatientIDs, one per line.
    workers: Subjects at work at once in the run.
    deface: At level low, plan with faces removed.
    json_: Print JSON.
    """
    from deidflow.cli.run import selection
    from deidflow.settings.load import load_plan_settings

    flags = {
        "source": source, "vault": vault, "level": level, "profile": profile, "project": project,
        "subjects": selection(subjects), "workers": workers,
    }  # fmt: skip
    settings = load_plan_settings(flags, config)
    if deface:
        settings = settings.model_copy(
            update={"deface": settings.deface.model_copy(update={"when": "always"})}
        )
    return show_plan(settings, json_=json_)


def show_plan(settings: PlanSettings, *, json_: bool = False) -> int:
    """Make a plan and print it; returns the exit code."""
    from deidflow.run.dry_run import make_plan

    found = make_plan(settings)
    for warning in found["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    if json_:
        print(json.dumps(found, indent=2))
    else:
        _show(found)
    return 0 if _going_out(found) else 4


def _going_out(found: dict[str, Any]) -> int:
    """Files that would be released."""
    return sum(row["files"] for row in found["verdicts"] if row["verdict"] == "to be released")


def _show(found: dict[str, Any]) -> None:
    from rich.table import Table

    from deidflow.cli.tables import wide_console
    from deidflow.verdicts import Reason

    table = Table(
        "subject",
        "session",
        "series",
        "instances",
        "would be",
        title="Subjects",
        title_justify="left",
    )
    for subject in found["subjects"]:
        for session in subject["sessions"]:
            for one in session["series"]:
                state = one["fate"] + (", incomplete" if one["incomplete"] else "")
                table.add_row(
                    str(subject["subject"]),
                    session["session"],
                    one["series"],
                    str(one["instances"]),
                    state,
                )
    verdicts = Table("verdict", "files", "why", title="Files", title_justify="left")
    for row in found["verdicts"]:
        verdicts.add_row(
            row["verdict"],
            str(row["files"]),
            Reason.read(row["reason"]).words if row["reason"] else "",
        )
    verdicts.add_section()
    verdicts.add_row(
        "sum",
        str(sum(row["files"] for row in found["verdicts"])),
        f"of {found['files']} files found",
    )
    console = wide_console()
    console.print(table)
    console.print(verdicts)
    if not _going_out(found):
        console.print(
            "Nothing would be released: no file of the source may go out; the reasons are listed above."
        )
    if found["absent"]:
        console.print(f"A DICOMDIR lists {found['absent']} files that are not there.")
