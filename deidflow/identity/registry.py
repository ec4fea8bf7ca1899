"""All identities of a vault, whatever project and level, for those who hold the secret."""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag

from deidflow.dicom.person_names import fold, is_generic, name_words, same_name
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.identity.database import NAME
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.store.files import safe_cell, write_bytes_atomic


@dataclass(frozen=True)
class Row:
    """One subject with the values that were sealed."""

    project: str
    level: str
    pseudonym: str
    shift_days: int
    original: dict[str, str]
    sessions: tuple[tuple[str, str], ...]
    """Label and date."""

    @property
    def patient_id(self) -> str:
        """The first PatientID."""
        return self._first("patient_id")

    @property
    def name(self) -> str:
        """The first PatientName."""
        return self._first("patient_name")

    def _first(self, kind: str) -> str:
        return self.original.get(kind, "")

    def is_meant(self, value: str) -> bool:
        """Whether the value is the pseudonym, one of the numbers, or a name in any order and spelling."""
        wanted = fold(value.strip())
        if wanted == fold(self.pseudonym):
            return True
        values = [(kind.partition(" ")[0], text) for kind, text in self.original.items()]
        if wanted in {fold(text.strip()) for kind, text in values if kind in _LOOKED_UP}:
            return True
        names = {text for kind, text in values if kind in ("patient_name", "name")}
        return any(_is_named(value, name) for name in names)

    @property
    def is_shifted(self) -> bool:
        """Whether dates of this subject were moved by the shift; at level high the study clock replaces them."""
        return self.level != "high"


_LOOKED_UP = frozenset(("patient_id", "patient_name", "id", "name", "number"))
"""Kinds of original values by which somebody is looked up."""


def _is_named(wanted: str, name: str) -> bool:
    """Whether a name is meant: all its words or at least two, in any order and spelling."""
    words = name_words(wanted)
    for group in name.split("="):
        theirs = name_words(group)
        if words and (sorted(words) == sorted(theirs) or "".join(words) == "".join(theirs)):
            return True
    several = len(words) > 1 and min(map(len, words)) > 1
    return several and not is_generic(name) and same_name(wanted, name)


@dataclass(frozen=True)
class Registry:
    """An open vault, and the secret that opens it for every project and level."""

    vault: Vault
    master: bytes

    @property
    def folder(self) -> Path:
        """The vault's folder."""
        return self.vault.folder

    def scopes(self) -> list[tuple[str, str]]:
        """Projects and levels."""
        return self.vault.scopes()

    def rows(self, project: str | None, level: str | None) -> Iterator[Row]:
        """Every subject of a project and level, or of all."""
        for own_project, own_level in self.scopes():
            if project in (None, own_project) and level in (None, own_level):
                yield from self._rows(own_project, own_level)

    def _rows(self, project: str, level: str) -> Iterator[Row]:
        vault = Vault(self.folder, Keys(self.master, project, level))
        try:
            for person in vault.originals():
                yield Row(
                    project,
                    level,
                    person.pseudonym,
                    person.shift_days,
                    person.values,
                    person.sessions,
                )
        finally:
            vault.close()


@contextmanager
def open_registry(folder: Path) -> Iterator[Registry]:
    """The identities of an existing vault; raises UsageError where there is none, VaultMismatch for another secret."""
    if not (folder / NAME).exists():
        raise UsageError("there is no vault in this folder; name the folder that a run made")
    master = load_secret(folder, create=False)
    vault = Vault(folder, Keys(master, "default", "high"))
    try:
        yield Registry(vault, master)
    except InvalidTag:
        raise EnvironmentFault(
            "a sealed value of the vault is damaged; run 'deidflow vault check'"
        ) from None
    finally:
        vault.close()


def export_csv(rows: Iterable[Row], path: Path) -> int:
    """Write subjects and sessions as CSV, mode 0600; raises UsageError inside a release."""
    place = Path(os.path.realpath(path))
    if any((parent / "dataset.json").exists() for parent in place.parents):
        raise UsageError("the export lies inside a release; choose a place outside it")
    text, count = io.StringIO(), 0
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "project",
            "level",
            "pseudonym",
            "patient_id",
            "patient_name",
            "shift_days",
            "session",
            "date",
        ]
    )
    for row in rows:
        count += 1
        shift = row.shift_days if row.is_shifted else ""
        own = (
            row.project,
            row.level,
            row.pseudonym,
            safe_cell(row.patient_id),
            safe_cell(row.name),
            shift,
        )
        writer.writerows([(*own, label, date) for label, date in row.sessions or (("", ""),)])
    write_bytes_atomic(place, text.getvalue().encode("utf-8", "replace"))
    return count


def problems(registry: Registry) -> list[str]:
    """What is wrong with a vault, in words without identifiers."""
    found = []
    if not registry.vault.is_intact():
        found.append("the database is damaged; restore it from a backup")
    for name in (".", NAME, "secret.key"):
        path = registry.folder / name
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            found.append(
                f"{'the vault' if name == '.' else name} can be read by others; take their permissions away"
            )
    for project, level in registry.scopes():
        try:
            list(registry.rows(project, level))
        except InvalidTag:
            found.append(
                f"sealed values of project {project}, level {level} are damaged or from another secret"
            )
    return found
