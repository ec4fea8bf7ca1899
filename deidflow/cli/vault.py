"""`deidflow vault`: who is who. Needs the secret; its output is confidential."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

if TYPE_CHECKING:
    from deidflow.identity.registry import Row

NOT_FOUND = 8
"""Exit code if a value that was looked up matches nobody."""
UNSOUND = 6
"""Exit code if a check found problems."""

vault = App(name="vault", help="Look up, export and check identities; needs the secret.")


@vault.command
def lookup(value: str, *, vault: Path, project: str | None = None, level: str | None = None) -> int:
    """Show whose pseudonym it is, or which pseudonyms a PatientID or name has.

    Ends with exit code 8 if nobody is found.

    Parameters
    ----------
    value: A pseudonym, PatientID or name, in any order and spelling.
    vault: The vault.
    project: Only of this project.
    level: Only of this level.
    """
    from deidflow.identity.registry import open_registry

    with open_registry(vault) as registry:
        rows = [row for row in registry.rows(project, level) if row.is_meant(value)]
    for row in rows:
        _print_person(row)
    if rows:
        return 0

    print("deidflow: nobody in this vault has this pseudonym, PatientID or name", file=sys.stderr)
    return NOT_FOUND


def _print_person(row: Row) -> None:
    """Print identity, dates and sessions of one subject."""
    dates = "dates on the study clock"
    if row.is_shifted:
        dates = f"shift {row.shift_days} days"
    scope = f"{row.project} {row.level}"
    print(f"{scope}  {row.pseudonym}  {row.patient_id}  {row.name}  {dates}")
    for label, date in row.sessions:
        print(f"    {label}  {date}")


@vault.command
def export(file: Path, *, vault: Path, project: str | None = None, level: str | None = None) -> int:
    """Write all identities as CSV, readable by you only.

    Parameters
    ----------
    file: The CSV file; outside of any release.
    vault: The vault.
    project: Only of this project.
    level: Only of this level.
    """
    from deidflow.identity.registry import export_csv, open_registry

    with open_registry(vault) as registry:
        rows = registry.rows(project, level)
        count = export_csv(rows, file)
    print(f"{count} subjects written; the file re-identifies them, keep it as you keep the vault")
    return 0


@vault.command
def check(*, vault: Path) -> int:
    """Check the database, the secret, every sealed value and the permissions.

    Parameters
    ----------
    vault: The vault.
    """
    from deidflow.identity.registry import open_registry, problems

    with open_registry(vault) as registry:
        messages = problems(registry)
    for message in messages:
        print(message)
    if messages:
        return UNSOUND
    print("the vault is sound")
    return 0
