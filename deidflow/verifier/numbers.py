"""National numbers of persons, recognised by their form and their check digit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_SSN = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_NHS = re.compile(r"(?<!\d)\d{3}[ -]\d{3}[ -]\d{4}(?!\d)")
_NORDIC = re.compile(r"(?<!\d)(?:19|20)?(\d{6})[-+A](\d{3}[0-9A-Z])(?![0-9A-Za-z])")
_KOREAN = re.compile(r"(?<!\d)(\d{6})-[1-8]\d{6}(?!\d)")
_ITALIAN = re.compile(r"(?<![A-Z0-9])[A-Z]{6}\d{2}[ABCDEHLMPRST]\d{2}[A-Z]\d{3}[A-Z](?![A-Z0-9])")
_SPANISH = re.compile(r"(?<![A-Z0-9])(\d{8})-?([A-Z])(?![A-Z0-9])")
_FRENCH = re.compile(r"(?<!\d)([12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?\d{2} ?\d{3} ?\d{3}) ?(\d{2})(?!\d)")
_CHINESE = re.compile(r"(?<!\d)\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])[0-3]\d\d{3}[0-9X](?![0-9X])")
_POLISH = re.compile(r"(?<!\d)\d{11}(?!\d)")
_BRAZILIAN = re.compile(r"(?<!\d)\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)")
_GERMAN = re.compile(r"(?<![A-Z0-9])[A-Z]\d{9}(?![A-Z0-9])")
_BELGIAN = re.compile(r"(?<!\d)\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}(?!\d)")
_SPANISH_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_CHINESE_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_POLISH_WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)


def holds_national_number(text: str) -> bool:
    """Whether a text holds a number that a state or health insurer gives to a person."""
    return any(_matches(text))


def _matches(text: str) -> Iterator[bool]:
    for pattern in (_SSN, _ITALIAN, _BRAZILIAN, _BELGIAN):
        yield pattern.search(text) is not None
    for pattern, is_valid in _CHECKED:
        yield any(is_valid(match) for match in pattern.finditer(text))


def _digits(match: re.Match[str]) -> list[int]:
    return [int(letter) for letter in match[0] if letter.isdecimal()]


def _weighted(digits: list[int], weights: tuple[int, ...]) -> int:
    products = (
        digit * weight
        for digit, weight in zip(
            digits,
            weights,
            strict=False,
        )
    )
    return sum(products)


def _is_nhs(match: re.Match[str]) -> bool:
    """Modulus 11 of the NHS of England."""
    digits = _digits(match)
    rest = 11 - _weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return rest % 11 == digits[9]


def _is_nordic(match: re.Match[str]) -> bool:
    """The first six digits of a Swedish, Danish or Finnish number are a day of birth."""
    first = match[1]
    swedish = _is_month(first[2:4]) and _is_day(first[4:6])
    danish = _is_day(first[0:2]) and _is_month(first[2:4])
    return swedish or danish


def _is_korean(match: re.Match[str]) -> bool:
    return _is_month(match[1][2:4]) and _is_day(match[1][4:6])


def _is_month(digits: str) -> bool:
    return 1 <= int(digits) <= 12


def _is_day(digits: str) -> bool:
    return 1 <= int(digits) <= 31


def _is_spanish(match: re.Match[str]) -> bool:
    return _SPANISH_LETTERS[int(match[1]) % 23] == match[2]


def _is_french(match: re.Match[str]) -> bool:
    number = int(match[1].replace(" ", ""))
    return 97 - number % 97 == int(match[2])


def _is_chinese(match: re.Match[str]) -> bool:
    """ISO 7064 MOD 11-2 (GB 11643)."""
    digits = [int(letter) for letter in match[0][:17]]
    return "10X98765432"[_weighted(digits, _CHINESE_WEIGHTS) % 11] == match[0][17]


def _is_polish(match: re.Match[str]) -> bool:
    """PESEL: month with a century, day, and a check digit."""
    digits = _digits(match)
    month = int(match[0][2:4]) % 20
    dated = 1 <= month <= 12 and _is_day(match[0][4:6])
    return dated and -_weighted(digits, _POLISH_WEIGHTS) % 10 == digits[10]


def _is_german(match: re.Match[str]) -> bool:
    """Krankenversichertennummer: the letter as two digits, then Luhn from the left."""
    letter = ord(match[0][0]) - ord("A") + 1
    digits = [letter // 10, letter % 10, *_digits(match)]
    total = 0
    for place, digit in enumerate(digits[:10]):
        product = digit * (1 + place % 2)
        total += product // 10 + product % 10
    return total % 10 == digits[10]


_CHECKED: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = (
    (_NHS, _is_nhs),
    (_NORDIC, _is_nordic),
    (_KOREAN, _is_korean),
    (_SPANISH, _is_spanish),
    (_FRENCH, _is_french),
    (_CHINESE, _is_chinese),
    (_POLISH, _is_polish),
    (_GERMAN, _is_german),
)
