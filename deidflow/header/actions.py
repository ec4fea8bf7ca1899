"""What becomes of the bytes of one value: an action each (PS3.15 E.3), None where the element goes.

Values come as they stand in the file, Little Endian. Text is decoded by the character set of the
header, changed, and encoded again. A value that cannot be parsed by its VR goes.
"""

from __future__ import annotations

import hmac
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from deidflow.dicom.character_sets import CHARSET, other_readings
from deidflow.dicom.person_names import fold
from deidflow.header.context import HeaderContext
from deidflow.header.rules import Rule
from deidflow.header.temporal import move_value
from deidflow.header.text import keep_tokens
from deidflow.header.values import (
    dummy,
    floor_to,
    is_number,
    limit_age,
    parse_time,
    shift_date,
    shift_datetime,
)
from deidflow.resources import defined_terms

SIZES = {b"US": 2, b"SS": 2, b"UL": 4, b"SL": 4, b"FL": 4, b"FD": 8, b"AT": 4, b"SV": 8, b"UV": 8}
FORMATS = {
    b"US": "H",
    b"SS": "h",
    b"UL": "I",
    b"SL": "i",
    b"FL": "f",
    b"FD": "d",
    b"SV": "q",
    b"UV": "Q",
}
_WIDE = frozenset((b"UL", b"SL", b"UV", b"SV", b"FD"))
"""VRs that can hold numbers of six digits and more without loss."""
ENCODED = frozenset((b"LO", b"SH", b"ST", b"LT", b"UT", b"UC", b"PN"))
TEXT = frozenset((b"LO", b"SH", b"ST", b"LT", b"UT", b"UC", b"CS", b"UR", b"AE"))
_UNDIVIDED = frozenset((b"ST", b"LT", b"UT", b"UR"))
BINARY = frozenset((b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN"))
TEMPORAL = frozenset((b"DA", b"TM", b"DT"))
_CODE = re.compile(r"[A-Z0-9 _]{0,16}|[A-Za-z0-9_+\-./]{0,16}")
"""A code string (PS3.5 section 6.2), or a single word in letters that it should not have."""
_LONGEST = {b"AE": 16, b"CS": 16, b"SH": 16, b"LO": 64, b"PN": 64, b"DS": 16, b"IS": 12, b"UI": 64}
_CODE_MEANING, _IMAGE_COMMENTS = 0x00080104, 0x00204000
_NUMBER = r"\s*([+-]?\d+(?:\.\d*)?)\s*"
_DIFFUSION = re.compile(rf"b\s*={_NUMBER}\({_NUMBER},{_NUMBER},{_NUMBER}\)")
_CODES = frozenset(
    (0x00080100, 0x00080102, 0x00080103, 0x00080105, 0x0008010F, 0x00080119, 0x00080120)
)
"""Code values, schemes and context groups: one may be somebody's number by chance, but holds no name."""
_CHARSETS = re.compile(r"(?:ISO|IR|IS|GB|GBK|GB18030|UTF|\d{1,5}|[ _,.-])*")
"""Terms of SpecificCharacterSet, those that writers misspell among them: text is not decodable without."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f].*", re.DOTALL)
"""What stands behind a control character that text may not hold is no text (PS3.5 section 6.1.3)."""
CLASS_UIDS = frozenset(
    (0x00080016, 0x0008001A, 0x0008001B, 0x00081150, 0x0008115A, 0x0008010C, 0x00080117, 0x00080118)
)
"""UIDs of classes, of coding schemes and of context groups: they name kinds, not instances."""


@dataclass(frozen=True)
class Actions:
    """Applies rules to values in one context."""

    context: HeaderContext
    dates: str
    times: str
    multiplicity: dict[int, int]
    keep_binary: bool
    """Whether binary values outside of group 0028 stay, if they hold no identifier."""

    def apply(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        """The new value without padding, or None; raises UnicodeError and struct.error for what is none."""
        return _ACTIONS[rule.action](self, rule, tag, vr, raw)

    def decoded(self, vr: bytes, raw: bytes) -> list[str]:
        """The values of a text element."""
        text = self._text(vr, raw)
        if not text:
            return []
        text = self._misread(raw, text)
        return [text] if vr in _UNDIVIDED else text.split("\\")

    def _misread(self, raw: bytes, text: str) -> str:
        """The text under another character set than the header's, where only that shows an identifier."""
        if raw.isascii() and b"\x1b" not in raw:
            return text
        for reading in other_readings(raw):
            if self.context.scrubber.finds(reading) and not self.context.scrubber.finds(text):
                return reading
        return text

    def _text(self, vr: bytes, raw: bytes) -> str:
        if raw.isascii() and b"\x1b" not in raw:
            return raw.decode("ascii").rstrip("\0 ")
        if vr not in ENCODED:
            raise UnicodeError
        from pydicom.charset import decode_bytes

        return str(decode_bytes(raw, list(self.context.charset), {0x5C, 0x5E, 0x3D})).rstrip("\0 ")

    def encode(self, vr: bytes, values: list[str]) -> bytes:
        """Values as bytes, in the character set of the header where the VR has one."""
        text = "\\".join(values)
        if text.isascii() or vr not in ENCODED:
            return text.encode("ascii")
        from pydicom.charset import encode_string

        content = b"\\".join(encode_string(value, list(self.context.charset)) for value in values)
        return bytes(content)

    def _remove(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        return None

    def _empty(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        return b""

    def _retain(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        return (
            raw.rstrip(b"\0 ")
            if vr in TEXT | TEMPORAL | {b"UI", b"PN", b"DS", b"IS", b"AS"}
            else raw
        )

    def _keep(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        if vr in TEXT:
            return self._searched(tag, vr, raw)
        if vr in SIZES:
            return self._numbers(tag, vr, raw)
        if vr in (b"DS", b"IS"):
            values = self.decoded(vr, raw)
            legal = all(
                not one.strip() or (is_number(one) and len(one.strip()) <= 32) for one in values
            )
            return self._without_own(raw, values) if legal else None
        if vr in BINARY:
            return (
                raw
                if (self.keep_binary or tag >> 16 == 0x0028)
                and not self.context.scrubber.hides(raw, needed=tag >> 16 == 0x0028)
                else None
            )
        return _KEPT.get(vr, Actions._remove)(self, rule, tag, vr, raw)

    def _without_own(self, raw: bytes, values: list[str]) -> bytes:
        """Numbers as text; a number or birth date of the patient becomes zero."""
        is_own = self.context.scrubber.is_own_number
        if not any(map(is_own, values)):
            return raw.rstrip(b"\0 ")
        return "\\".join("0" if is_own(value) else value for value in values).encode("ascii")

    def holds_own_number(self, vr: bytes, raw: bytes) -> bool:
        """Whether a binary number is a number or the birth date of the patient."""
        if vr not in _WIDE or not self.context.scrubber.numbers or len(raw) % SIZES[vr]:
            return False
        numbers = struct.unpack(f"<{len(raw) // SIZES[vr]}{FORMATS[vr]}", raw)
        return not self.context.scrubber.numbers.isdisjoint(numbers)

    def _searched(self, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        values = [_CONTROL.sub("", value) for value in self.decoded(vr, raw)]
        cleaned = [self._cleaned(tag, vr, value) for value in values]
        self.check(tag, cleaned)
        if vr in _LONGEST and any(len(one) > 4 * _LONGEST[vr] for one in cleaned):
            return None
        if cleaned == self.decoded(vr, raw):
            return raw.rstrip(b"\0 ")
        cleaned = [value.strip() for value in cleaned]
        if any(values) and not any(cleaned):
            return str(dummy(vr.decode("ascii"))).encode("ascii")
        return self.encode(vr, cleaned)

    def check(self, tag: int, texts: list[str]) -> None:
        """Let the caller refuse texts that stay; raises Withheld."""
        if self.context.refuse is None:
            return
        for text in texts:
            if text and text not in defined_terms():
                self.context.refuse(tag, text)

    def _cleaned(self, tag: int, vr: bytes, value: str) -> str:
        """A text without the patient's identifiers; a code or term of the standard is nobody's."""
        scrubber = self.context.scrubber
        if tag in _CODES and not scrubber.names_in(value):
            return value
        if tag == CHARSET and _CHARSETS.fullmatch(value):
            return value
        if vr != b"CS":
            return scrubber.clean(value)
        if value.strip() in defined_terms():
            return value
        cleaned = scrubber.clean(value)
        return cleaned if _CODE.fullmatch(cleaned.strip()) else scrubber.words(cleaned)[:16]

    def _numbers(self, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        count, rest = divmod(len(raw), SIZES[vr])
        most = self.multiplicity.get(tag, 0)
        if (
            rest
            or (most and count > most)
            or (len(raw) > 8 and self.context.scrubber.hides(raw, needed=True))
        ):
            return None
        return bytes(len(raw)) if self.holds_own_number(vr, raw) else raw

    def _kept_name(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        return self._searched(tag, vr, raw)

    def _kept_uid(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        return raw.rstrip(b"\0 ") if re.fullmatch(rb"[0-9.\\]*", raw.rstrip(b"\0 ")) else None

    def _kept_time(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        values = self.decoded(vr, raw)
        legal = all(_moment(one, vr) is not None for one in values if one.strip())
        return raw.rstrip(b"\0 ") if legal else self.apply(Rule(rule.fallback), tag, vr, raw)

    def _kept_age(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        stripped = raw.rstrip(b"\0 ")
        return stripped if re.fullmatch(rb"(\d{3}[DWMY])?", stripped) else None

    def _dummy(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        value = dummy(vr.decode("ascii"))
        if vr == b"UI":
            return self._uid(rule, tag, vr, raw)
        if isinstance(value, bytes):
            return value
        return value.encode() if isinstance(value, str) else struct.pack(f"<{FORMATS[vr]}", value)

    def _replace(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        if vr in FORMATS:
            kind = float if vr in (b"FL", b"FD") else int
            return struct.pack(f"<{FORMATS[vr]}", kind(rule.value))
        return None if vr in BINARY else self.encode(vr, [rule.value])

    def _uid(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        if vr != b"UI":
            return None
        if tag in CLASS_UIDS:
            return self._kept_uid(rule, tag, vr, raw)
        return "\\".join(map(self.context.uids, self.decoded(vr, raw))).encode("ascii")

    def _pseudonym(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        return self.encode(vr, [self.context.pseudonym])

    def _hash(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        values = ["|".join(self.decoded(vr, raw)).strip()]
        if not values[0]:
            return b""
        digest = hmac.digest(self.context.hash_key, f"{tag:08x}|{values[0]}".encode(), "sha256")
        if vr in (b"IS", b"DS"):
            return str(int.from_bytes(digest[:3], "big")).encode()
        return digest.hex()[:16].upper().encode() if vr in TEXT | {b"PN"} else None

    def _timepoint(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        return self.encode(vr, [self.context.label])

    def _date(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        if vr == b"TM" and self.dates == "shift" and self.times != "keep":
            return b"000000" if self.times == "zero" and raw.strip(b"\0 ") else self.apply(
                Rule(rule.fallback), tag, vr, raw
            )  # fmt: skip
        name = vr.decode("ascii")
        values = [move_value(one, name, self.dates, self.context) for one in self.decoded(vr, raw)]
        if any(value is None for value in values):
            return self.apply(Rule(rule.fallback), tag, vr, raw)
        moved = [value or "" for value in values]
        if vr == b"DT" and self.dates == "shift" and self.times != "keep":
            moved = [value[:8] + ("000000" if self.times == "zero" else "") for value in moved]
        return "\\".join(moved).encode("ascii")

    def _bin(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        if vr in FORMATS:
            return self._binned_numbers(rule, vr, raw)
        floored = [floor_to(one, rule.step or Decimal(5)) for one in self.decoded(vr, raw)]
        return None if None in floored else "\\".join(one or "" for one in floored).encode("ascii")

    def _binned_numbers(self, rule: Rule, vr: bytes, raw: bytes) -> bytes | None:
        form = f"<{len(raw) // SIZES[vr]}{FORMATS[vr]}"
        floored = [floor_to(str(one), rule.step or Decimal(5)) for one in struct.unpack(form, raw)]
        kind = float if vr in (b"FL", b"FD") else int
        return None if None in floored else struct.pack(form, *(kind(one or 0) for one in floored))

    def _age(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        limited = limit_age(self._text(vr, raw), binned=self.context.binned)
        return limited.encode("ascii") if limited else None

    def _words(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        if vr not in TEXT:
            return None
        if tag == _IMAGE_COMMENTS and (diffusion := diffusion_comment(self._text(vr, raw))):
            return diffusion.encode("ascii")
        if tag == _CODE_MEANING and fold(self._text(vr, raw).strip()) in standard_meanings():
            return self._searched(tag, vr, raw)
        kept = self.context.scrubber.words(" ".join(self.decoded(vr, raw)))[
            : _LONGEST.get(vr, 1024)
        ].strip()
        if kept or rule.fallback == "remove":
            return kept.encode("ascii")
        return self.apply(Rule(rule.fallback), tag, vr, raw)

    def _tokens(self, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        return "\\".join(keep_tokens(self.decoded(vr, raw))).encode("ascii")


@lru_cache(maxsize=1)
def standard_meanings() -> frozenset[str]:
    """Meanings of the codes that the standard itself uses (PS3.16), lower case: they say nothing of a patient."""
    from pydicom.sr._concepts_dict import concepts

    return frozenset(
        fold(meaning)
        for schemes in concepts.values()
        for codes in schemes.values()
        for meaning, _ in codes.values()
    )


def diffusion_comment(text: str) -> str:
    """A diffusion weighting and direction, `b=1500(0.445,0.000,0.895)`, as Canon writes it; empty for all else.

    Written anew from the parsed numbers: without it a converter knows no gradients (docs/outputs.md).
    """
    match = _DIFFUSION.fullmatch(text.strip())
    if match is None:
        return ""
    weighting, *direction = map(float, match.groups())
    if weighting > 50_000 or any(abs(component) > 1 for component in direction):
        return ""
    return f"b={weighting:g}({','.join(f'{component:.3f}' for component in direction)})"


def _moment(text: str, vr: bytes) -> object:
    if vr == b"TM":
        return parse_time(text)
    return shift_date(text, 0) if vr == b"DA" else shift_datetime(text, 0)


_Action = Callable[[Actions, Rule, int, bytes, bytes], "bytes | None"]
_KEPT: dict[bytes, _Action] = {
    b"PN": Actions._kept_name,
    b"UI": Actions._kept_uid,
    b"AS": Actions._kept_age,
    b"DA": Actions._kept_time,
    b"TM": Actions._kept_time,
    b"DT": Actions._kept_time,
}
_ACTIONS: dict[str, _Action] = {
    "remove": Actions._remove,
    "empty": Actions._empty,
    "keep": Actions._keep,
    "retain": Actions._retain,
    "dummy": Actions._dummy,
    "replace": Actions._replace,
    "uid": Actions._uid,
    "pseudonym": Actions._pseudonym,
    "hash": Actions._hash,
    "date": Actions._date,
    "bin": Actions._bin,
    "age": Actions._age,
    "words": Actions._words,
    "tokens": Actions._tokens,
    "timepoint": Actions._timepoint,
    "recurse": Actions._remove,
}
