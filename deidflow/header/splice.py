"""De-identification of a header as bytes: kept elements are copied, changed ones written anew, no data set objects.

Recursive into every sequence (PS3.15 annex E). What repeats through a series is handled once
(`dicom/repeats.py`). What is not understood raises NotUnderstood; `header/normalise.py` has pydicom read such
a file and write it anew, and it comes here again: one set of rules, the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deidflow.dicom.character_sets import CHARSET, encodings_of
from deidflow.dicom.dictionary import dictionary_multiplicity, dictionary_vrs
from deidflow.dicom.elements import Element, NotUnderstood, encoded, item
from deidflow.dicom.spare_bits import TAGS as SPARE_BITS
from deidflow.dicom.walk import elements_of, items_of
from deidflow.errors import Withheld
from deidflow.header.actions import BINARY, ENCODED, SIZES, Actions
from deidflow.header.context import HeaderContext
from deidflow.header.private import PrivateDecision, PrivateElements
from deidflow.header.rules import REMOVE, PrivateRule, Rule, Rules
from deidflow.header.temporal import moved_pair, partners
from deidflow.header.values import age_from, limit_age, parse_age, parse_zone
from deidflow.verdicts import Reason

_TRIGGER_TIME, _AGE, _BIRTH_DATE, _STUDY_DATE = 0x00181060, 0x00101010, 0x00100030, 0x00080020
_STUDY_TIME, _ZONE = 0x00080030, 0x00080201
_PIXEL_REPRESENTATION, _EXTENT = 0x00280103, (0x00280008, 0x00280010, 0x00280011)
_SIGN_DEPENDENT = frozenset(
    (0x00280106, 0x00280107, 0x00280108, 0x00280109, 0x00280110, 0x00280111, 0x00280120, 0x00280121)
)
_OVERLAY_BIT = (
    0x60000102  # not 0 where an overlay lies in unused bits of the pixels (retired in PS3.3 C.9.2)
)
_DEPTH = 32
_REMEMBERED = 50_000
_NO_VALUE = (UnicodeError, struct.error, ValueError, KeyError, ArithmeticError)
"""What the actions raise for a value that is none."""
_SPACE = frozenset(b"AE AS CS DA DS DT IS LO LT PN SH ST TM UC UR UT".split())


@dataclass
class Level:
    """What the handling of an element needs to know of the data set that it stands in."""

    explicit: bool
    depth: int
    raws: dict[int, bytes]
    """Values of dates, times and what the age is computed from."""
    creators: dict[tuple[int, int], str]
    private: PrivateElements
    fates: dict[int, PrivateDecision] = field(default_factory=dict)
    used_creators: set[int] = field(default_factory=set)
    """Tags of creators of which any element may stay."""
    plans: dict[tuple[int, bytes], tuple[bytes, Rule]] = field(default_factory=dict)
    """VR and rule of elements, by tag and VR as written."""
    signed: bool = False
    """Whether pixel values are signed: the VR of some attributes depends on it (PS3.5 annex A.1)."""
    before: int = 0

    @property
    def actions(self) -> Actions:
        """What changes values here."""
        return self.private.actions


Memory = dict[tuple[bytes, bytes, tuple[bool, ...]], bytes]


@dataclass
class Splicer:
    """Handles the headers of one series and one encoding."""

    rules: Rules
    context: HeaderContext
    explicit: bool
    """Whether the headers at hand are Explicit VR."""
    explicit_out: bool
    """Whether they are written as Explicit VR."""
    markers: Sequence[tuple[int, bytes, bytes | None]] = ()
    """Tag, VR and value of elements that every header gets; the source's own of these tags go."""
    memory: Memory = field(default_factory=dict)
    """What became of elements before, for one context, by their bytes and character set."""
    _pending: dict[int, Element] = field(default_factory=dict)

    fixed = frozenset(
        (
            CHARSET,
            _ZONE,
            _AGE,
            _BIRTH_DATE,
            _STUDY_DATE,
            _STUDY_TIME,
            _PIXEL_REPRESENTATION,
            *_EXTENT,
            *SPARE_BITS,
        )
    )

    def __post_init__(self) -> None:
        self.together = partners() if self.rules.dates.mode == "clock" else {}
        self._vrs, self._multiplicity = dictionary_vrs(), dictionary_multiplicity()
        self._own = {tag for tag, _, _ in self.markers}

    # the handler of dicom/repeats.py

    def learn(self, body: bytes, elements: Sequence[Element]) -> Level:
        """The level of a header."""
        rules = self.rules
        actions = Actions(
            self.context, rules.dates.mode, rules.dates.times, self._multiplicity, rules.keep_others
        )
        return self._level(body, elements, PrivateElements(rules, actions), self.explicit, 0)

    def run(self, known: Level, body: bytes, elements: Sequence[Element], before: int) -> bytes:
        """What repeats, and the markers that belong before the tag `before`."""
        after, known.before = known.before, before
        made = [(element.tag, self._remembered(known, body, element)) for element in elements]
        made += [(tag, one) for tag, one in self._added(known) if after <= tag < before]
        return b"".join(content for _, content in sorted(made))

    def vary(self, known: Level, body: bytes, element: Element) -> bytes | int:
        """An element that varies; its tag instead where its partner must be known first."""
        if element.tag in self.together:
            self._pending[element.tag] = element
            return element.tag
        return self.element(known, body, element)

    def finish(self, known: Level, body: bytes, pieces: list[Any]) -> list[bytes]:
        """The pieces, with dates and times that vary moved together."""
        if not self._pending:
            return pieces
        for tag, one in self._pending.items():
            known.raws[tag] = body[one.value : one.end]
        done = [
            self.element(known, body, self._pending[one]) if isinstance(one, int) else one
            for one in pieces
        ]
        self._pending.clear()
        return done

    def _remembered(self, known: Level, body: bytes, element: Element) -> bytes:
        """As `element`, with what became of the same bytes in an earlier series of the study."""
        if element.tag >> 16 & 1 or element.tag in self.together or element.tag == _TRIGGER_TIME:
            return self.element(known, body, element)
        state = self.context.bin_trigger_time, known.signed, self.explicit_out
        shared = known.raws.get(CHARSET, b"") + b"|" + known.raws.get(_ZONE, b"")
        key = body[element.start : element.end], shared, state
        if key not in self.memory:
            if len(self.memory) > _REMEMBERED:
                self.memory.clear()
            self.memory[key] = self.element(known, body, element)
        return self.memory[key]

    def _added(self, known: Level) -> Iterator[tuple[int, bytes]]:
        for tag, vr, marker in self.markers:
            if marker is not None:
                yield tag, self._encode(tag, vr, marker)
        for tag, text in self.rules.created.items():
            if tag not in known.raws and tag not in self._own:
                vr = self._vrs.get(tag, b"LO")
                value = known.actions.apply(Rule("replace", value=text), tag, vr, b"")
                yield tag, self._encode(tag, vr, value or b"")
        age = self._computed_age(known)
        if age:
            yield _AGE, self._encode(_AGE, b"AS", age.encode("ascii"))

    def _computed_age(self, known: Level) -> str | None:
        """A missing age, before birth and study date are gone."""
        if _has_age(known.raws) or self.rules.for_tag(_AGE, "AS").action != "age":
            return None
        texts = (
            known.raws.get(tag, b"").decode("ascii", "replace").strip("\0 ")
            for tag in (_BIRTH_DATE, _STUDY_DATE)
        )
        age = age_from(*texts)
        return limit_age(age, binned=self.context.binned) if age else None

    # levels

    def _level(
        self,
        body: bytes,
        elements: Sequence[Element],
        private: PrivateElements,
        explicit: bool,
        depth: int,
    ) -> Level:
        raws = {one.tag: body[one.value : min(one.end, one.value + 256)] for one in elements}
        if CHARSET in raws:
            codecs = tuple(encodings_of(raws[CHARSET].decode("ascii", "replace")))
            context = replace(private.actions.context, charset=codecs)
            private = replace(private, actions=replace(private.actions, context=context))
        if _ZONE in raws:
            zone = parse_zone(raws[_ZONE].decode("ascii", "replace").strip("\0 "))
            context = replace(private.actions.context, zone=zone)
            private = replace(private, actions=replace(private.actions, context=context))
        level = Level(explicit, depth, raws, _creators(raws), private)
        level.signed = raws.get(_PIXEL_REPRESENTATION, b"") == b"\1\0"
        for element in elements:
            if element.tag >> 16 & 1:
                self._decide(level, element.tag)
        return level

    def _decide(self, level: Level, tag: int) -> None:
        group, number = tag >> 16, tag & 0xFFFF
        creator = level.creators.get((group, number >> 8), "")
        fate = (
            level.private.fate(group, creator, number & 0xFF)
            if number >= 0x1000 and creator
            else None
        )
        if fate == "searched" and self.context.scrubber.finds(creator):
            fate = None
        level.fates[tag] = fate
        if fate is not None:
            level.used_creators.add(group << 16 | number >> 8)

    def _items(self, level: Level, body: bytes, element: Element, explicit: bool) -> bytes:
        """The content of a sequence, its items handled each as a level of its own."""
        if level.depth > _DEPTH:
            raise NotUnderstood
        private = replace(level.private, rules=level.private.rules.inside(element.tag))
        parts = []
        for start, end in items_of(body, element, explicit=explicit):
            elements = elements_of(body, start, end, explicit=explicit)
            inner = self._level(body, elements, private, explicit, level.depth + 1)
            inner.signed = inner.signed or level.signed
            parts.append(item(b"".join(self.element(inner, body, one) for one in elements)))
        return b"".join(parts)

    # elements

    def element(self, level: Level, body: bytes, element: Element) -> bytes:
        """What becomes of one element, encoded; empty where it goes."""
        tag = element.tag
        if tag >> 16 & 1:
            return self._private(level, body, element)
        if level.depth == 0 and (tag in self._own or (tag == _AGE and self._computed_age(level))):
            return b""
        embedded = tag & 0xFF00FFFF == _OVERLAY_BIT and not self.context.overlay_bits_cleared
        if embedded and body[element.value : element.end].strip(b"\0 "):
            raise Withheld(Reason.EMBEDDED_OVERLAY)
        plan = level.plans.get((tag, element.vr))
        if plan is None:
            plan = level.plans[tag, element.vr] = self._plan(level, tag, element.vr)
        vr, rule = plan
        if vr == b"SQ" or element.undefined:
            return self._sequence(level, body, element, rule)
        value = self._value(level, rule, tag, vr or b"UN", body[element.value : element.end])
        if value is None:
            return b""
        if element.vr == b"" and level.signed and tag in _SIGN_DEPENDENT:
            vr = b"SS"
        return self._encode(tag, vr or b"UN", value)

    def _value(self, level: Level, rule: Rule, tag: int, vr: bytes, raw: bytes) -> bytes | None:
        try:
            if rule.action == "date" and tag in self.together:
                other = level.private.rules.for_tag(self.together[tag], "TM")
                moved = (
                    moved_pair(tag, level.raws, self.context) if other.action == "date" else None
                )
                if moved is not None:
                    return moved
            return level.actions.apply(rule, tag, vr, raw)
        except _NO_VALUE:
            return None

    def _plan(self, level: Level, tag: int, written: bytes) -> tuple[bytes, Rule]:
        """The VR that counts, and the rule; text under a numeric VR is not understood and goes."""
        known = self._vrs.get(tag)
        vr = known if known and written in (b"", b"UN") else written
        rule = self._rule(level, tag, vr, known is not None)
        return vr, REMOVE if known in ENCODED and (vr in SIZES or vr in BINARY) else rule

    def _rule(self, level: Level, tag: int, vr: bytes, known: bool) -> Rule:
        if tag == _TRIGGER_TIME and not self.context.bin_trigger_time:
            return Rule("keep")
        return level.private.rules.for_tag(tag, vr.decode("ascii"), known=known)

    def _sequence(self, level: Level, body: bytes, element: Element, rule: Rule) -> bytes:
        if rule.action not in ("recurse", "keep", "retain", "empty") or element.vr in (
            b"OB",
            b"OW",
        ):
            return b""
        explicit = level.explicit and element.vr == b"SQ"
        content = b"" if rule.action == "empty" else self._items(level, body, element, explicit)
        return self._encode(element.tag, b"SQ", content)

    def _private(self, level: Level, body: bytes, element: Element) -> bytes:
        tag = element.tag
        if tag in level.used_creators:
            return self._encode(tag, b"LO", level.creators[tag >> 16, tag & 0xFF].encode("latin-1"))
        fate = level.fates.get(tag)
        if fate is None or (element.vr == b"OB" and element.undefined):
            return b""
        asked = fate.vr.encode("ascii") if isinstance(fate, PrivateRule) else element.vr
        if (
            element.vr == b"SQ"
            or element.undefined
            or (asked == b"SQ" and element.vr in (b"", b"UN"))
        ):
            if isinstance(fate, PrivateRule) and asked != b"SQ":
                return b""
            return self._encode(
                tag,
                b"SQ",
                self._items(level, body, element, level.explicit and element.vr == b"SQ"),
            )
        try:
            kept = level.private.value(fate, tag, element.vr, body[element.value : element.end])
        except _NO_VALUE:
            return b""
        return b"" if kept is None else self._encode(tag, *kept)

    def _encode(self, tag: int, vr: bytes, value: bytes) -> bytes:
        if len(value) & 1:
            value += b" " if vr in _SPACE else b"\0"
        return encoded(tag, vr, value, explicit=self.explicit_out)


def _has_age(raws: Mapping[int, bytes]) -> bool:
    """Whether a header states an age that can be read; 0 years stand for none."""
    age = parse_age(raws.get(_AGE, b"").decode("ascii", "replace").strip("\0 "))
    return age not in (None, (0, "Y"))


def _creators(raws: Mapping[int, bytes]) -> dict[tuple[int, int], str]:
    """(group, block) -> name of the private creator (PS3.5 section 7.8.1)."""
    return {
        (tag >> 16, tag & 0xFF): raw.strip(b"\0 ").decode("latin-1")
        for tag, raw in raws.items()
        if tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF and raw.strip(b"\0 ")
    }
