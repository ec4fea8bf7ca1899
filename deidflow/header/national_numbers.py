"""National numbers of persons, recognised by their form and their check digits."""

from __future__ import annotations

import re

_FORMS = re.compile(
    rb"(?<![\w.-])(?:"
    rb"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}"  # USA: social security number
    rb"|\d{3} \d{3} \d{4}"  # United Kingdom: NHS number, checked below
    rb"|[12]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)\d[\dAB]\d{8}"  # France: NIR, checked below
    rb"|[A-Z]\d{9}"  # Germany: health insurance number, checked below
    rb"|[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]"  # Italy: codice fiscale
    rb"|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}[-+A]\d{3}[0-9A-FHJ-NPR-Y]"
    # Finland: HETU; Denmark: CPR
    rb"|\d{6}-\d{4}"  # Sweden: personnummer, checked below
    rb"|\d{3}\.\d{3}\.\d{3}-\d{2}"  # Brazil: CPF
    rb"|756\.\d{4}\.\d{4}\.\d{2}"  # Switzerland: AHV number
    rb")(?![\w-]|\.\d)"
)
_NHS = re.compile(r"\d{3} \d{3} \d{4}")
_NIR = re.compile(r"[12]\d{5}[\dAB]\d{8}")
_HEALTH_INSURANCE = re.compile(r"[A-Z]\d{9}")
_PERSONNUMMER = re.compile(r"\d{6}-\d{4}")


def holds_national_number(text: bytes) -> bool:
    """Whether text contains a national number."""
    for match in _FORMS.finditer(text):
        number = match[0].decode("ascii")
        if _has_right_check_digits(number):
            return True
    return False


def _has_right_check_digits(number: str) -> bool:
    """Whether the check digits are right; True for numbers whose form alone says enough."""
    if _NHS.fullmatch(number):
        return _is_nhs_number(_digits(number))
    if _NIR.fullmatch(number):
        return _is_nir(number)
    if _HEALTH_INSURANCE.fullmatch(number):
        letter = ord(number[0]) - ord("A") + 1
        return _is_luhn(_digits(f"{letter:02d}{number[1:]}"))
    if _PERSONNUMMER.fullmatch(number):
        return _is_personnummer_or_cpr(number)
    return True


def _digits(text: str) -> list[int]:
    return [int(character) for character in text if character.isdecimal()]


def _is_nhs_number(digits: list[int]) -> bool:
    """Check digit modulo 11, of weights from 10 to 2."""
    weights = range(10, 1, -1)
    products = [digit * weight for digit, weight in zip(digits, weights, strict=False)]
    rest = sum(products) % 11
    return (11 - rest) % 11 == digits[9]


def _is_nir(number: str) -> bool:
    """Two check digits modulo 97; the letters of Corsican departments count as 19 and 18."""
    department = number[5:7].replace("2A", "19").replace("2B", "18")
    if not department.isdigit():
        return False
    counted = int(number[:5] + department + number[7:13])
    return 97 - counted % 97 == int(number[13:])


def _is_personnummer_or_cpr(number: str) -> bool:
    """A Danish number starts with a day, a Swedish one with a year and has a check digit."""
    day = int(number[:2])
    month = int(number[2:4])
    year = int(number[4:6])
    if _is_day_of_month(day, month):
        return True
    return _is_day_of_month(year, month) and _is_luhn_from_two(_digits(number))


def _is_day_of_month(day: int, month: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= 31


def _is_luhn(digits: list[int]) -> bool:
    """Weights 1 and 2 in turn; the last digit is the sum of the others modulo 10."""
    return _luhn_sum(digits[:-1], first=1) % 10 == digits[-1]


def _is_luhn_from_two(digits: list[int]) -> bool:
    """Weights 2 and 1 in turn; the last digit makes the sum a multiple of 10."""
    return -_luhn_sum(digits[:-1], first=2) % 10 == digits[-1]


def _luhn_sum(digits: list[int], first: int) -> int:
    """Sum of the digits of weighted digits, with weights 1 and 2 in turn from `first`."""
    total = 0
    weight = first
    for digit in digits:
        product = digit * weight
        total += product // 10
        total += product % 10
        weight = 3 - weight
    return total
