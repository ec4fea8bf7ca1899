"""`deidflow vault export --audit`: the audit in a file, for whoever holds the secret."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deidflow.cli.passwords import password_of, typed_twice
from deidflow.errors import UsageError

if TYPE_CHECKING:
    from deidflow.audit.tables import AuditTables
    from deidflow.identity.registry import Registry

PASSWORD = "DEIDFLOW_AUDIT_PASSWORD"  # noqa: S105 - the name of a variable
_LEAST_PASSWORD = 8


@dataclass(frozen=True)
class AuditWish:
    """What somebody wants to have of the audit."""

    project: str | None
    level: str | None
    table: str
    subject: str
    originals: bool
    changes: bool
    """Without attributes that were kept."""


def export_audit(file: Path, vault: Path, wish: AuditWish) -> int:
    """Write the audit, and note in it that somebody did."""
    from deidflow.audit.export import SUFFIXES, export_rows, export_workbook
    from deidflow.audit.tables import Table
    from deidflow.identity.registry import export_place, open_registry

    if file.suffix not in SUFFIXES:
        raise UsageError(f"the file must end in {', '.join(SUFFIXES)}")
    place = export_place(file)
    password = _password() if file.suffix == ".xlsx" else ""
    with open_registry(vault) as registry:
        tables = _tables(registry, wish)
        if password:
            count = export_workbook(place, tables, password)
        else:
            count = export_rows(place, tables, Table(wish.table))
        for scope in tables:
            _note(scope, wish, file.suffix)
    print(f"{count} rows written; keep the file as you keep the vault")
    return 0


def _tables(registry: Registry, wish: AuditWish) -> list[AuditTables]:
    from deidflow.audit.tables import AuditTables
    from deidflow.identity.secret import Keys
    from deidflow.identity.vault import Vault

    tables: list[AuditTables] = []
    for project, level in registry.scopes():
        if wish.project in (None, project) and wish.level in (None, level):
            vault = Vault(registry.folder, Keys(registry.master, project, level))
            scope = AuditTables(
                vault,
                opened=wish.originals,
                subject=wish.subject,
                with_kept=not wish.changes,
            )
            tables.append(scope)
    if not tables:
        raise UsageError("the vault has no audit of this project and level")
    return tables


def _note(tables: AuditTables, wish: AuditWish, suffix: str) -> None:
    from deidflow.audit.ledger import Event, Ledger, remember_end

    vault = tables.vault
    Ledger.of(vault.folder, vault.keys).add(
        Event.EXPORTED,
        {
            "format": suffix,
            "subject": wish.subject,
            "originals": wish.originals,
        },
    )
    remember_end(vault)
    vault.close()


def _password() -> str:
    return password_of(
        PASSWORD,
        _LEAST_PASSWORD,
        lambda: typed_twice("password of the workbook: "),
    )
