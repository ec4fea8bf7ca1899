"""Telephone numbers, e-mail addresses and national numbers in private elements that were kept.

A weak profile keeps private text but for the patient's own identifiers. What looks like a way to
reach a person is counted by attribute, never quoted.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator

import pydicom
from pydicom.dataset import Dataset

from deidflow.header.national_numbers import holds_national_number
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
    rb"(?i)\b(?:tel(?:efon|ephone)?|phone|fon|mob(?:ile|il)?|handy|fax)\b"
    rb"[ .:]{0,3}\+?\d[\d ()/.-]{5,18}\d"
)
_LONGEST = 4096
"""A longer value is not text that somebody typed, in bytes."""
_FEWEST_DIGITS = 5
"""Different characters of a telephone number; rows of zeros are none."""
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\r\n\f\x1b")
"""Bytes that text does not contain."""
_TEXT_VRS = frozenset(("LO", "SH", "LT", "ST", "UT", "UC", "PN", "UR", "CS", "AE"))
_BINARY_VRS = frozenset(("UN", "OB"))
_SEARCHED_VRS = _TEXT_VRS | _BINARY_VRS | {None}
Attribute = tuple[str, str]
"""Attribute as `gggg,[CREATOR]ee`, and what it seems to hold."""


def keeps_private_text(rules: Rules) -> bool:
    """Whether private elements may be kept whose values no list checks."""
    if rules.keep_private:
        return True
    chosen = rules.chosen_private.values()
    return any(rule.action in ("keep", "retain") for rule in chosen)


def contacts(released: bytes) -> Counter[Attribute]:
    """Private attributes of a released file that look like contacts; pixels are not read."""
    header = pydicom.dcmread(
        io.BytesIO(released),
        stop_before_pixels=True,
        force=True,
    )
    attributes = set(_attributes(header))
    return Counter(attributes)


def _attributes(header: Dataset) -> Iterator[Attribute]:
    """The attributes that look like contacts, with those inside of sequences."""
    for tag in sorted(header.keys()):
        element = header.get_item(tag)
        if element is None:
            continue
        if element.VR == "SQ":
            for item in header[tag].value:
                yield from _attributes(item)
            continue
        if not tag.is_private or tag.is_private_creator:
            continue
        if element.VR in _SEARCHED_VRS:
            kind = kind_of(_bytes(element.value))
            if kind:
                yield _name(header, int(tag)), kind


def _bytes(value: object) -> bytes:
    """A value as pydicom read it, as bytes of UTF-8."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, list | tuple):
        value = [value]
    text = "\\".join(map(str, value))
    return text.encode("utf-8", "replace")


def _name(header: Dataset, tag: int) -> str:
    """The name of a private attribute, which holds for all files."""
    group = tag >> 16
    block = tag >> 8 & 0xFF
    low = tag & 0xFF
    creator = "?"
    if (group, block) in header:
        creator = str(header[group, block].value).strip()
    return f"{group:04x},[{creator}]{low:02x}"


def kind_of(value: bytes) -> str:
    """`e-mail address`, `national number`, `telephone number`, or empty."""
    text = value.rstrip(b"\0 ")
    if len(text) > _LONGEST or _is_binary(text):
        return ""
    if _EMAIL.search(text):
        return "e-mail address"
    if holds_national_number(text):
        return "national number"
    return "telephone number" if _holds_telephone_number(text) else ""


def _is_binary(text: bytes) -> bool:
    return not _CONTROLS.isdisjoint(text)


def _holds_telephone_number(text: bytes) -> bool:
    for pattern in (_TELEPHONE, _LABELLED):
        for match in pattern.finditer(text):
            if len(set(match[0])) >= _FEWEST_DIGITS:
                return True
    return False


def contact_warnings(counts: Counter[Attribute]) -> Iterator[str]:
    """One line per private attribute, with the number of files."""
    for (attribute, kind), files in sorted(counts.items()):
        article = "an" if kind.startswith("e") else "a"
        yield (
            f"private element {attribute} was kept and looks like {article} {kind} "
            f"in {files} files; to remove it, add --remove '{attribute}'"
        )
