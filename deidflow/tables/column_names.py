"""What a column holds by its name, as people write it: `Patienten-ID (KIS)`, `Vor- und Name`."""

from __future__ import annotations

import re
from functools import lru_cache

from deidflow.dicom.person_names import fold
from deidflow.resources import words_under

KINDS = ("id", "name", "given", "family", "birth", "age", "dropped")
"""The kinds of columns that are known by their whole name."""
_VOCABULARY = "vocabulary/table_columns.yaml"
_WORD = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])")
_REMARK = re.compile(r"[(\[].*?[)\]]")
_COUNTED = re.compile(r"[_ .]?\d+$")
"""What tells a second column of one name apart."""


def kind_of(name: str) -> str:
    """One of KINDS, by the whole name, then by what is in it; empty for another column."""
    without_remark = _REMARK.sub("", name)
    for written in (name, without_remark, _COUNTED.sub("", without_remark)):
        kind = _known_names().get(plain_name(written))
        if kind:
            return kind
    return _by_parts(without_remark)


def _by_parts(name: str) -> str:
    plain = plain_name(name)
    if any(part in plain for part in words_of_list("dropped_parts")):
        return "dropped"
    if any(part in plain for part in words_of_list("birth_parts")):
        return "birth"
    if _number_of_person().fullmatch(plain):
        return "id"
    return _by_name_words(words_of(name))


def _by_name_words(words: list[str]) -> str:
    """`name` of the patient, `dropped` of another person, empty for names of things."""
    others = set(map(fold, words)) - words_of_list("name_words")
    if len(others) == len(set(words)) or others & words_of_list("thing_words"):
        return ""
    return "dropped" if others - words_of_list("patient_words") else "name"


def plain_name(name: str) -> str:
    """A column name as the vocabulary has it."""
    return "".join(letter for letter in fold(name) if letter.isalnum())


def words_of(name: str) -> list[str]:
    """The words of a column name in lower case: `AlterBeiScan` has three."""
    return _WORD.findall(_HUMP.sub(" ", name).lower())


@lru_cache(maxsize=1)
def _known_names() -> dict[str, str]:
    known = {}
    for kind in KINDS:
        known.update(dict.fromkeys(words_of_list(kind), kind))
    return known


@lru_cache(maxsize=1)
def _number_of_person() -> re.Pattern[str]:
    whose = "|".join(sorted(words_of_list("person_words")))
    number = "|".join(sorted(words_of_list("code_words")))
    return re.compile(rf"(?:{whose})(?:{number})")


def words_of_list(key: str) -> frozenset[str]:
    """The words under a key of the list of column names."""
    return words_under(_VOCABULARY, key)
