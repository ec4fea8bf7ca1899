"""The items of a sequence, each handled as a level of its own; content items by their concept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from deidflow.dicom.elements import Element, NotUnderstood, item
from deidflow.header import rule_words as words
from deidflow.header.content_items import Data, content_item, items_in
from deidflow.header.content_rules import ContentRules, ItemRules
from deidflow.header.content_table import content_sequences
from deidflow.header.content_tree import (
    CONTENT_SEQUENCE,
    DEEPEST,
    NO_RELATIONS,
    TARGET,
    Relations,
    relations_of,
)
from deidflow.header.level import Fate, Level, level_of
from deidflow.header.local_codes import allowed_tags, of_reports, telling_codes
from deidflow.header.notes import differing
from deidflow.header.rules import Rule, Rules

_LOST = Rule("remove", reason=words.CONTENT_TARGET)
_FOREIGN = Rule("remove", reason=words.CONTENT_FOREIGN)
_LOCAL_CODE = Rule("dummy", reason=words.CONTENT_CODE)


class Splicer(Protocol):
    """Handles single elements, and hands the items of their sequences back."""

    explicit_out: bool
    notes: list[tuple[Level, Fate]] | None

    def plan(self, level: Level, tag: int, written: bytes) -> tuple[bytes, Rule]:
        """The VR and the rule of an element."""

    def element(self, level: Level, body: bytes, element: Element) -> bytes:
        """What becomes of an element, encoded."""

    def encode(self, tag: int, vr: bytes, value: bytes) -> bytes:
        """An element with its value."""


@dataclass
class Items:
    """Handles the items of the sequences of one header."""

    splicer: Splicer
    content: ContentRules | None
    """Where structured content is cleaned."""
    relations: Relations = NO_RELATIONS
    """Those of the report at hand."""
    within: int = 0
    """How many sequences of reports are around."""

    def may_not_be_empty(self, element: Element) -> bool:
        """Whether a sequence without items goes as a whole (PS3.3 table C.17-6)."""
        return self.content is not None and element.tag == CONTENT_SEQUENCE

    def spliced(self, level: Level, body: bytes, element: Element) -> bytes:
        """The content of a sequence; raises NotUnderstood, Withheld."""
        if level.depth > DEEPEST:
            raise NotUnderstood
        explicit = level.explicit and element.vr == b"SQ"
        rules = level.rules.inside(element.tag)
        if level.depth == 0:
            self.within = 0
            self.relations = self._relations(
                body,
                element,
                rules,
                explicit,
            )

        is_report = self.content is not None and element.tag in of_reports()
        self.within += is_report
        items = self._items(
            level,
            body,
            element,
            rules,
            explicit,
        )
        content = b"".join(items)
        self.within -= is_report
        return content

    def _items(
        self, level: Level, body: bytes, element: Element, rules: Rules, explicit: bool
    ) -> Iterator[bytes]:
        is_content = element.tag in content_sequences()
        places = items_in(body, element, explicit=explicit)
        for number, (start, data) in enumerate(places, 1):
            found = self._item_rules(rules, data, start) if is_content else ItemRules(rules)
            inner = self._level(level, data, found.rules)
            inner.place = level, element.tag, number

            contents = self._contents(
                inner,
                data,
                found.removed,
                start,
            )
            self._note(inner, data, contents)
            if found.removed is None:
                yield item(b"".join(contents))

    def _relations(self, body: bytes, element: Element, rules: Rules, explicit: bool) -> Relations:
        if self.content is None or element.tag != CONTENT_SEQUENCE:
            return NO_RELATIONS
        return relations_of(
            body,
            element,
            lambda data: self._item_rules(rules, data).removed is not None,
            explicit=explicit,
        )

    def _item_rules(self, rules: Rules, data: Data, start: int = -1) -> ItemRules:
        """What becomes of a content item that starts at a place."""
        if self.content is None:
            return ItemRules(rules)
        if start in self.relations.lost:
            return ItemRules(rules, _LOST)
        return self.content.of(rules, content_item(data))

    def _level(self, level: Level, data: Data, rules: Rules) -> Level:
        inner = level_of(
            data.body,
            data.elements,
            replace(level.private, rules=rules),
            explicit=data.explicit,
            depth=level.depth + 1,
        )
        inner.signed = inner.signed or level.signed
        return inner

    def _contents(self, level: Level, data: Data, removed: Rule | None, start: int) -> list[bytes]:
        """What becomes of the elements of an item."""
        if removed is not None:
            return [self._replaced(level, element, removed) for element in data.elements]

        target = self.relations.targets.get(start)
        scrubber = level.settings.context.scrubber
        telling = telling_codes(data, scrubber) if self.within else frozenset()
        contents = []
        for element in data.elements:
            if element.tag == TARGET and target is not None:
                content = self.splicer.encode(TARGET, b"UL", target)
            elif self.within and _is_foreign(element.tag):
                content = self._replaced(level, element, _FOREIGN)
            elif element.tag in telling:
                content = self._replaced(level, element, _LOCAL_CODE, b"REMOVED")
            else:
                content = self.splicer.element(level, data.body, element)
            contents.append(content)
        return contents

    def _replaced(
        self, level: Level, element: Element, rule: Rule, value: bytes | None = None
    ) -> bytes:
        """Another value for an element, or none, which the audit explains by a rule."""
        vr, _ = self.splicer.plan(level, element.tag, element.vr)
        level.plans[element.tag, element.vr] = vr, rule
        if value is None:
            return b""
        return self.splicer.encode(element.tag, vr, value)

    def _note(self, level: Level, data: Data, contents: Sequence[bytes]) -> None:
        """Keep what is not as before, where somebody wants to know."""
        if self.splicer.notes is None:
            return
        self.splicer.notes += differing(
            level,
            data.body,
            data.elements,
            contents,
            explicit=self.splicer.explicit_out,
        )


def _is_foreign(tag: int) -> bool:
    """Whether a standard attribute is not one of reports; private ones have rules of their own."""
    return not tag >> 16 & 1 and tag not in allowed_tags()
