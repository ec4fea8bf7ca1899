"""`deidflow status`: where each subject and step stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter


def status(
    release: Path, *, vault: Path, json_: Annotated[bool, Parameter(name="--json")] = False
) -> int:
    """List each subject, session and step: done, failed, quarantined or stale, and files written or reused.

    It needs no server. A session that is gone is published, but the source does not hold it any more.

    Parameters
    ----------
    release: The release's folder.
    vault: The vault of its run.
    json_: Print JSON.
    """
    from rich.table import Table

    from deidflow.cli.tables import wide_console
    from deidflow.run.status import status_of
    from deidflow.settings.run import STEPS

    found = status_of(release.resolve(), vault.resolve())
    if json_:
        print(json.dumps(found, indent=2))
        return 0
    counts = ("written", "reused", "failed", "quarantined")
    table = Table("subject", "session", *STEPS, *counts)
    for row in found["sessions"]:
        steps = [row["steps"][step] for step in STEPS]
        session = f"{row['session']} (gone)" if row["gone"] else row["session"]
        table.add_row(row["subject"], session, *steps, *(str(row[name]) for name in counts))
    console = wide_console()
    console.print(_state(found))
    console.print(table)
    return 0


def _state(found: dict[str, Any]) -> str:
    if found["running"]:
        return "a run is at work"
    if found["interrupted"]:
        return _interrupted(found["error"])
    return "no run is at work"


def _interrupted(error: str) -> str:
    if error:
        return f"the last run did not finish: {error}"
    return "the last run did not finish; run the same command again to carry on"
