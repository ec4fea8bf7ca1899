"""Released names of series: never from source names or free text."""

from __future__ import annotations

import re
from string import ascii_lowercase


def series_names(numbers_and_modalities: list[tuple[str, str]]) -> list[str]:
    """`003-MR` for each series; a second one of the same name is `003b-MR`."""
    names: list[str] = []
    for number, modality in numbers_and_modalities:
        digits = int(number) if number.lstrip("+").isdigit() else 0
        kind = modality if re.fullmatch(r"[A-Z]{2,8}", modality) else "OT"
        letters = ["", *ascii_lowercase[1:], *(f"{a}{b}" for a in ascii_lowercase for b in ascii_lowercase)]
        names.append(next(name for letter in letters if (name := f"{digits:03d}{letter}-{kind}") not in names))
    return names
