"""What the handling of an element needs to know of the data set that holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from deidflow.dicom.character_sets import CHARSET, encodings_of
from deidflow.dicom.elements import Element
from deidflow.header.element_value import ActionSettings
from deidflow.header.private import PrivateAction, PrivateDecision, PrivateElements
from deidflow.header.rules import Rule, Rules
from deidflow.header.values import parse_zone

ZONE, PIXEL_REPRESENTATION = 0x00080201, 0x00280103
_READ = 256
"""Bytes of a value that are kept to decide on other elements."""


class Fate(NamedTuple):
    """One element before and after."""

    tag: int
    before: bytes
    """As in the source, with its head; empty where the source lacks it."""
    value: int
    """Where its value starts."""
    after: bytes
    """As in the output; empty where it was removed."""
    notes: Notes = ()
    """Of a sequence: what is not as before in its items, each with its level."""


Notes = tuple[tuple["Level", Fate], ...]


@dataclass
class Level:
    """A data set: the header itself or an item of a sequence."""

    explicit: bool
    """Whether it is in Explicit VR."""
    depth: int
    raws: dict[int, bytes]
    """How the values begin, by tag."""
    creators: dict[tuple[int, int], str]
    private: PrivateElements
    decisions: dict[int, PrivateDecision] = field(default_factory=dict)
    """What decides on each private element, by tag."""
    used_creators: set[int] = field(default_factory=set)
    """Tags of creators with elements that may be kept."""
    plans: dict[tuple[int, bytes], tuple[bytes, Rule]] = field(default_factory=dict)
    """VR and rule of elements, by tag and VR as written."""
    signed: bool = False
    """Whether pixel values are signed, on which the VR of some attributes depends (PS3.5 A.1)."""
    before: int = 0
    """Markers of smaller tags have been written."""
    fates: list[Fate] = field(default_factory=list)
    """What became of the elements that repeat in the series, where somebody wants to know."""
    place: tuple[Level, int, int] | None = None
    """Of an item: the level and the tag of its sequence, and its number there."""
    path: str = ""
    """Of an item: its place in words, once somebody asked."""
    record: str = ""
    """The name by which an audit knows the level."""

    @property
    def settings(self) -> ActionSettings:
        """What the actions need to know here."""
        return self.private.settings

    @property
    def rules(self) -> Rules:
        """The rules that apply here."""
        return self.private.rules


def level_of(
    body: bytes,
    elements: Sequence[Element],
    private: PrivateElements,
    *,
    explicit: bool,
    depth: int,
) -> Level:
    """The level of some elements; its character set and zone replace those of the level above."""
    raws = {element.tag: _beginning(body, element) for element in elements}
    level = Level(
        explicit=explicit,
        depth=depth,
        raws=raws,
        creators=_creators(raws),
        private=_localised(private, raws),
        signed=raws.get(PIXEL_REPRESENTATION) == b"\1\0",
    )
    for element in elements:
        if element.tag >> 16 & 1:
            _decide(level, element.tag)

    return level


def _beginning(body: bytes, element: Element) -> bytes:
    end = min(element.end, element.value + _READ)
    return body[element.value : end]


def _localised(private: PrivateElements, raws: Mapping[int, bytes]) -> PrivateElements:
    """With the character set and the time zone that a data set states."""
    if CHARSET not in raws and ZONE not in raws:
        return private

    context = private.settings.context
    if CHARSET in raws:
        charset = raws[CHARSET].decode("ascii", "replace")
        context = replace(
            context,
            charset=tuple(encodings_of(charset)),
        )
    if ZONE in raws:
        zone = raws[ZONE].decode("ascii", "replace")
        context = replace(
            context,
            zone=parse_zone(zone.strip("\0 ")),
        )
    settings = replace(private.settings, context=context)
    return replace(private, settings=settings)


def _creators(raws: Mapping[int, bytes]) -> dict[tuple[int, int], str]:
    """(group, block) -> name of the private creator (PS3.5 section 7.8.1)."""
    creators: dict[tuple[int, int], str] = {}
    for tag, raw in raws.items():
        group, number = tag >> 16, tag & 0xFFFF
        if not group & 1 or not 0x10 <= number <= 0xFF:
            continue
        name = raw.strip(b"\0 ")
        if name:
            creators[group, number] = name.decode("latin-1")
    return creators


def _decide(level: Level, tag: int) -> None:
    """Note what happens to a private element, and that its creator is needed."""
    group, number = tag >> 16, tag & 0xFFFF
    creator = level.creators.get((group, number >> 8), "")
    decision: PrivateDecision = None
    if number >= 0x1000 and creator:
        decision = level.private.decision(
            group,
            creator,
            number & 0xFF,
        )

    if decision is PrivateAction.SEARCH:
        scrubber = level.settings.context.scrubber
        decision = None if scrubber.finds(creator) else decision
    level.decisions[tag] = decision
    if decision is not None:
        level.used_creators.add(group << 16 | number >> 8)
