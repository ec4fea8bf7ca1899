"""`deidflow plan`: what a run would do; writes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from deidflow.config import Level


def plan(
    source: Path,
    *,
    level: Level = "high",
    deface: bool = False,
    json_: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Say what would be found, released, defaced, excluded and quarantined, and why. Writes nothing.

    Parameters
    ----------
    source: Folder with the raw DICOM files.
    level: The level of the run to plan.
    deface: At level low, plan with faces removed.
    json_: Print JSON.
    """
    from deidflow.steps.plan import make_plan

    found = make_plan(source.resolve(), level, defacing=level == "high" or deface)
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

    table = Table("subject", "session", "series", "instances", "would be", title="Subjects", title_justify="left")
    for subject in found["subjects"]:
        for session in subject["sessions"]:
            for one in session["series"]:
                state = one["fate"] + (", incomplete" if one["incomplete"] else "")
                table.add_row(str(subject["subject"]), session["session"], one["series"], str(one["instances"]), state)
    verdicts = Table("verdict", "files", "why", title="Files", title_justify="left")
    for row in found["verdicts"]:
        verdicts.add_row(row["verdict"], str(row["files"]), Reason.read(row["reason"]).words if row["reason"] else "")
    verdicts.add_section()
    verdicts.add_row("sum", str(sum(row["files"] for row in found["verdicts"])), f"of {found['files']} files found")
    console = wide_console()
    console.print(table)
    console.print(verdicts)
    if not _going_out(found):
        console.print("Nothing would be released: no file of the source may go out; the reasons stand above.")
    if found["absent"]:
        console.print(f"A DICOMDIR lists {found['absent']} files that are not there.")
