"""What happened to each attribute, found by comparing elements before and after.

The bytes decide, not the rules; a rule only says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from deidflow.dicom.walk import is_sequence
from deidflow.header import rule_words as words
from deidflow.header.computed_age import AGE
from deidflow.header.element_splicer import ElementSplicer
from deidflow.header.level import Fate, Level
from deidflow.header.notes import PADDING, value_start
from deidflow.header.private import PrivateAction
from deidflow.header.selectors import keyword_of

_UNDEFINED = b"\xff\xff\xff\xff"
"""A length, as written."""
_FIRST_PRIVATE_ELEMENT = 0x1000
"""Private elements below it reserve blocks (PS3.5 section 7.8.1)."""


class Change(StrEnum):
    """What happened to an attribute, if not the action of a rule."""

    KEPT = "kept"
    REMOVED = "removed"
    ADDED = "added"
    EMPTIED = "emptied"
    CLEANED = "cleaned"
    REWRITTEN = "rewritten"
    ITEMS = "item by item"
    """Of a sequence: what no row of its own names was kept."""


class AttributeChange(NamedTuple):
    """One attribute of a file, by its path of keywords, as in `Sequence[1]/Keyword`."""

    attribute: str
    action: str
    """A `Change`, or the action of a rule."""
    reason: str
    """The line of the table or the profile."""
    vr: str
    before: bytes | None
    """The value in the source; None where the source lacks it."""
    after: bytes | None
    """The value in the output; None where it was removed."""


@dataclass(frozen=True)
class Comparison:
    """Compares elements of files that were de-identified by the same rules."""

    elements: ElementSplicer

    def changes(self, level: Level, fate: Fate) -> list[AttributeChange]:
        """What happened to an element: one row; of a sequence also each attribute that changed."""
        if not self._is_sequence_that_stays(level, fate):
            return [self._of_value(level, fate, "")]

        vr, _, reason = self.rule(level, fate.tag)
        changes = [
            AttributeChange(
                attribute=attribute_name(level, fate.tag),
                action=Change.ITEMS if fate.notes else Change.KEPT,
                reason=reason,
                vr=vr,
                before=None,
                after=None,
            )
        ]
        for inner, nested in fate.notes:
            changes.append(self._of_value(inner, nested, path_of(inner)))

        return changes

    def _is_sequence_that_stays(self, level: Level, fate: Fate) -> bool:
        """Whether an element is a sequence, before and after, with items in both."""
        if fate.notes:
            return True
        if not fate.before or not fate.after:
            return False
        return _is_sequence(level, fate) and bool(self._new_value(fate))

    def _new_value(self, fate: Fate) -> bytes:
        start = value_start(fate.after, explicit=self.elements.explicit_out)
        return fate.after[start:]

    def _of_value(self, level: Level, fate: Fate, path: str) -> AttributeChange:
        old = fate.before[fate.value :] if fate.before else None
        new = self._new_value(fate) if fate.after else None
        written = fate.before[4:6] if fate.before and level.explicit else b""
        vr, rule_action, reason = self.rule(level, fate.tag, written)
        if old is None and fate.tag == AGE:
            reason = words.AGE_COMPUTED
        return AttributeChange(
            attribute=path + attribute_name(level, fate.tag),
            action=action_of(fate.tag, old, new, rule_action),
            reason=reason,
            vr=vr,
            before=old,
            after=new,
        )

    def rule(self, level: Level, tag: int, written: bytes = b"") -> tuple[str, str, str]:
        """VR, action and reason of the rule for an attribute; `written` is the VR in the file."""
        if tag >> 16 & 1:
            reason = private_reason(level, tag)
            return written.decode("ascii"), Change.CLEANED, reason
        vr, rule = self.elements.plan(level, tag, written)
        reason = rule.reason
        if level.depth == 0 and tag in self.elements.reserved:
            reason = words.OWN_STATEMENT
        return vr.decode("ascii"), rule.action, reason


def _is_sequence(level: Level, fate: Fate) -> bool:
    """Whether an element of the source is a sequence, by its VR, its length or its tag."""
    vr = fate.before[4:6] if level.explicit else b""
    if vr in (b"OB", b"OW"):
        return False
    length = fate.before[fate.value - 4 : fate.value]
    return length == _UNDEFINED or is_sequence(fate.tag, vr)


def path_of(level: Level) -> str:
    """Where the attributes of an item are, as in `Sequence[1]/`; empty for the header itself."""
    if level.place is None:
        return ""
    if not level.path:
        outer, tag, number = level.place
        level.path = f"{path_of(outer)}{attribute_name(outer, tag)}[{number}]/"
    return level.path


def action_of(tag: int, old: bytes | None, new: bytes | None, rule_action: str) -> str:
    """What was done, by the values; the action of the rule where it made another value."""
    if new is None:
        return Change.REMOVED
    if old is None:
        return Change.ADDED
    new_value = new.rstrip(PADDING)
    if old.rstrip(PADDING) == new_value:
        return Change.KEPT
    if not new_value:
        return Change.EMPTIED
    if tag >> 16 & 1 or rule_action in ("keep", "recurse"):
        return Change.CLEANED
    return rule_action


def private_reason(level: Level, tag: int) -> str:
    """Why a private element stays or goes."""
    if tag in level.used_creators:
        return words.PRIVATE_CREATOR
    decision = level.decisions.get(tag)
    if decision is PrivateAction.SEARCH:
        return words.PRIVATE_KEPT
    if decision is PrivateAction.SCRUB_CSA:
        return words.CSA_SCRUBBED
    if decision is not None and not isinstance(decision, PrivateAction):
        return decision.reason

    creator = level.creators.get((tag >> 16, tag >> 8 & 0xFF), "")
    chosen = level.private.chosen(tag >> 16, creator, tag & 0xFF)
    return words.PRIVATE_REMOVED if chosen is None else chosen.reason


def attribute_name(level: Level, tag: int) -> str:
    """The keyword of an attribute; tag and known private creator for a private one."""
    if not tag >> 16 & 1:
        return _keyword(tag)
    group, number = tag >> 16, tag & 0xFFFF
    if number < _FIRST_PRIVATE_ELEMENT:
        return f"{group:04x},{number:04x}"

    creator = level.creators.get((group, number >> 8), "").strip()
    if creator not in _known_creators():
        creator = "?"
    return f"{group:04x},[{creator}]{number & 0xFF:02x}"


_keyword = lru_cache(maxsize=10_000)(keyword_of)


@lru_cache(maxsize=1)
def _known_creators() -> frozenset[str]:
    from pydicom.datadict import private_dictionaries

    return frozenset(private_dictionaries)
