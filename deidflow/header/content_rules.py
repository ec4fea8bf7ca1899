"""Rules for a content item: by its concept name, by the attribute that says the same, by its type.

PS3.15 E.3.4. A text, a name of a person or a date whose concept no table lists is treated as one
that identifies; numbers and codes of such concepts stay, and identifiers in them are searched.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

from deidflow.dicom.dictionary import dictionary_vrs, keyword_tags
from deidflow.header import rule_words as words
from deidflow.header.ages import is_unit
from deidflow.header.content_items import ContentItem
from deidflow.header.content_table import (
    DATES,
    ITEMS,
    VALUES,
    ContentAction,
    ContentTable,
    content_sequences,
    mirrored_attributes,
)
from deidflow.header.rules import Rule, Rules
from deidflow.resources import load_yaml

_NUMERIC_VALUE = 0x0040A30A
_OTHER_NUMBERS = (0x0040A161, 0x0040A162, 0x0040A163)
"""The same number as a float and as a fraction."""
_NO_VALUE = Rule("remove", reason=words.CONTENT_VALUE)
_UNIT_UNKNOWN = Rule("remove", reason=words.CONTENT_UNIT)
_TEXT = Rule("words", fallback="dummy", reason=words.CONTENT_TEXT)
_NAME = Rule("dummy", reason=words.CONTENT_NAME)
_NOTHING_STAYS = frozenset(("remove", "empty", "dummy"))
_CHANGES_NUMBERS = frozenset(("bin", "age"))


class ItemRules(NamedTuple):
    """What becomes of a content item."""

    rules: Rules
    """The rules for what is in it."""
    removed: Rule | None = None
    """Why the item goes as a whole."""


@dataclass
class ContentRules:
    """The rules for the content items of one profile."""

    table: ContentTable
    _known: dict[tuple[int, ContentItem], tuple[Rules, ItemRules]] = field(default_factory=dict)

    def of(self, rules: Rules, item: ContentItem) -> ItemRules:
        """The rules for an item; `rules` are those of the data set around it."""
        key = id(rules), item
        known = self._known.get(key)
        if known is None:
            # The rules are kept with what was made of them, so that nothing else gets their id.
            found = self._of(rules, item)
            known = self._known[key] = rules, found
        return known[1]

    def _of(self, rules: Rules, item: ContentItem) -> ItemRules:
        asked = [
            self.table.action(
                item.concepts,
                value_type,
            )
            for value_type in item.value_types
        ]
        for action in asked:
            if action is not None and action.action == "remove":
                return ItemRules(
                    rules,
                    Rule(
                        "remove",
                        reason=action.reason,
                    ),
                )

        attribute = self._attribute(item)
        if attribute is not None:
            return self._as_attribute(
                rules,
                item,
                attribute,
            )
        with_values = self._with_values(rules, item)
        return ItemRules(with_values)

    def _attribute(self, item: ContentItem) -> str | None:
        mirrored = mirrored_attributes()
        for concept in item.concepts:
            if concept in mirrored:
                return mirrored[concept]
        return None

    def _as_attribute(self, rules: Rules, item: ContentItem, keyword: str) -> ItemRules:
        """The rules for an item that says what an attribute of the header says."""
        tag = keyword_tags()[keyword]
        vr = dictionary_vrs()[tag].decode("ascii")
        rule = rules.for_tag(
            tag,
            vr,
        )
        reason = words.content_of_attribute(keyword)
        if rule.action in _NOTHING_STAYS:
            return ItemRules(
                rules,
                Rule(
                    "remove",
                    reason=f"{reason}; {rule.reason}",
                ),
            )

        rule = replace(
            rule,
            fallback="dummy",
            reason=f"{reason}; {rule.reason}",
        )
        with_values = self._with_values(
            rules,
            item,
        )
        by_tag = dict(with_values.by_tag)
        if "TEXT" in item.value_types:
            by_tag[VALUES["TEXT"][0]] = _TEXT if rule.action in _CHANGES_NUMBERS else rule
        elif rule.action in _CHANGES_NUMBERS:
            number = _in_unit(
                rule,
                keyword,
                item.unit,
            )
            if number is None:
                return ItemRules(
                    rules,
                    _UNIT_UNKNOWN,
                )
            by_tag[_NUMERIC_VALUE] = number
            by_tag.update(
                dict.fromkeys(
                    _OTHER_NUMBERS,
                    _NO_VALUE,
                )
            )
        return ItemRules(
            replace(
                with_values,
                by_tag=by_tag,
            )
        )

    def _with_values(self, rules: Rules, item: ContentItem) -> Rules:
        """Rules of an item's values; for the items inside of it the rules are as around it."""
        by_tag = dict(rules.by_tag)
        for value_type, (tag, vr) in VALUES.items():
            by_tag[tag] = _NO_VALUE
            if value_type in item.value_types:
                action = self.table.action(
                    item.concepts,
                    value_type,
                )
                own = _rule_of_value(rules, value_type, action)
                by_tag[tag] = own or rules.for_tag(tag, vr)

        below = dict(rules.below)
        for sequence in content_sequences():
            below[sequence] = rules.inside(sequence)
        return replace(
            rules,
            by_tag=by_tag,
            below=below,
        )


def _rule_of_value(rules: Rules, value_type: str, action: ContentAction | None) -> Rule | None:
    """The rule for the value of an item; None for that of the attribute itself."""
    is_reduced = action is None or action.action == "words"
    if VALUES[value_type][0] in rules.by_tag and value_type == "TEXT" and is_reduced:
        return None  # the profile names the attribute
    if action is not None:
        is_date = value_type in DATES and action.action != "dummy"
        name = "dummy" if is_date and rules.no_dates else action.action
        return Rule(
            name,
            fallback="dummy",
            reason=action.reason,
        )
    if value_type == "TEXT":
        return _TEXT
    return _NAME if value_type == "PNAME" else None


def _in_unit(rule: Rule, keyword: str, unit: str) -> Rule | None:
    """The rule of an attribute for a number in another unit; None for one that is not known."""
    if rule.action == "age":
        return replace(rule, value=unit) if is_unit(unit) else None
    sizes = load_yaml(ITEMS)["units"].get(keyword, {})
    size = sizes.get(unit)
    if size is None or rule.step is None:
        return None
    return replace(
        rule,
        step=rule.step * Decimal(size),
    )
