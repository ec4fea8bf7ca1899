"""Telephone numbers, e-mail addresses and national numbers in private elements that were kept.

A weak profile keeps private text as it is but for the patient's own identifiers; what looks like a way to a person is
counted by attribute, never quoted.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator

import pydicom
from pydicom.dataset import Dataset

from deidflow.header.rules import Rules

_EMAIL = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._%+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
_TELEPHONE = re.compile(
    rb"(?<![\w.+-])(?:"
    rb"\+[1-9]\d{0,2}(?:[ /()-]{0,2}\d){9,12}"  # E.164: a country code and at least 9 digits
    rb"|\(0?\d{2,4}\)[ -]?\d{3,4}[ -]?\d{3,5}"  # area code in brackets
    rb"|\d{3}[ -]\d{3}-\d{4}"  # North America
    rb"|0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,5}"  # trunk zero, area code, number
    rb")(?![\w-]|\.\d)"
)
_LABELLED = re.compile(
    rb"(?i)\b(?:tel(?:efon|ephone)?|phone|fon|mob(?:ile|il)?|handy|fax)\b[ .:]{0,3}\+?\d[\d ()/.-]{5,18}\d"
)
_NATIONAL = re.compile(
    rb"(?<![\w.-])(?:"
    rb"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}"  # USA: social security number
    rb"|\d{3} \d{3} \d{4}"  # United Kingdom: NHS number, checked below
    rb"|[12]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)\d[\dAB]\d{8}"  # France: NIR, checked below
    rb"|[A-Z]\d{9}"  # Germany: health insurance number, checked below
    rb"|[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]"  # Italy: codice fiscale
    rb"|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}[-+A]\d{3}[0-9A-FHJ-NPR-Y]"  # Finland: HETU; Denmark: CPR
    rb"|\d{6}-\d{4}"  # Sweden: personnummer, checked below
    rb"|\d{3}\.\d{3}\.\d{3}-\d{2}"  # Brazil: CPF
    rb"|756\.\d{4}\.\d{4}\.\d{2}"  # Switzerland: AHV number
    rb")(?![\w-]|\.\d)"
)
_LONGEST = 4096
"""A longer value is not text that somebody typed."""
_TEXT_VRS = frozenset(("LO", "SH", "LT", "ST", "UT", "UC", "PN", "UR", "CS", "AE"))
_BINARY_VRS = frozenset(("UN", "OB"))
Attribute = tuple[str, str]
"""Attribute as `gggg,[CREATOR]ee`, and what it seems to hold."""


def keeps_private_text(rules: Rules) -> bool:
    """Whether private elements may stay whose values no list checks."""
    return rules.keep_private or any(
        rule.action in ("keep", "retain") for rule in rules.chosen_private.values()
    )


def contacts(released: bytes) -> Counter[Attribute]:
    """Private attributes of a released file whose values look like contacts; pixels are not read."""
    header = pydicom.dcmread(io.BytesIO(released), stop_before_pixels=True, force=True)
    return Counter(set(_found(header)))


def _found(header: Dataset) -> Iterator[Attribute]:
    for tag in sorted(header.keys()):
        element = header.get_item(tag)
        if element is None or (not tag.is_private and element.VR != "SQ"):
            continue
        if element.VR == "SQ":
            yield from (attribute for item in header[tag].value for attribute in _found(item))
        elif element.VR in _TEXT_VRS | _BINARY_VRS | {None} and not tag.is_private_creator:
            kind = kind_of(_bytes(element.value))
            if kind:
                yield _name(header, int(tag)), kind


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    values = value if isinstance(value, list | tuple) else [value]
    return "\\".join(str(part) for part in values).encode("utf-8", "replace")


def _name(header: Dataset, tag: int) -> str:
    group, block = tag >> 16, tag >> 8 & 0xFF
    creator = str(header.get((group, block)).value).strip() if (group, block) in header else "?"
    return f"{group:04x},[{creator}]{tag & 0xFF:02x}"


def kind_of(value: bytes) -> str:
    """`e-mail address`, `national number`, `telephone number`, or nothing."""
    text = value.rstrip(b"\0 ")
    if len(text) > _LONGEST or _is_binary(text):
        return ""
    if _EMAIL.search(text):
        return "e-mail address"
    if any(_is_national(match[0]) for match in _NATIONAL.finditer(text)):
        return "national number"
    numbers = [match[0] for pattern in (_TELEPHONE, _LABELLED) for match in pattern.finditer(text)]
    return (
        "telephone number" if any(len(set(number)) >= _FEWEST_DIGITS for number in numbers) else ""
    )


_FEWEST_DIGITS = 5
"""Different characters of a telephone number; rows of zeros are none."""


def contact_warnings(found: Counter[Attribute]) -> Iterator[str]:
    """One line for each private attribute, with the number of files."""
    for (attribute, kind), files in sorted(found.items()):
        article = "an" if kind.startswith("e") else "a"
        yield (
            f"private element {attribute} was kept and looks like {article} {kind} in {files} files; "
            f"to remove it, add --remove '{attribute}'"
        )


def _is_binary(text: bytes) -> bool:
    return any(byte < 32 and byte not in b"\t\r\n\f\x1b" for byte in text)


def _is_national(number: bytes) -> bool:
    """Whether the check digits of a number are right, where its form alone says too little."""
    text = number.decode("ascii")
    digits = [int(character) for character in text if character.isdigit()]
    if re.fullmatch(r"\d{3} \d{3} \d{4}", text):
        rest = (
            sum(digit * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False))
            % 11
        )
        return (11 - rest) % 11 == digits[9]
    if re.fullmatch(r"[12]\d{5}[\dAB]\d{8}", text):
        department = text[5:7].replace("2A", "19").replace("2B", "18")
        return department.isdigit() and 97 - int(text[:5] + department + text[7:13]) % 97 == int(
            text[13:]
        )
    if re.fullmatch(r"[A-Z]\d{9}", text):
        return _luhn(
            [int(character) for character in f"{ord(text[0]) - 64:02d}{text[1:]}"], first=1
        )
    if re.fullmatch(r"\d{6}-\d{4}", text):
        return _is_day(text, reverse=True) or (_is_day(text) and _luhn(digits, first=2))
    return True


def _luhn(digits: list[int], first: int) -> bool:
    """Weights 1 and 2 in turn, beginning with `first`; the last digit is the check digit."""
    products = [
        digit * (first if place % 2 == 0 else 3 - first) for place, digit in enumerate(digits[:-1])
    ]
    total = sum(product // 10 + product % 10 for product in products)
    return (10 - total % 10) % 10 == digits[-1] if first == 2 else total % 10 == digits[-1]


def _is_day(text: str, *, reverse: bool = False) -> bool:
    """Whether a number begins with a month and a day of the month, as yymmdd or, reversed, as ddmmyy."""
    month = int(text[2:4])
    day = int(text[:2] if reverse else text[4:6])
    return 1 <= month <= 12 and 1 <= day <= 31
