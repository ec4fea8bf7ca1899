"""`deidflow vault`: who is who. Needs the secret; its output is confidential."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from deidflow.identity.registry import Row

NOT_FOUND = 8
"""Exit code if a value that was looked up matches nobody."""
UNSOUND = 6
"""Exit code if a check found problems."""

AuditTable = Literal["cohort", "studies", "files", "attributes", "events"]

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
def export(
    file: Path,
    *,
    vault: Path,
    project: str | None = None,
    level: str | None = None,
    audit: Annotated[bool, Parameter(negative="")] = False,
    table: AuditTable = "attributes",
    subject: str = "",
    originals: Annotated[bool, Parameter(negative="")] = False,
    changes: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write all identities as CSV, or the audit as CSV, JSON Lines or Excel; readable by you only.

    A workbook is encrypted: its password is asked for, or taken from DEIDFLOW_AUDIT_PASSWORD.

    Parameters
    ----------
    file: The file, outside of any release: .csv; with --audit .jsonl and .xlsx too.
    vault: The vault.
    project: Only of this project.
    level: Only of this level.
    audit: Write the audit: what was done to each attribute of each file, and why.
    table: With --audit: which table goes into a .csv or .jsonl; a workbook holds all.
    subject: With --audit: only of this pseudonym.
    originals: With --audit: with source paths and original values.
    changes: With --audit: without attributes that were kept.
    """
    from deidflow.cli.audit_export import AuditWish, export_audit
    from deidflow.identity.registry import export_csv, open_registry

    if audit:
        wish = AuditWish(project, level, table, subject, originals, changes)
        return export_audit(file, vault, wish)
    with open_registry(vault) as registry:
        rows = registry.rows(project, level)
        count = export_csv(rows, file)
    print(f"{count} subjects written; the file re-identifies them, keep it as you keep the vault")
    return 0


@vault.command
def check(*, vault: Path) -> int:
    """Check the database, the secret, every sealed value, the permissions and the audit.

    Of the audit it names each line that is missing, was changed or moved. Ends with exit code 6 if
    something is wrong.

    Parameters
    ----------
    vault: The vault.
    """
    from deidflow.audit.check import audit_problems
    from deidflow.identity.registry import open_registry, problems

    with open_registry(vault) as registry:
        messages = problems(registry)
        for opened in registry.vaults():
            messages += audit_problems(opened)
    for message in messages:
        print(message)
    if messages:
        return UNSOUND
    print("the vault is sound")
    return 0
