"""A patient's numbers: as regular expressions, and as binary attributes hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from deidflow.dicom.attributes import NUMBERS
from deidflow.dicom.person_names import fold
from deidflow.dicom.written_dates import days_meant
from deidflow.header.common_words import LEAST_LETTERS, is_identifying
from deidflow.header.phrase_patterns import END, START

_SHORT = 5
"""A shorter number is searched only as it is written."""
_LEAST_DIGITS = 6
"""A shorter number alone in a binary attribute may be a physical quantity by chance."""
_NO_DIGIT_BEFORE, _NO_DIGIT_AFTER = r"(?<!\d)", r"(?!\d)"
_GAP = r"[\s\-_./]?"


def number_patterns(value: str, shortest: int) -> Iterator[str]:
    """A number however it is separated; nothing for one of fewer than `shortest` characters."""
    folded = fold(value)
    letters = [letter for letter in folded if letter.isalnum()]
    if not is_identifying(value) or len(letters) < shortest:
        return
    is_numeric = all(map(str.isdigit, letters))
    start = _NO_DIGIT_BEFORE if is_numeric else START
    end = _NO_DIGIT_AFTER if is_numeric else END

    joined = "".join(letters)
    counting = _without_leading_zeros(letters)
    if len(counting) >= _SHORT:
        separated = _GAP.join(map(re.escape, counting))
        yield f"{start}(?:0{_GAP})*{separated}{end}"
        for digits in re.findall(r"\d{5,}", value.lstrip("0")):
            yield number_alone(f"0*{digits}")
    elif len(joined) >= LEAST_LETTERS:
        for written in dict.fromkeys((folded, joined)):
            yield start + re.escape(written) + end


def number_alone(digits: str) -> str:
    """Digits with no digit before or after them."""
    return f"{_NO_DIGIT_BEFORE}{digits}{_NO_DIGIT_AFTER}"


def _without_leading_zeros(letters: list[str]) -> list[str]:
    """The letters that count; of zeros only, the last one."""
    counting = letters.copy()
    while len(counting) > 1 and counting[0] == "0":
        counting.pop(0)
    return counting


def own_numbers(identifiers: Iterable[tuple[str, str]]) -> frozenset[int]:
    """Long numbers and birth dates of (kind, value) pairs as binary attributes hold them."""
    numbers: set[int] = set()
    for kind, value in identifiers:
        if kind in NUMBERS:
            numbers.update(_runs(value))
        elif kind == "birth":
            numbers.update(_days(value))
    return frozenset(numbers)


def _runs(value: str) -> Iterator[int]:
    """Runs of digits, and the whole value if it is a number apart from separators."""
    runs = re.findall(r"[0-9]+", value)
    joined = "".join(filter(str.isalnum, value))
    if re.fullmatch(r"[0-9]+", joined):
        runs.append(joined)
    for run in runs:
        if len(run.lstrip("0")) >= _LEAST_DIGITS:
            yield int(run)


def _days(value: str) -> Iterator[int]:
    for day in days_meant(value):
        yield int(f"{day:%Y%m%d}")
        yield int(f"{day:%d%m%Y}")
