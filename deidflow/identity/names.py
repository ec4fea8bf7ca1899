"""Released names of series: never from source names or free text."""

from __future__ import annotations

import re
from string import ascii_lowercase

from deidflow.dicom.grouping import Series, Study


def ordered_names(study: Study) -> list[tuple[str, Series]]:
    """The series of a study by number, each with its released name."""
    ordered = sorted(
        study.series, key=lambda series: (number_of(series.first.series_number), series.uid)
    )
    names = series_names(
        [(series.first.series_number, series.first.modality) for series in ordered]
    )
    return list(zip(names, ordered, strict=True))


def number_of(text: str) -> int:
    """An IS value as a number; 0 where it is none."""
    return int(text) if text.lstrip("+-").isdigit() else 0


def series_names(numbers_and_modalities: list[tuple[str, str]]) -> list[str]:
    """`003-MR` for each series; a second one of the same name is `003b-MR`."""
    names: list[str] = []
    for number, modality in numbers_and_modalities:
        digits = abs(number_of(number))
        kind = modality if re.fullmatch(r"[A-Z]{2,8}", modality) else "OT"
        letters = [
            "",
            *ascii_lowercase[1:],
            *(f"{a}{b}" for a in ascii_lowercase for b in ascii_lowercase),
        ]
        names.append(
            next(
                name for letter in letters if (name := f"{digits:03d}{letter}-{kind}") not in names
            )
        )
    return names
