"""A patient as the vault needs to know one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Person:
    """A patient to be identified: key, original values to seal, own dates, and dated studies by UID."""

    key: str
    original: dict[str, str]
    dates: frozenset[date]
    studies: Mapping[str, date | None]
    patient_id: str = ""
    name: str = ""
    folders: frozenset[str] = frozenset()
    """Folders below the source in which the patient's files lie."""
    identifying: frozenset[str] = frozenset()
    """Names by their parts, and numbers: what no pseudonym may contain."""
    searched: tuple[tuple[str, str], ...] = ()
    """Kind and value of the patient's own names and dates: what the own pseudonym may not contain in any form."""

    @property
    def name_words(self) -> list[str]:
        """The words of the name without diacritics, in alphabetical order."""
        plain = "".join(
            c for c in unicodedata.normalize("NFKD", self.name) if not unicodedata.combining(c)
        )
        return sorted(word for word in re.split(r"[\^=,\s]+", plain.casefold()) if word)
