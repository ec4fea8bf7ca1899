"""Released names of series: never from source names or free text."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from deidflow.dicom.grouping import Series, Study
from deidflow.identity.letters import with_letters

_MODALITY = re.compile(r"[A-Z]{2,8}")
_IS = re.compile(r"[+-]?[0-9]{1,12}")
"""PS3.5 section 6.2: at most 12 characters."""
_OTHER = "OT"
_NEXT = 1_000
"""Further numbers for a study with more series of one number than there are letters."""


def ordered_names(study: Study) -> list[tuple[str, Series]]:
    """The series of a study by number, each with its released name."""
    ordered = sorted(study.series, key=_number_and_uid)
    numbers_and_modalities = []
    for series in ordered:
        pair = series.first.series_number, series.first.modality
        numbers_and_modalities.append(pair)

    names = series_names(numbers_and_modalities)
    return list(zip(names, ordered, strict=True))


def _number_and_uid(series: Series) -> tuple[int, str]:
    number = number_of(series.first.series_number)
    return number, series.uid


def number_of(text: str) -> int:
    """An IS value as a number; 0 where it is not one."""
    is_number = _IS.fullmatch(text) is not None
    return int(text) if is_number else 0


def series_names(numbers_and_modalities: Sequence[tuple[str, str]]) -> list[str]:
    """`003-MR` for each series; a second one of the same name is `003b-MR`."""
    names: list[str] = []
    for number, modality in numbers_and_modalities:
        name = _free_name(number, modality, names)
        names.append(name)
    return names


def _free_name(number: str, modality: str, taken: Collection[str]) -> str:
    kind = modality if _MODALITY.fullmatch(modality) else _OTHER
    digits = abs(number_of(number))
    while True:
        for numbered in with_letters(f"{digits:03d}"):
            name = f"{numbered}-{kind}"
            if name not in taken:
                return name
        digits += _NEXT
