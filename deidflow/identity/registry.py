"""All identities of a vault, whatever project and level, for those who hold the secret."""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag

from deidflow.dicom.person_names import fold, is_generic, name_words, same_name
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.identity.database import NAME
from deidflow.identity.secret import KEY_FILE, Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.store.files import safe_cell, write_bytes_atomic

_NAME_KINDS = frozenset(("patient_name", "name"))
_LOOKUP_KINDS = _NAME_KINDS | {"patient_id", "id", "number"}
"""Kinds of original values by which somebody is looked up."""
_COLUMNS = (
    "project",
    "level",
    "pseudonym",
    "patient_id",
    "patient_name",
    "shift_days",
    "session",
    "date",
)
_CLOCK_LEVEL = "high"
"""The level at which the study clock replaces shifted dates."""
_ACCESS_OF_OTHERS = 0o077


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
        return self.original.get("patient_id", "")

    @property
    def name(self) -> str:
        """The first PatientName."""
        return self.original.get("patient_name", "")

    @property
    def is_shifted(self) -> bool:
        """Whether dates of this subject were moved by the shift, not by the study clock."""
        return self.level != _CLOCK_LEVEL

    def is_meant(self, value: str) -> bool:
        """Whether the value is the pseudonym, a number, or a name in any order and spelling."""
        wanted = fold(value.strip())
        if wanted == fold(self.pseudonym):
            return True

        for key, text in self.original.items():
            kind = key.partition(" ")[0]
            if kind in _LOOKUP_KINDS and wanted == fold(text.strip()):
                return True
            if kind in _NAME_KINDS and _is_named(value, text):
                return True
        return False

    def cells(self) -> Iterator[tuple[object, ...]]:
        """A row of the export per session, one for a subject without any."""
        of_subject = (
            self.project,
            self.level,
            self.pseudonym,
            safe_cell(self.patient_id),
            safe_cell(self.name),
            self.shift_days if self.is_shifted else "",
        )
        no_session = (("", ""),)
        for label, day in self.sessions or no_session:
            yield (*of_subject, label, day)


def _is_named(wanted: str, name: str) -> bool:
    """Whether a name is meant: all its words or at least two, in any order and spelling."""
    words = name_words(wanted)
    for group in name.split("="):
        if words and _are_same_words(words, name_words(group)):
            return True

    if len(words) < 2 or min(map(len, words)) < 2:
        return False
    return not is_generic(name) and same_name(wanted, name)


def _are_same_words(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether two names have the same words in any order, or the same letters."""
    if sorted(first) == sorted(second):
        return True
    return "".join(first) == "".join(second)


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
        for scope_project, scope_level in self.scopes():
            if project not in (None, scope_project):
                continue
            if level in (None, scope_level):
                yield from self._rows_of_scope(scope_project, scope_level)

    def vaults(self) -> Iterator[Vault]:
        """The vault opened for each project and level, one after the other."""
        for project, level in self.scopes():
            with closing(Vault(self.folder, Keys(self.master, project, level))) as vault:
                yield vault

    def _rows_of_scope(self, project: str, level: str) -> Iterator[Row]:
        keys = Keys(self.master, project, level)
        with closing(Vault(self.folder, keys)) as vault:
            for person in vault.originals():
                yield Row(
                    project=project,
                    level=level,
                    pseudonym=person.pseudonym,
                    shift_days=person.shift_days,
                    original=person.values,
                    sessions=person.sessions,
                )


@contextmanager
def open_registry(folder: Path) -> Iterator[Registry]:
    """The identities of an existing vault.

    Raises UsageError where there is none, VaultMismatch for another secret, and EnvironmentFault
    when a damaged value is met.
    """
    if not (folder / NAME).exists():
        raise UsageError("there is no vault in this folder; name the folder that a run made")
    master = load_secret(folder, create=False)
    keys = Keys(master, "default", "high")
    with closing(Vault(folder, keys)) as vault:
        try:
            yield Registry(vault, master)
        except InvalidTag:
            raise EnvironmentFault(
                "a sealed value of the vault is damaged; run 'deidflow vault check'"
            ) from None


def export_csv(rows: Iterable[Row], path: Path) -> int:
    """Write subjects and sessions as CSV, mode 0600, and return the number of subjects.

    Raises UsageError inside a release.
    """
    target = export_place(path)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    count = 0
    for row in rows:
        writer.writerows(row.cells())
        count += 1
    content = text.getvalue()
    write_bytes_atomic(
        target,
        content.encode("utf-8", "replace"),
    )
    return count


def export_place(path: Path) -> Path:
    """Where an export goes; raises UsageError inside a release."""
    target = Path(os.path.realpath(path))
    if _is_in_release(target):
        raise UsageError("the export lies inside a release; choose a place outside it")
    return target


def _is_in_release(path: Path) -> bool:
    return any((parent / "dataset.json").exists() for parent in path.parents)


def problems(registry: Registry) -> list[str]:
    """What is wrong with a vault, in words without identifiers."""
    words = []
    if not registry.vault.is_intact():
        words.append("the database is damaged; restore it from a backup")
    words += _open_to_others(registry.folder)
    words += _damaged_scopes(registry)
    return words


def _open_to_others(folder: Path) -> Iterator[str]:
    paths = {
        "the vault": folder,
        NAME: folder / NAME,
        KEY_FILE: folder / KEY_FILE,
    }
    for name, path in paths.items():
        if not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _ACCESS_OF_OTHERS:
            yield f"{name} can be read by others; take their permissions away"


def _damaged_scopes(registry: Registry) -> Iterator[str]:
    for project, level in registry.scopes():
        try:
            for _ in registry.rows(project, level):
                pass
        except InvalidTag:
            yield (
                f"sealed values of project {project}, level {level} are damaged or from another "
                "secret"
            )
