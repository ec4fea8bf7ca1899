"""What a pseudonym may be: the name of a folder that contains nobody's identifier."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deidflow.dicom.person_names import fold, spellings
from deidflow.errors import UsageError
from deidflow.header.text import Scrubber
from deidflow.identity.persons import Person

PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")
_LONGEST = 48
_LEAST_INSIDE = 4
"""Letters from which an identifier inside a pseudonym is refused."""
_LEAST_WHOLE = 3
"""Letters from which a pseudonym that is an identifier is refused."""


def pseudonym_from(text: str) -> str:
    """A text as a pseudonym; empty where nothing of it can be one."""
    replaced = re.sub(
        r"[^A-Za-z0-9_-]+",
        "_",
        text.strip(),
    )
    shortened = replaced.strip("_-")[:_LONGEST]
    return shortened if PSEUDONYM.fullmatch(shortened) else ""


def refuse_identifiers(
    strategy: str,
    texts: Mapping[str, set[str]],
    everyone: Sequence[Person],
) -> None:
    """Raise UsageError where a pseudonym is, or contains, an identifier.

    `texts` are, by subject key, the pseudonym and what it was made from.
    """
    refused = count_identifying(texts, everyone)
    if refused:
        raise UsageError(
            f"strategy {strategy}: {refused} pseudonyms are, or contain, an identifier of a "
            "patient of the source; give them others"
        )


def count_identifying(texts: Mapping[str, set[str]], everyone: Sequence[Person]) -> int:
    """How many subjects have a text that is, or contains, an identifier of anybody.

    Or a date of the patient's own. `texts` are by subject key.
    """
    identifiers = _IdentifierForms.of(everyone)
    persons = {person.key: person for person in everyone}
    refused = 0
    for key, written in texts.items():
        person = persons.get(key)
        if identifiers.are_in(written) or names_person(written, person):
            refused += 1
    return refused


@dataclass(frozen=True)
class _IdentifierForms:
    """The identifiers of everyone as they can be in a pseudonym."""

    whole: frozenset[str]
    inside: frozenset[str]

    @classmethod
    def of(cls, persons: Iterable[Person]) -> _IdentifierForms:
        whole: set[str] = set()
        for person in persons:
            for value in person.identifying:
                whole |= _forms(value)
        inside = {form for form in whole if len(form) >= _LEAST_INSIDE}
        return cls(frozenset(whole), frozenset(inside))

    def are_in(self, texts: Iterable[str]) -> bool:
        """Whether one of the texts is an identifier or contains one."""
        for text in texts:
            for spelled in spellings(text):
                plain = _plain(spelled)
                if plain in self.whole:
                    return True
                if any(form in plain for form in self.inside):
                    return True
        return False


def _forms(value: str) -> set[str]:
    """An identifier as it can be in a pseudonym: folded, spelled out, or with replacements."""
    replaced = pseudonym_from(value)
    forms = {_plain(spelled) for spelled in spellings(value)}
    forms.add(_plain(replaced))
    return {form for form in forms if len(form) >= _LEAST_WHOLE}


def _plain(text: str) -> str:
    letters = filter(str.isalnum, fold(text))
    return "".join(letters)


def names_person(texts: Iterable[str], person: Person | None) -> bool:
    """Whether a text holds a name of the patient in any form that people write, or a date."""
    if person is None or not person.searched:
        return False
    scrubber = Scrubber.of(person.searched)
    spaced = [text.replace("_", " ") for text in texts]
    return any(map(scrubber.finds, spaced))
