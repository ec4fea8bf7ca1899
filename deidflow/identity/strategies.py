"""How subjects are named: numbers, keyed hashes, a table of the site, or parts of folder names."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from deidflow.errors import UsageError
from deidflow.identity.id_table import read_table
from deidflow.identity.manifest_names import manifest_names
from deidflow.identity.persons import Person
from deidflow.identity.pseudonyms import pseudonym_from, refuse_identifiers
from deidflow.identity.secret import Keys
from deidflow.settings.sections import IdSettings, Strategy

_ADVICE: dict[Strategy, str] = {
    "sequential": "raise ids.width",
    "deterministic": "raise ids.length",
    "name": "two patients share a name: use strategy 'deterministic' or 'sequential'",
    "none": "two patients share an ID, or differ only in characters that a folder cannot have: use "
    "another strategy",
    "folder": "choose another depth or regex, so that each subject's folder has a name of its own",
    "csv": "give each patient of the table a pseudonym of its own that no one has yet",
}
"""What to do where two subjects would have the same pseudonym."""
_FROM_TEXT = ("folder", "csv")
"""Strategies whose pseudonyms somebody wrote, so that they may identify."""
_HASH_BYTES = 32
_ARCHIVE_END = re.compile(r"(\.zip|(\.tar|\.dcm)?\.gz|\.tgz|\.tar)?!$", re.IGNORECASE)
"""What the name of an archive has beyond that of a folder: its suffix, and the mark of members."""

Named = dict[str, str]
"""Subject key -> pseudonym."""


def pattern_of(settings: IdSettings) -> str | None:
    """Pattern of the pseudonyms made by these settings; None if a patient ID could match it too."""
    prefix = settings.prefix
    if not prefix:
        return None
    if settings.strategy == "sequential":
        shortest = settings.width
        longest = shortest + 1
        return rf"^{prefix}[0-9]{{{shortest},{longest}}}$"
    if settings.strategy in ("deterministic", "name"):
        return rf"^{prefix}[0-9a-f]{{{settings.length}}}$"
    return None


@dataclass(frozen=True)
class Namer:
    """Names new subjects by the settings of a run."""

    settings: IdSettings
    keys: Keys

    def names(
        self,
        new: Sequence[Person],
        taken: Mapping[bytes, str],
        everyone: Sequence[Person],
    ) -> Named:
        """Subject key -> pseudonym for those that have none, `new` being in keyed order.

        Raises UsageError where two would have the same, or one would identify somebody.
        """
        strategy = self.settings.strategy
        taken_names = set(taken.values())
        labelled = manifest_names(new, taken_names, self.settings)
        others = [person for person in new if person.key not in labelled]
        taken_names.update(labelled.values())
        named = self._by_strategy(others, taken_names)
        self._refuse_collisions(named, taken_names)
        if strategy in _FROM_TEXT:
            texts = self._texts(named, others)
            refuse_identifiers(
                strategy,
                texts,
                everyone,
            )

        return labelled | named

    def _by_strategy(self, new: Sequence[Person], taken: set[str]) -> Named:
        match self.settings.strategy:
            case "sequential":
                return self._sequential(new, taken)
            case "deterministic":
                return self._hashed(new)
            case "name":
                return self._by_name(new)
            case "none":
                return self._unchanged(new)
            case "folder":
                return self._by_folder(new, taken)
            case "csv":
                return self._by_table(new, taken)

    def _sequential(self, new: Iterable[Person], taken: set[str]) -> Named:
        named: Named = {}
        number = self.settings.start + len(taken)
        for person in new:
            while self._numbered(number) in taken:
                number += 1
            named[person.key] = self._numbered(number)
            number += 1
        return named

    def _numbered(self, number: int) -> str:
        width = self.settings.width
        return f"{self.settings.prefix}{number:0{width}d}"

    def _hashed(self, new: Iterable[Person]) -> Named:
        return {person.key: self._hash(person.key) for person in new}

    def _by_name(self, new: Sequence[Person]) -> Named:
        nameless = sum(not person.name_words for person in new)
        if nameless:
            raise UsageError(
                f"{nameless} subjects have no PatientName, which strategy 'name' needs; choose "
                "another one"
            )

        named: Named = {}
        for person in new:
            words = " ".join(person.name_words)
            named[person.key] = self._hash(words)
        return named

    def _hash(self, text: str) -> str:
        """The prefix and a keyed hash of the configured length, in hexadecimal."""
        key = self.keys.derive("pseudonym")
        hash_of = _HASHES[self.settings.hash]
        digest = hash_of(key, text.encode())
        shortened = digest[: self.settings.length]
        return self.settings.prefix + shortened

    def _unchanged(self, new: Iterable[Person]) -> Named:
        named: Named = {}
        for person in new:
            patient_id = pseudonym_from(person.patient_id)
            named[person.key] = patient_id or self._hash(person.key)
        return named

    def _by_folder(self, new: Iterable[Person], taken: set[str]) -> Named:
        named: Named = {}
        unnamed = []
        for person in new:
            pseudonym = self._folder_pseudonym(person)
            if pseudonym:
                named[person.key] = pseudonym
            else:
                unnamed.append(person)

        if unnamed and self.settings.folder.fallback == "error":
            raise _missing_names(
                "folder",
                "the folder's regex",
                len(unnamed),
            )
        named |= self._filled(
            unnamed,
            taken | set(named.values()),
            self.settings.folder.fallback,
        )
        return named

    def _folder_pseudonym(self, person: Person) -> str:
        """The pseudonym that the person's folders agree on; empty where they give none."""
        texts = map(self._folder_text, person.folders)
        pseudonyms = set(map(pseudonym_from, texts))
        if len(pseudonyms) > 1:
            raise UsageError(
                "strategy folder: the files of one subject lie in folders with different names; "
                "choose another depth or regex"
            )
        return next(iter(pseudonyms), "")

    def _folder_text(self, folder: str) -> str:
        """The part of a folder's name that the expression takes, as it is written there."""
        rule = self.settings.folder
        parts = PurePath(folder).parts
        if len(parts) < rule.depth:
            return ""
        name = _ARCHIVE_END.sub("", parts[rule.depth - 1])
        match = re.search(rule.regex, name)
        if match is None:
            return ""
        return match[1] or ""

    def _texts(self, named: Named, new: Iterable[Person]) -> dict[str, set[str]]:
        """Each pseudonym, and the parts of folder names that it comes from."""
        texts = {key: {pseudonym} for key, pseudonym in named.items()}
        if self.settings.strategy == "folder":
            for person in new:
                parts = map(self._folder_text, person.folders)
                texts[person.key].update(parts)
        return texts

    def _by_table(self, new: Iterable[Person], taken: set[str]) -> Named:
        settings = self.settings.csv
        if settings is None:
            raise UsageError("strategy csv needs the section 'csv'")
        table = read_table(settings)
        named: Named = {}
        unnamed = []
        for person in new:
            if person.patient_id in table:
                named[person.key] = table[person.patient_id]
            else:
                unnamed.append(person)

        if unnamed and settings.missing == "error":
            raise _missing_names(
                "csv",
                "the table",
                len(unnamed),
            )
        named |= self._filled(
            unnamed,
            taken | set(named.values()),
            settings.missing,
        )
        return named

    def _filled(self, unnamed: Sequence[Person], taken: set[str], how: str) -> Named:
        """Pseudonyms for subjects that folders or the table do not name."""
        if how == "hash":
            return self._hashed(unnamed)
        return self._sequential(unnamed, taken)

    def _refuse_collisions(self, named: Named, taken: set[str]) -> None:
        counts = Counter(named.values())
        counts.update(taken)
        repeated = sum(count > 1 for count in counts.values())
        if repeated:
            strategy = self.settings.strategy
            raise UsageError(
                f"{repeated} pseudonyms would stand for more than one subject (strategy "
                f"{strategy}); {_ADVICE[strategy]}"
            )


def _missing_names(strategy: Strategy, where: str, count: int) -> UsageError:
    return UsageError(
        f"strategy {strategy}: {where} names no pseudonym for {count} subjects; add them, or "
        "choose 'sequential' or 'hash' for those that are missing"
    )


def _sha256(key: bytes, data: bytes) -> str:
    return hmac.digest(key, data, "sha256").hex()


def _blake2b(key: bytes, data: bytes) -> str:
    hashed = hashlib.blake2b(
        data,
        key=key,
        digest_size=_HASH_BYTES,
    )
    return hashed.hexdigest()


_HASHES: dict[str, Callable[[bytes, bytes], str]] = {
    "sha256": _sha256,
    "blake2b": _blake2b,
}
