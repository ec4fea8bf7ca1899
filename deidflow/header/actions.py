"""What happens to the bytes of one value: one function per action (PS3.15 E.3).

An action returns the new value without padding, or None to remove the element. A value that
cannot be parsed by its VR is removed.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable
from decimal import Decimal

from deidflow.header.ages import limit_age, limit_number
from deidflow.header.descriptions import described
from deidflow.header.element_value import ElementValue
from deidflow.header.kept_values import keep, kept_uid
from deidflow.header.rules import Rule
from deidflow.header.temporal import move_value
from deidflow.header.value_kinds import (
    BINARY,
    FLOATING,
    FORMATS,
    NUMERIC_TEXT,
    PADDED_TEXT,
    TEMPORAL,
    TEXT,
)
from deidflow.header.values import dummy, floor_to, parse_time, shift_date, shift_datetime
from deidflow.header.vocabulary import keep_tokens

CLASS_UIDS = frozenset(
    (0x00080016, 0x0008001A, 0x0008001B, 0x00081150, 0x0008115A, 0x0008010C, 0x00080117, 0x00080118)
)
"""UIDs of classes, coding schemes and context groups: they name kinds, not instances."""
_BIN_WIDTH = Decimal(5)


def apply(value: ElementValue) -> bytes | None:
    """The new value without padding, or None to remove the element.

    Raises UnicodeError, struct.error, ValueError, KeyError or ArithmeticError for invalid values.
    """
    return _ACTIONS[value.rule.action](value)


def _fall_back(value: ElementValue) -> bytes | None:
    """What the rule asks for where its own action cannot be done."""
    fallback = Rule(value.rule.fallback)
    return apply(value._replace(rule=fallback))


def _remove(_: ElementValue) -> bytes | None:
    return None


def _empty(_: ElementValue) -> bytes | None:
    return b""


def _retain(value: ElementValue) -> bytes | None:
    return value.stripped() if value.vr in PADDED_TEXT else value.raw


def _keep(value: ElementValue) -> bytes | None:
    if value.vr not in TEMPORAL:
        return keep(value)
    for text in value.texts():
        if text.strip() and not _is_moment(text, value.vr):
            return _fall_back(value)
    return value.stripped()


def _is_moment(text: str, vr: bytes) -> bool:
    """Whether text is a legal DA, TM or DT value."""
    if vr == b"TM":
        return parse_time(text) is not None
    if vr == b"DA":
        return shift_date(text, 0) is not None
    return shift_datetime(text, 0) is not None


def _dummy(value: ElementValue) -> bytes | None:
    if value.vr == b"UI":
        return _uid(value)
    content = dummy(value.vr.decode("ascii"))
    if isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    return struct.pack(f"<{FORMATS[value.vr]}", content)


def _replace(value: ElementValue) -> bytes | None:
    text = value.rule.value
    if value.vr in FORMATS:
        number = float(text) if value.vr in FLOATING else int(text)
        number_format = f"<{FORMATS[value.vr]}"
        return struct.pack(number_format, number)
    if value.vr in BINARY:
        return None
    return value.encoded([text])


def _uid(value: ElementValue) -> bytes | None:
    if value.vr != b"UI":
        return None
    if value.tag in CLASS_UIDS:
        return kept_uid(value)
    uids = map(value.settings.context.uids, value.texts())
    return "\\".join(uids).encode("ascii")


def _pseudonym(value: ElementValue) -> bytes | None:
    return value.encoded([value.settings.context.pseudonym])


def _timepoint(value: ElementValue) -> bytes | None:
    return value.encoded([value.settings.context.label])


def _hash(value: ElementValue) -> bytes | None:
    """A keyed hash of attribute and value: equal values of one attribute get equal hashes."""
    text = "|".join(value.texts()).strip()
    if not text:
        return b""
    message = f"{value.tag:08x}|{text}".encode()
    digest = hmac.digest(
        value.settings.context.hash_key,
        message,
        "sha256",
    )

    if value.vr in NUMERIC_TEXT:
        number = int.from_bytes(digest[:3], "big")
        return str(number).encode()
    if value.vr in TEXT or value.vr == b"PN":
        return digest.hex()[:16].upper().encode()
    return None


def _date(value: ElementValue) -> bytes | None:
    settings = value.settings
    without_times = settings.dates == "shift" and settings.times != "keep"
    if without_times and value.vr == b"TM":
        return _without_time(value)

    vr = value.vr.decode("ascii")
    moved: list[str] = []
    for text in value.texts():
        moment = move_value(
            text,
            vr,
            settings.dates,
            settings.context,
        )
        if moment is None:
            return _fall_back(value)
        moved.append(moment)

    if without_times and value.vr == b"DT":
        midnight = "000000" if settings.times == "zero" else ""
        moved = [moment[:8] + midnight for moment in moved]
    return "\\".join(moved).encode("ascii")


def _without_time(value: ElementValue) -> bytes | None:
    """A TM value of a profile that keeps dates only."""
    if value.settings.times == "zero" and value.raw.strip(b"\0 "):
        return b"000000"
    return _fall_back(value)


def _bin(value: ElementValue) -> bytes | None:
    if value.vr in FORMATS:
        return _binned_numbers(value)
    step = value.rule.step or _BIN_WIDTH
    floored: list[str] = []
    for text in value.texts():
        number = floor_to(text, step)
        if number is None:
            return None
        floored.append(number)
    return "\\".join(floored).encode("ascii")


def _binned_numbers(value: ElementValue) -> bytes | None:
    step = value.rule.step or _BIN_WIDTH
    kind = float if value.vr in FLOATING else int
    floored: list[int | float] = []
    for number in value.numbers():
        text = floor_to(str(number), step)
        if text is None:
            return None
        floored.append(kind(text))
    number_format = f"<{len(floored)}{FORMATS[value.vr]}"
    return struct.pack(number_format, *floored)


def _age(value: ElementValue) -> bytes | None:
    """An AS value, or a number in the unit that the rule names."""
    binned = value.settings.context.binned
    if value.vr in NUMERIC_TEXT:
        limited = limit_number(value.text(), value.rule.value, binned=binned)
    else:
        limited = limit_age(value.text(), binned=binned)
    return limited.encode("ascii") if limited else None


def _words(value: ElementValue) -> bytes | None:
    if value.vr not in TEXT:
        return None
    kept = described(value)
    if kept == b"" and value.rule.fallback != "remove":
        return _fall_back(value)
    return kept


def _tokens(value: ElementValue) -> bytes | None:
    tokens = keep_tokens(value.texts())
    return "\\".join(tokens).encode("ascii")


_ACTIONS: dict[str, Callable[[ElementValue], bytes | None]] = {
    "remove": _remove,
    "empty": _empty,
    "keep": _keep,
    "retain": _retain,
    "dummy": _dummy,
    "replace": _replace,
    "uid": _uid,
    "pseudonym": _pseudonym,
    "hash": _hash,
    "date": _date,
    "bin": _bin,
    "age": _age,
    "words": _words,
    "tokens": _tokens,
    "timepoint": _timepoint,
    "recurse": _remove,
}
