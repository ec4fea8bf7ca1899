"""Who has withdrawn consent: keyed hashes, by which their files are known again.

They hold for every project and level of a vault.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from deidflow.dicom.demographics import Demographics
from deidflow.dicom.patients import is_usable
from deidflow.dicom.person_names import is_generic, name_words
from deidflow.identity.secret import Keys

_PURPOSE = "withdrawn"
_EVERY_SCOPE = "*"
"""No project or level is called so."""


@dataclass(frozen=True)
class WithdrawnPatients:
    """The hashes of those who have withdrawn."""

    tokens: frozenset[bytes]
    keys: Keys

    def __bool__(self) -> bool:
        """Whether anybody has withdrawn."""
        return bool(self.tokens)

    def include(self, demographics: Demographics, study_uid: str = "") -> bool:
        """Whether a header is of somebody who has withdrawn.

        By PatientID, within its issuer where both know one; by name and birth date together; or by
        a study that was theirs.
        """
        patient_id, issuer = demographics.patient_id, demographics.issuer
        facts = [("study", study_uid), *_named(demographics)]
        if is_usable(patient_id):
            facts.append(("id of every issuer", patient_id))
            if issuer:
                facts.append(("id of an issuer", patient_id, issuer))
            else:
                facts.append(("id of some issuer", patient_id))
        return any(_token(self.keys, fact) in self.tokens for fact in facts)


def withdrawal_tokens(
    keys: Keys, demographics: Iterable[Demographics], study_uids: Iterable[str]
) -> set[bytes]:
    """All by which somebody is known again."""
    facts: set[tuple[str, ...]] = {("study", uid) for uid in study_uids if uid}
    for one in demographics:
        facts.update(_named(one))
        if is_usable(one.patient_id):
            facts.update(_numbered(one.patient_id, one.issuer))
    return {_token(keys, fact) for fact in facts}


def _numbered(patient_id: str, issuer: str) -> Iterator[tuple[str, ...]]:
    """A number without an issuer is every issuer's."""
    if not issuer:
        yield "id of every issuer", patient_id
        return
    yield "id of an issuer", patient_id, issuer
    yield "id of some issuer", patient_id


def _named(demographics: Demographics) -> Iterator[tuple[str, ...]]:
    """Name and birth date, where both are known; for every day that the date can mean."""
    if is_generic(demographics.name):
        return
    for group in demographics.name.split("="):
        words = sorted(name_words(group))
        for day in demographics.birth_days if words else ():
            yield "person", day.isoformat(), *words


def _token(keys: Keys, fact: tuple[str, ...]) -> bytes:
    everywhere = replace(
        keys,
        project=_EVERY_SCOPE,
        level=_EVERY_SCOPE,
    )
    return everywhere.lookup(_PURPOSE, "|".join(fact))


def select_withdrawn(database: sqlite3.Connection, keys: Keys) -> WithdrawnPatients:
    """Everybody who has withdrawn."""
    rows = database.execute("SELECT token FROM withdrawn")
    return WithdrawnPatients(
        frozenset(token for (token,) in rows),
        keys,
    )


def insert_withdrawn(database: sqlite3.Connection, tokens: Iterable[bytes]) -> None:
    """Add the hashes of somebody."""
    database.executemany(
        "INSERT OR IGNORE INTO withdrawn VALUES (?)",
        [(token,) for token in tokens],
    )
