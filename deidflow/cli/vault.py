"""`deidflow vault`: who is who. Needs the secret; prints identifiers, so it is for a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

from cyclopts import App

NOT_FOUND = 8
"""Exit code where nobody is meant by a value that was looked up."""

vault = App(name="vault", help="Look up, export and check identities; needs the secret.")


@vault.command
def lookup(value: str, *, vault: Path, project: str | None = None, level: str | None = None) -> int:
    """Show who stands behind a pseudonym, or which pseudonyms a PatientID or name has.

    Ends with exit code 8 where nobody is found.

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
        dates = f"shift {row.shift_days} days" if row.is_shifted else "dates on the study clock"
        print(f"{row.project} {row.level}  {row.pseudonym}  {row.patient_id}  {row.name}  {dates}")
        for label, date in row.sessions:
            print(f"    {label}  {date}")
    if not rows:
        print(
            "deidflow: nobody in this vault has this pseudonym, PatientID or name", file=sys.stderr
        )
    return 0 if rows else NOT_FOUND


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
        count = export_csv(registry.rows(project, level), file)
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
        found = problems(registry)
    for problem in found:
        print(problem)
    if not found:
        print("the vault is sound")
    return 6 if found else 0
