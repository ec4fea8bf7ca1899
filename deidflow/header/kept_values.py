"""The action `keep`: a value stays if it is legal for its VR, without the patient's identifiers."""

from __future__ import annotations

import re
from collections.abc import Callable

from deidflow.dicom.character_sets import CHARSET
from deidflow.header.element_value import ElementValue
from deidflow.header.text import Scrubber
from deidflow.header.value_kinds import BINARY, LONGEST, NUMERIC_TEXT, SIZES, TEXT
from deidflow.header.values import dummy, is_number
from deidflow.resources import defined_terms

_CODE = re.compile(r"[A-Z0-9 _]{0,16}|[A-Za-z0-9_+\-./]{0,16}")
"""A code string (PS3.5 section 6.2), or a single word with letters that it should not have."""
_CODES = frozenset(
    (0x00080100, 0x00080102, 0x00080103, 0x00080105, 0x0008010F, 0x00080119, 0x00080120)
)
"""Code values, schemes and context groups: they hold no names, but may equal a number by chance."""
_CHARSETS = re.compile(r"(?:ISO|IR|IS|GB|GBK|GB18030|UTF|\d{1,5}|[ _,.-])*")
"""Terms of SpecificCharacterSet, misspelled ones included: text cannot be decoded without them."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f].*", re.DOTALL)
"""Everything after a control character that is not allowed is dropped (PS3.5 section 6.1.3)."""
_UIDS = re.compile(rb"[0-9.\\]*")
_AGE = re.compile(rb"(\d{3}[DWMY])?")
_PIXEL_GROUP = 0x0028
"""Describes how pixels are shown, so that images cannot do without it."""
_LONGEST_NUMBER = 32
_UNSEARCHED = 8
"""Binary numbers of so many bytes are too short for text that identifies somebody."""


def keep(value: ElementValue) -> bytes | None:
    """The value if it is legal, without identifiers; None otherwise. Not for dates and times."""
    kept = _KEPT.get(value.vr)
    return kept(value) if kept else None


def searched_text(value: ElementValue) -> bytes | None:
    """Text without the patient's identifiers; None if it is far longer than its VR allows."""
    original = value.texts()
    texts = [_CONTROL.sub("", text) for text in original]
    cleaned = [_cleaned(value, text) for text in texts]
    value.check(cleaned)

    if _is_too_long(value.vr, cleaned):
        return None
    if cleaned == original:
        return value.stripped()
    cleaned = [text.strip() for text in cleaned]
    if any(texts) and not any(cleaned):
        return str(dummy(value.vr.decode("ascii"))).encode("ascii")
    return value.encoded(cleaned)


def _is_too_long(vr: bytes, texts: list[str]) -> bool:
    longest = LONGEST.get(vr)
    if longest is None:
        return False
    return any(len(text) > 4 * longest for text in texts)


def _cleaned(value: ElementValue, text: str) -> str:
    """A text without the patient's identifiers; codes and terms of the standard stay."""
    scrubber = value.scrubber
    if value.tag in _CODES and not scrubber.names_in(text):
        return text
    if value.tag == CHARSET and _CHARSETS.fullmatch(text):
        return text
    if value.vr == b"CS":
        return _cleaned_code(scrubber, text)
    return scrubber.clean(text)


def _cleaned_code(scrubber: Scrubber, text: str) -> str:
    """A code string without identifiers; of one that is not legal, the words of acquisition."""
    if text.strip() in defined_terms():
        return text
    cleaned = scrubber.clean(text)
    if _CODE.fullmatch(cleaned.strip()):
        return cleaned
    return scrubber.words(cleaned)[:16]


def _numbers(value: ElementValue) -> bytes | None:
    """Binary numbers; zeros if one of them is the patient's, None if they are too many."""
    raw = value.raw
    count, rest = divmod(len(raw), SIZES[value.vr])
    most = value.settings.multiplicity.get(value.tag, 0)
    if rest or (most and count > most):
        return None
    if len(raw) > _UNSEARCHED and value.scrubber.hides(raw, needed=True):
        return None
    return bytes(len(raw)) if value.holds_own_number() else raw


def _numeric_text(value: ElementValue) -> bytes | None:
    """Numbers as text; a number or birth date of the patient becomes zero."""
    texts = value.texts()
    if not all(map(_is_legal_number, texts)):
        return None

    is_own = value.scrubber.is_own_number
    if not any(map(is_own, texts)):
        return value.stripped()
    numbers = ["0" if is_own(text) else text for text in texts]
    return "\\".join(numbers).encode("ascii")


def _is_legal_number(text: str) -> bool:
    """Whether text is a number of usual length, or empty."""
    stripped = text.strip()
    if not stripped:
        return True
    return is_number(text) and len(stripped) <= _LONGEST_NUMBER


def _binary(value: ElementValue) -> bytes | None:
    """Binary values that hold no identifier."""
    needed = value.group == _PIXEL_GROUP
    if not needed and not value.settings.keep_binary:
        return None
    if value.scrubber.hides(value.raw, needed=needed):
        return None
    return value.raw


def kept_uid(value: ElementValue) -> bytes | None:
    """UIDs as they are; None for values that are not UIDs."""
    stripped = value.stripped()
    return stripped if _UIDS.fullmatch(stripped) else None


def _age(value: ElementValue) -> bytes | None:
    stripped = value.stripped()
    return stripped if _AGE.fullmatch(stripped) else None


_KEPT: dict[bytes, Callable[[ElementValue], bytes | None]] = {
    **dict.fromkeys(TEXT, searched_text),
    **dict.fromkeys(SIZES, _numbers),
    **dict.fromkeys(NUMERIC_TEXT, _numeric_text),
    **dict.fromkeys(BINARY, _binary),
    b"PN": searched_text,
    b"UI": kept_uid,
    b"AS": _age,
}
