"""A patient as the vault needs to know them."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

_SEPARATORS = re.compile(r"[\^=,\s]+")


@dataclass(frozen=True)
class Person:
    """A patient to be identified.

    Key, original values to seal, their own dates, and dated studies by UID.
    """

    key: str
    original: dict[str, str]
    dates: frozenset[date]
    studies: Mapping[str, date | None]
    patient_id: str = ""
    name: str = ""
    folders: frozenset[str] = frozenset()
    """Folders below the source that hold the patient's files."""
    identifying: frozenset[str] = frozenset()
    """Names by their parts, and numbers: what no pseudonym may contain."""
    searched: tuple[tuple[str, str], ...] = ()
    """Kind and value of names and dates that the pseudonym may not contain in any form."""
    label: str = ""
    """What a manifest calls the patient."""
    session_labels: Mapping[str, str] = field(default_factory=dict)
    """Study UID -> what a manifest calls the session."""

    @property
    def name_words(self) -> list[str]:
        """The words of the name without diacritics, in alphabetical order."""
        decomposed = unicodedata.normalize("NFKD", self.name)
        letters = itertools.filterfalse(
            unicodedata.combining,
            decomposed,
        )
        plain = "".join(letters).casefold()
        words = _SEPARATORS.split(plain)
        return sorted(filter(None, words))
