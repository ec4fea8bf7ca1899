"""What happens to one element of a header: copied, changed or left out, sequences included."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from deidflow.dicom.dictionary import dictionary_multiplicity, dictionary_vrs
from deidflow.dicom.elements import Element, encoded
from deidflow.errors import Withheld
from deidflow.header.actions import apply
from deidflow.header.computed_age import AGE, computed_age
from deidflow.header.content_rules import ContentRules
from deidflow.header.context import HeaderContext
from deidflow.header.element_value import ActionSettings, ElementValue
from deidflow.header.items import Items
from deidflow.header.level import Fate, Level, level_of
from deidflow.header.private import PrivateDecision, PrivateElements
from deidflow.header.private_rules import PrivateRule
from deidflow.header.rule_words import BINARY_TEXT, TRIGGER_TIMES
from deidflow.header.rules import Rule, Rules
from deidflow.header.temporal import moved_pair, partners
from deidflow.header.value_kinds import BINARY, ENCODED, SIZES
from deidflow.verdicts import Reason

TRIGGER_TIME = 0x00181060
_BINARY_REMOVED = Rule("remove", reason=BINARY_TEXT)
_TRIGGER_TIME_KEPT = Rule("keep", reason=TRIGGER_TIMES)
_SIGN_DEPENDENT = frozenset(
    (0x00280106, 0x00280107, 0x00280108, 0x00280109, 0x00280110, 0x00280111, 0x00280120, 0x00280121)
)
_OVERLAY_BIT = 0x60000102
"""Not 0 where an overlay lies in unused bits of the pixels (retired, PS3.3 C.9.2)."""
_NO_VALUE = (UnicodeError, struct.error, ValueError, KeyError, ArithmeticError)
"""Errors of the actions for values that are not valid."""
_SPACE = frozenset(b"AE AS CS DA DS DT IS LO LT PN SH ST TM UC UR UT".split())
"""VRs that are padded with a space (PS3.5 section 6.2)."""


@dataclass
class ElementSplicer:
    """Handles single elements of the headers of one series."""

    rules: Rules
    context: HeaderContext
    explicit_out: bool
    """Whether elements are written as Explicit VR."""
    reserved: frozenset[int]
    """Top-level tags that every header gets: the source's own elements are removed."""
    notes: list[tuple[Level, Fate]] | None = None
    """What is not as before in the items of the last sequences, where somebody wants to know."""
    partners: dict[int, int] = field(init=False)
    """Tags of dates and times that move together, each with its partner."""

    def __post_init__(self) -> None:
        self.partners = partners() if self.rules.dates.mode == "clock" else {}
        self._vrs = dictionary_vrs()
        table = self.rules.content
        self._items = Items(self, ContentRules(table) if table else None)

    def top_level(self, body: bytes, elements: Sequence[Element], *, explicit: bool) -> Level:
        """The level of a whole header."""
        settings = ActionSettings(
            context=self.context,
            dates=self.rules.dates.mode,
            times=self.rules.dates.times,
            multiplicity=dictionary_multiplicity(),
            keep_binary=self.rules.keep_others,
        )
        private = PrivateElements(self.rules, settings)

        return level_of(
            body,
            elements,
            private,
            explicit=explicit,
            depth=0,
        )

    def computed_age(self, level: Level) -> str | None:
        """The age that a header lacks, before birth and study date are removed."""
        return computed_age(
            level.raws,
            self.rules,
            binned=self.context.binned,
        )

    def element(self, level: Level, body: bytes, element: Element) -> bytes:
        """What happens to one element, encoded; empty if it is removed. Raises Withheld."""
        tag = element.tag
        if tag >> 16 & 1:
            return self._private(level, body, element)
        if level.depth == 0 and self._is_replaced(level, tag):
            return b""
        if tag & 0xFF00FFFF == _OVERLAY_BIT:
            self._check_overlay(body[element.value : element.end])

        vr, rule = self.plan(level, tag, element.vr)
        if vr == b"SQ" or element.undefined:
            return self._sequence(
                level,
                body,
                element,
                rule,
            )
        vr = vr or b"UN"
        raw = body[element.value : element.end]
        value = self._value(
            level,
            ElementValue(
                rule,
                tag,
                vr,
                raw,
                level.settings,
            ),
        )
        if value is None:
            return b""
        if element.vr == b"" and level.signed and tag in _SIGN_DEPENDENT:
            vr = b"SS"
        return self.encode(tag, vr, value)

    def encode(self, tag: int, vr: bytes, value: bytes) -> bytes:
        """An element with its value padded to even length."""
        if len(value) & 1:
            value += b" " if vr in _SPACE else b"\0"
        return encoded(
            tag,
            vr,
            value,
            explicit=self.explicit_out,
        )

    def created(self, level: Level, tag: int, text: str) -> bytes:
        """An element that a profile adds."""
        vr = self._vrs.get(tag, b"LO")
        rule = Rule("replace", value=text)
        value = apply(
            ElementValue(
                rule,
                tag,
                vr,
                b"",
                level.settings,
            )
        )
        return self.encode(tag, vr, value or b"")

    def _is_replaced(self, level: Level, tag: int) -> bool:
        """Whether a top-level element is removed because ours takes its place."""
        if tag in self.reserved:
            return True
        return tag == AGE and bool(self.computed_age(level))

    def _check_overlay(self, raw: bytes) -> None:
        """Raises Withheld for an overlay in unused pixel bits that nobody clears."""
        if not self.context.overlay_bits_cleared and raw.strip(b"\0 "):
            raise Withheld(Reason.EMBEDDED_OVERLAY)

    def plan(self, level: Level, tag: int, written: bytes) -> tuple[bytes, Rule]:
        """The VR that counts, and the rule, decided once per level."""
        plan = level.plans.get((tag, written))
        if plan is None:
            plan = self._new_plan(level, tag, written)
            level.plans[tag, written] = plan
        return plan

    def _new_plan(self, level: Level, tag: int, written: bytes) -> tuple[bytes, Rule]:
        listed = self._vrs.get(tag)
        vr = listed if listed and written in (b"", b"UN") else written
        is_text = listed in ENCODED
        if is_text and (vr in SIZES or vr in BINARY):
            return vr, _BINARY_REMOVED
        if tag == TRIGGER_TIME and not self.context.bin_trigger_time:
            return vr, _TRIGGER_TIME_KEPT
        rule = level.rules.for_tag(
            tag,
            vr.decode("ascii"),
            known=listed is not None,
        )
        return vr, rule

    def _value(self, level: Level, value: ElementValue) -> bytes | None:
        """The new value, dates moved with their times; None to remove the element."""
        try:
            if value.rule.action == "date" and value.tag in self.partners:
                moved = self._moved_pair(level, value.tag)
                if moved is not None:
                    return moved
            return apply(value)
        except _NO_VALUE:
            return None

    def _moved_pair(self, level: Level, tag: int) -> bytes | None:
        """A date or time moved together with its partner; None if the partner is not moved."""
        partner = level.rules.for_tag(self.partners[tag], "TM")
        if partner.action != "date":
            return None
        return moved_pair(tag, level.raws, self.context)

    def _sequence(self, level: Level, body: bytes, element: Element, rule: Rule) -> bytes:
        if rule.action not in ("recurse", "keep", "retain", "empty"):
            return b""
        if element.vr in (b"OB", b"OW"):
            return b""
        content = b""
        if rule.action != "empty":
            content = self._items.spliced(level, body, element)
            if not content and self._items.may_not_be_empty(element):
                return b""
        return self.encode(element.tag, b"SQ", content)

    def _private(self, level: Level, body: bytes, element: Element) -> bytes:
        tag = element.tag
        if tag in level.used_creators:
            creator = level.creators[tag >> 16, tag & 0xFF]
            return self.encode(
                tag,
                b"LO",
                creator.encode("latin-1"),
            )
        decision = level.decisions.get(tag)
        if decision is None or (element.vr == b"OB" and element.undefined):
            return b""
        if _is_sequence(element, decision):
            return self._private_sequence(
                level,
                body,
                element,
                decision,
            )

        raw = body[element.value : element.end]
        try:
            kept = level.private.kept(
                decision,
                tag,
                element.vr,
                raw,
            )
        except _NO_VALUE:
            return b""
        if kept is None:
            return b""
        vr, value = kept
        return self.encode(tag, vr, value)

    def _private_sequence(
        self, level: Level, body: bytes, element: Element, decision: PrivateDecision
    ) -> bytes:
        """A private sequence, unless a list says that the element holds something else."""
        if isinstance(decision, PrivateRule) and decision.vr != "SQ":
            return b""
        content = self._items.spliced(level, body, element)
        return self.encode(element.tag, b"SQ", content)


def _is_sequence(element: Element, decision: PrivateDecision) -> bool:
    """Whether a private element is a sequence by its VR, by its length, or by the list."""
    if element.vr == b"SQ" or element.undefined:
        return True
    is_listed = isinstance(decision, PrivateRule) and decision.vr == "SQ"
    return is_listed and element.vr in (b"", b"UN")
