"""`deidflow status`: where each subject and step stands."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deidflow.cli.places import ReleaseFolder

if TYPE_CHECKING:
    from deidflow.run.status import ReleaseStatus


def status(
    release: ReleaseFolder, *, vault: Path, json_: Annotated[bool, Parameter(name="--json")] = False
) -> int:
    """List each subject, session and step: done, failed, quarantined or stale, and files written or
    reused.

    It needs no server. A session that is gone is published, but the source does not hold it any
    more.

    Parameters
    ----------
    release: The release's folder.
    vault: The vault of its run.
    json_: Print JSON.
    """
    from deidflow.run.status import status_of

    standing = status_of(release.resolve(), vault.resolve())
    if json_:
        print(json.dumps(asdict(standing), indent=2))
    else:
        _show(standing)
    return 0


def _show(standing: ReleaseStatus) -> None:
    from rich.table import Table

    from deidflow.cli.consoles import wide_console
    from deidflow.steps import STEP_NAMES

    counts = ("written", "reused", "failed", "quarantined")
    table = Table(
        "subject",
        "session",
        *STEP_NAMES,
        *counts,
    )
    for row in standing.sessions:
        label = f"{row.session} (gone)" if row.gone else row.session
        files = (row.written, row.reused, row.failed, row.quarantined)
        states = [row.steps[step] for step in STEP_NAMES]
        table.add_row(
            row.subject,
            label,
            *states,
            *map(str, files),
        )

    console = wide_console()
    console.print(_state(standing))
    console.print(table)


def _state(standing: ReleaseStatus) -> str:
    if standing.running:
        return "a run is at work"
    if not standing.interrupted:
        return "no run is at work"
    cause = standing.error or "run the same command again to carry on"
    separator = ":" if standing.error else ";"
    return f"the last run did not finish{separator} {cause}"
