"""What subjects are called: numbers, keyed hashes, a table of the site, or part of a folder's name."""

from __future__ import annotations

import csv
import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from deidflow.dicom.person_names import fold, spellings
from deidflow.errors import ConfigError, UsageError
from deidflow.header.text import Scrubber
from deidflow.identity.persons import Person
from deidflow.identity.secret import Keys
from deidflow.settings.sections import CsvSettings, IdSettings

TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")
_LEAST = 4
"""Letters from which an identifier inside a token is refused."""
_LEAST_WHOLE = 3
"""Letters from which a token that is an identifier is refused."""


def pattern_of(settings: IdSettings) -> str | None:
    """What pseudonyms look like that these settings make; None where a number of a patient looks so too."""
    if not settings.prefix:
        return None
    if settings.strategy == "sequential":
        return rf"^{settings.prefix}[0-9]{{{settings.width},{settings.width + 1}}}$"
    if settings.strategy in ("deterministic", "name"):
        return rf"^{settings.prefix}[0-9a-f]{{{settings.length}}}$"
    return None


@dataclass(frozen=True)
class Namer:
    """Names new subjects by the settings of a run."""

    settings: IdSettings
    keys: Keys

    def names(
        self, new: Sequence[Person], taken: Mapping[bytes, str], everyone: Sequence[Person]
    ) -> dict[str, str]:
        """Subject key -> pseudonym for those that have none, `new` being in keyed order.

        Raises UsageError where two would be called the same, or a token would identify somebody.
        """
        named = {
            "sequential": self._sequential,
            "deterministic": self._hashed,
            "name": self._by_name,
            "none": self._unchanged,
            "folder": self._by_folder,
            "csv": self._by_table,
        }[self.settings.strategy](new, set(taken.values()))
        self._refuse_collisions(named, set(taken.values()))
        if self.settings.strategy in ("folder", "csv"):
            _refuse_identifiers(self.settings.strategy, self._texts(named, new), everyone)
        return named

    def _sequential(self, new: Sequence[Person], taken: set[str]) -> dict[str, str]:
        named: dict[str, str] = {}
        number = self.settings.start + len(taken)
        for person in new:
            while (token := f"{self.settings.prefix}{number:0{self.settings.width}d}") in taken:
                number += 1
            named[person.key] = token
            number += 1
        return named

    def _hashed(self, new: Sequence[Person], taken: set[str]) -> dict[str, str]:
        return {person.key: self._hash(person.key) for person in new}

    def _by_name(self, new: Sequence[Person], taken: set[str]) -> dict[str, str]:
        nameless = sum(not person.name_words for person in new)
        if nameless:
            raise UsageError(
                f"{nameless} subjects have no PatientName, which strategy 'name' needs; choose another one"
            )
        return {person.key: self._hash(" ".join(person.name_words)) for person in new}

    def _hash(self, text: str) -> str:
        key = self.keys.derive("pseudonym")
        kinds = {"sha256": lambda: hmac.new(key, text.encode(), "sha256").hexdigest()}
        kinds["blake2b"] = lambda: hashlib.blake2b(
            text.encode(), key=key, digest_size=32
        ).hexdigest()
        return self.settings.prefix + kinds[self.settings.hash]()[: self.settings.length]

    def _unchanged(self, new: Sequence[Person], taken: set[str]) -> dict[str, str]:
        return {person.key: _token(person.patient_id) or self._hash(person.key) for person in new}

    def _by_folder(self, new: Sequence[Person], taken: set[str]) -> dict[str, str]:
        named: dict[str, str] = {}
        rest = []
        for person in new:
            tokens = {self._folder_token(folder) for folder in person.folders}
            if len(tokens) > 1:
                raise UsageError("strategy folder: the files of one subject lie in folders with different names; "
                                 "choose another depth or regex")  # fmt: skip
            token = next(iter(tokens), "")
            if token:
                named[person.key] = token
            else:
                rest.append(person)
        return named | self._missing(
            rest, taken | set(named.values()), self.settings.folder.fallback, "folder"
        )

    def _folder_token(self, folder: str) -> str:
        return _token(self._folder_text(folder))

    def _folder_text(self, folder: str) -> str:
        """The part of a folder's name that the expression takes, as it is written there."""
        wanted = self.settings.folder
        parts = PurePath(folder).parts
        match = (
            re.search(wanted.regex, parts[wanted.depth - 1]) if len(parts) >= wanted.depth else None
        )
        return (match[1] or "") if match else ""

    def _texts(self, named: Mapping[str, str], new: Sequence[Person]) -> dict[str, set[str]]:
        """Each pseudonym, and the parts of folder names that it comes from."""
        texts = {key: {token} for key, token in named.items()}
        if self.settings.strategy == "folder":
            for person in new:
                texts[person.key] |= {self._folder_text(folder) for folder in person.folders}
        return texts

    def _by_table(self, new: Sequence[Person], taken: set[str]) -> dict[str, str]:
        assert self.settings.csv is not None
        table = read_table(self.settings.csv)
        named = {
            person.key: table[person.patient_id] for person in new if person.patient_id in table
        }
        rest = [person for person in new if person.key not in named]
        return named | self._missing(
            rest, taken | set(named.values()), self.settings.csv.missing, "csv"
        )

    def _missing(
        self, rest: Sequence[Person], taken: set[str], how: str, strategy: str
    ) -> dict[str, str]:
        if rest and how == "error":
            where = "the table" if strategy == "csv" else "the folder's regex"
            raise UsageError(f"strategy {strategy}: {where} names no pseudonym for {len(rest)} subjects; add them, "
                             "or choose 'sequential' or 'hash' for those that are missing")  # fmt: skip
        return self._hashed(rest, taken) if how == "hash" else self._sequential(rest, taken)

    def _refuse_collisions(self, named: Mapping[str, str], taken: set[str]) -> None:
        counts = Counter([*named.values(), *taken])
        twice = sum(count > 1 for count in counts.values())
        if twice:
            raise UsageError(f"{twice} pseudonyms would stand for more than one subject (strategy "
                             f"{self.settings.strategy}); {_ADVICE[self.settings.strategy]}")  # fmt: skip


_ADVICE = {
    "sequential": "raise ids.width",
    "deterministic": "raise ids.length",
    "name": "two patients share a name: use strategy 'deterministic' or 'sequential'",
    "none": "two patients share an ID, or differ only in characters that a folder cannot have: use another strategy",
    "folder": "choose another depth or regex, so that each subject's folder has a name of its own",
    "csv": "give each patient of the table a pseudonym of its own that no one has yet",
}


def _token(text: str) -> str:
    """A text as the name of a folder; empty where nothing of it can be one."""
    made = re.sub(r"[^A-Za-z0-9_-]+", "_", text.strip()).strip("_-")[:48]
    return made if TOKEN.fullmatch(made) else ""


def _refuse_identifiers(
    strategy: str, texts: Mapping[str, set[str]], everyone: Sequence[Person]
) -> None:
    """Raise UsageError for tokens that are, or contain, an identifier of anybody, or a date of the patient's own."""
    forms = {form for person in everyone for value in person.identifying for form in _forms(value)}
    inside = {form for form in forms if len(form) >= _LEAST}
    own = {person.key: person for person in everyone}
    bad = 0
    for key, written in texts.items():
        plain = {_plain(spelled) for text in written for spelled in spellings(text)}
        hits = plain & forms or any(form in text for text in plain for form in inside)
        bad += bool(hits) or any(_is_own(text, own.get(key)) for text in written)
    if bad:
        raise UsageError(f"strategy {strategy}: {bad} pseudonyms are, or contain, an identifier of a patient of the "
                         "source; give them others")  # fmt: skip


def _forms(value: str) -> set[str]:
    """An identifier as it can stand in a token: folded, spelled out, or with characters replaced."""
    forms = {_plain(spelled) for spelled in spellings(value)} | {_plain(_token(value))}
    return {form for form in forms if len(form) >= _LEAST_WHOLE}


def _is_own(token: str, person: Person | None) -> bool:
    """Whether a token holds a name of the patient in any form that people write, or a date."""
    if person is None or not person.searched:
        return False
    return Scrubber.of(person.searched).finds(token.replace("_", " "))


def _plain(text: str) -> str:
    return "".join(letter for letter in fold(text) if letter.isalnum())


def read_table(settings: CsvSettings) -> dict[str, str]:
    """Source value -> pseudonym; raises ConfigError for a missing column, an empty or doubled target."""
    rows = _rows(settings.path)
    for column in (settings.source_column, settings.target_column):
        if rows and column not in rows[0]:
            known = f"it has {len(rows[0])} columns; is its first row their names?"
            raise ConfigError(f"'ids.csv': the table has no column '{column}' ({known})")
    table: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        source, target = (
            (row[one] or "").strip() for one in (settings.source_column, settings.target_column)
        )
        if source and not target:
            raise ConfigError(f"'ids.csv', line {number}: the pseudonym is empty")
        if target and not TOKEN.fullmatch(target):
            raise ConfigError(
                f"'ids.csv', line {number}: a pseudonym is letters, digits, - and _, at most 48"
            )
        if table.get(source, target) != target or (
            target in table.values() and source not in table
        ):
            raise ConfigError(
                f"'ids.csv', line {number}: the same source or the same pseudonym as in an earlier line"
            )
        if source:
            table[source] = target
    return table


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"'ids.csv': the table cannot be read: {cause}") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter))
    if not rows:
        raise ConfigError("'ids.csv': the table holds no rows below its header")
    return rows
