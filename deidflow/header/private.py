"""Private elements: only listed or chosen ones stay, matched by creator and low byte, each value checked."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from deidflow.header.actions import FORMATS, SIZES, TEXT, Actions
from deidflow.header.csa import CSA_ELEMENTS, scrub_csa
from deidflow.header.rules import PrivateRule, Rule, Rules
from deidflow.header.selectors import ALL_OF_CREATOR
from deidflow.header.values import is_number

_LONGEST_TEXT = 64
_LARGEST_BLOB = 4096
"""A larger binary value may hold an image."""
_BINARY = frozenset((b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN"))
_NUMBERS = frozenset((b"DS", b"IS", *SIZES))
PrivateDecision = PrivateRule | Rule | str | None
"""What decides on a private element: a listed rule, a chosen one, `searched`, `csa`, or nothing."""


@dataclass(frozen=True)
class PrivateElements:
    """Decides on the private elements of one level."""

    rules: Rules
    actions: Actions

    def fate(self, group: int, creator: str, low: int) -> PrivateDecision:
        """What decides on an element, by its creator and low byte; None where it goes."""
        key = group, creator, low
        by_creator = self.rules.chosen_private.get((group, creator, ALL_OF_CREATOR))
        chosen = self.rules.chosen_private.get(key, by_creator)
        if chosen is not None:
            return None if chosen.action == "remove" else chosen
        if self.rules.scrub_csa and (creator, low) in CSA_ELEMENTS:
            return "csa"
        listed = self.rules.private.get(key)
        if listed is not None:
            return listed
        return "searched" if self.rules.keep_private else None

    def value(
        self, fate: PrivateDecision, tag: int, vr: bytes, raw: bytes
    ) -> tuple[bytes, bytes] | None:
        """The VR to write and the value that stays; None where the value does not stand the check."""
        if isinstance(fate, PrivateRule):
            return _listed(self.actions, fate, tag, vr, raw)
        if isinstance(fate, Rule):
            value = self.actions.apply(fate, tag, vr or b"UN", raw)
            return None if value is None else (vr or b"UN", value)
        if fate == "csa":
            return vr or b"OB", scrub_csa(raw, self.actions.context.scrubber)
        return _searched(self.actions, tag, vr, raw)


def _searched(actions: Actions, tag: int, vr: bytes, raw: bytes) -> tuple[bytes, bytes] | None:
    """With everything private kept: text without the patient's identifiers, binary values only if they hold none."""
    if vr in TEXT or vr == b"PN":
        value = actions.apply(Rule("keep"), tag, vr, raw)
        return None if value is None else (vr, value)
    if actions.holds_own_number(vr, raw):
        return None
    return None if actions.context.scrubber.hides(raw) else (vr or b"UN", raw)


def _listed(
    actions: Actions, rule: PrivateRule, tag: int, vr: bytes, raw: bytes
) -> tuple[bytes, bytes] | None:
    asked = rule.vr.encode("ascii")[:2]
    used = asked if vr in (b"", b"UN") and asked else vr
    if actions.holds_own_number(used, raw):
        return None
    if used in SIZES:
        numbers = _plausible_numbers(used, raw, rule.most)
        return None if numbers is None else (used, numbers)
    if used == b"UI":
        value = actions.apply(Rule("uid"), tag, used, raw)
        return None if value is None else (used, value)
    if used in _BINARY:
        hidden = actions.context.scrubber.hides(raw)
        return None if rule.numbers_only or hidden or len(raw) > _LARGEST_BLOB else (used, raw)
    return _text(actions, rule, tag, used, raw)


def _plausible_numbers(vr: bytes, raw: bytes, most: int) -> bytes | None:
    """Numbers of physics; one that is none becomes NaN, so that those beside it stay.

    None where there are too many, or where no number is plausible: bytes of text read as floating point are far
    larger or smaller than any number of physics.
    """
    size = SIZES[vr]
    count, rest = divmod(len(raw), size)
    if rest or count > most:
        return None
    if vr not in _FLOATING:
        return raw if vr == b"AT" or _are_small(vr, raw, count) else None
    cells = [raw[start : start + size] for start in range(0, len(raw), size)]
    plausible = [_is_plausible(vr, cell) for cell in cells]
    if cells and not any(plausible):
        return None
    blank = struct.pack(f"<{FORMATS[vr]}", float("nan"))
    return b"".join(cell if good else blank for cell, good in zip(cells, plausible, strict=True))


_FLOATING = frozenset((b"FL", b"FD"))
_SMALLEST, _LARGEST = 1e-9, 1e10


def _are_small(vr: bytes, raw: bytes, count: int) -> bool:
    return all(abs(number) < _LARGEST for number in struct.unpack(f"<{count}{FORMATS[vr]}", raw))


def _is_plausible(vr: bytes, cell: bytes) -> bool:
    """Whether a floating-point number may be physics; one next to nothing is, unless its bytes are text."""
    number = abs(struct.unpack(f"<{FORMATS[vr]}", cell)[0])
    if number == 0 or _SMALLEST < number < _LARGEST:
        return True
    is_text = all(0x20 <= byte < 0x7F or byte == 0 for byte in cell)
    return number <= _SMALLEST and not is_text


def _text(
    actions: Actions, rule: PrivateRule, tag: int, vr: bytes, raw: bytes
) -> tuple[bytes, bytes] | None:
    values = [one.strip() for one in actions.decoded(vr, raw)]
    if len(values) > rule.most:
        return None
    if rule.numbers_only or {vr, rule.vr.encode("ascii")} & _NUMBERS:
        is_own = actions.context.scrubber.is_own_number
        numbers = [
            value if _is_small_number(value) and not is_own(value) else "" for value in values
        ]
        return (vr, actions.encode(vr, numbers)) if any(numbers) or not any(values) else None
    if rule.words is not None:
        kept = set(values) <= rule.words
    else:
        actions.check(tag, values)
        finds = actions.context.scrubber.finds
        longest = 16 if rule.vr == "CS" else _LONGEST_TEXT
        kept = vr in TEXT and not any(len(one) > longest or finds(one) for one in values)
    return (vr, actions.encode(vr, values)) if kept else None


def _is_small_number(text: str) -> bool:
    return is_number(text) and abs(float(text)) < _LARGEST
