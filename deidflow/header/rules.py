"""From a profile to one action for each tag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache

from deidflow.header import rule_words as words
from deidflow.header.content_table import ContentTable, content_table
from deidflow.header.private_rules import PrivateKey, PrivateRule, private_rules
from deidflow.header.profile import ActionName, Dates, Deviation, Profile
from deidflow.header.selectors import Selector, parse_selector, tag_of
from deidflow.header.table import (
    TEMPORAL,
    Row,
    date_fallback,
    deciding_option,
    listed_action,
    listed_attributes,
    removing_action,
)
from deidflow.resources import load_yaml

_DATELESS = frozenset(("remove", "empty", "dummy", "replace", "retain"))
"""Actions that leave nothing of a date, or that were asked for by name."""
_REVEALING = frozenset(("keep", "recurse", "words", "date", "age", "bin"))
"""Actions that leave something of a value."""
_ALWAYS_ABSENT = frozenset((0x0000, 0x0002, 0x0004, 0x7FE0, 0xFFFA, 0xFFFC))
"""Command sets, file meta, directories, nested pixel data, signatures, padding."""
_CURVES, _OVERLAYS = range(0x5000, 0x5100), range(0x6000, 0x6100)
_ACTION_BY_VR: dict[str, ActionName] = {
    "SQ": "recurse",
    "UI": "uid",
    "PN": "empty",
    "AE": "remove",
    "UR": "remove",
    "LT": "words",
    "ST": "words",
    "UT": "words",
    "UC": "words",
}
"""Actions for attributes that the table does not name; all others are kept."""
_ACTION_BY_DATES: dict[str, ActionName] = {"shift": "date", "keep": "keep"}
"""The same for dates and times, by the profile's mode; all others are removed."""


@dataclass(frozen=True)
class Rule:
    """The action for one attribute, with what the action needs."""

    action: ActionName
    step: Decimal | None = None
    fallback: ActionName = "remove"
    """For a date that cannot be moved, or a text of which no word may stay."""
    value: str = ""
    reason: str = field(default="", compare=False)
    """The line of the table or the profile that asks for it."""


REMOVE, _RECURSE = Rule("remove"), Rule("recurse")
_ABSENT = Rule("remove", reason=words.ABSENT)
_NO_DATES = Rule("remove", reason=words.category("dates"))
_UNKNOWN = Rule("remove", reason=words.UNKNOWN)


@dataclass(frozen=True)
class Rules:
    """A compiled profile: tag -> rule for listed attributes, and rules by VR for the others."""

    by_tag: dict[int, Rule]
    masks: tuple[tuple[int, int, Rule], ...]
    """Bits, value and rule of families: a tag belongs to one if `tag & bits == value`."""
    private: dict[PrivateKey, PrivateRule]
    chosen_private: dict[PrivateKey, Rule]
    """Private elements that somebody named."""
    below: dict[int, Rules]
    """Other rules inside a sequence."""
    dates: Dates
    keep_others: bool
    """Whether what nothing names is kept, unknown and private elements too."""
    keep_private: bool
    scrub_csa: bool
    no_dates: bool = False
    """Whether every DA, TM and DT is removed, whatever else is said of it."""
    created: dict[int, str] = field(default_factory=dict)
    """Attributes that every header gets, with their values."""
    content: ContentTable | None = None
    """What becomes of content items, where a profile says that they are cleaned."""

    def for_tag(self, tag: int, vr: str, *, known: bool = True) -> Rule:
        """The rule of a standard attribute; `known` is whether the data dictionary has it."""
        rule = self.by_tag.get(tag)
        if self.no_dates and vr in TEMPORAL:
            return rule if rule and rule.action in _DATELESS else _NO_DATES
        rule = rule or self._masked(tag)
        if rule is not None:
            return rule

        if _is_always_absent(tag):
            return _ABSENT
        if self.keep_others:
            return Rule("recurse" if vr == "SQ" else "keep", reason=words.OTHERS_KEPT)
        return self._unlisted(vr) if known else _UNKNOWN

    def inside(self, tag: int) -> Rules:
        """The rules for the items of a sequence."""
        return self.below.get(tag, self)

    def _masked(self, tag: int) -> Rule | None:
        for bits, value, rule in self.masks:
            if tag & bits == value:
                return rule
        return None

    def _unlisted(self, vr: str) -> Rule:
        """The rule for an attribute that the table does not name."""
        if vr in TEMPORAL:
            action = _ACTION_BY_DATES.get(self.dates.mode, "remove")
        else:
            action = _ACTION_BY_VR.get(vr, "keep")
        return Rule(action, reason=words.unlisted(vr))


def _is_always_absent(tag: int) -> bool:
    """Whether a tag is a group length or of a group that no released header has."""
    group = tag >> 16
    if group in _ALWAYS_ABSENT or tag & 0xFFFF == 0:
        return True
    return group in _CURVES or group in _OVERLAYS


def compile_profile(profile: Profile) -> Rules:
    """Resolve the table's codes, the declared options and the deviations (PS3.15 E.1, E.3)."""
    return _compiled(profile.model_dump_json())


@lru_cache(maxsize=16)
def _compiled(text: str) -> Rules:
    profile = Profile.model_validate_json(text)
    rules = Rules(
        by_tag=_rules_by_tag(profile),
        masks=(),
        private=private_rules(profile),
        chosen_private={},
        below={},
        dates=profile.dates,
        keep_others=profile.base == "none",
        keep_private="all" in profile.private,
        scrub_csa=profile.csa == "scrub",
        no_dates=profile.categories.get("dates", False),
        content=content_table(profile),
    )
    for deviation in profile.deviations:
        rules = _deviating(rules, deviation)

    return rules


def _rules_by_tag(profile: Profile) -> dict[int, Rule]:
    """The rules of the table, the kept dates and the categories."""
    by_tag = from_table(profile) if profile.base == "ps315" else {}
    for keyword in profile.dates.keep:
        tag = tag_of(keyword)
        listed = by_tag.get(tag, REMOVE)
        by_tag[tag] = replace(listed, action="date", reason=words.DATE_KEPT)
    for category, is_removed in sorted(profile.categories.items()):
        changed = _removed(category, by_tag) if is_removed else _retained(category)
        by_tag.update(changed)
    return by_tag


def from_table(profile: Profile) -> dict[int, Rule]:
    """Tag -> rule of every attribute of Table E.1-1 under the declared options."""
    by_tag: dict[int, Rule] = {}
    for tag, row in listed_attributes():
        action = listed_action(row, profile)
        by_tag[tag] = Rule(
            action,
            fallback=date_fallback(row),
            reason=words.listed(row, deciding_option(row, profile)),
        )
    return by_tag


def category_tags(category: str) -> Iterator[int]:
    """The tags of a category of `configs/standard/categories.yaml`."""
    for line in load_yaml("standard/categories.yaml")[category]:
        for name in str(line).split():
            yield tag_of(name)


def _retained(category: str) -> dict[int, Rule]:
    """The rules of a category that is switched off: its attributes stay."""
    rows = dict(listed_attributes())
    reason = words.category(category)
    by_tag: dict[int, Rule] = {}
    for tag in category_tags(category):
        row = rows.get(tag)
        is_sequence = row is not None and row["vr"] == "SQ"
        by_tag[tag] = Rule("recurse" if is_sequence else "retain", reason=reason)
    return by_tag


def _removed(category: str, by_tag: dict[int, Rule]) -> dict[int, Rule]:
    """The rules of a category that is removed: what would stay gets the basic action."""
    rows = dict(listed_attributes())
    reason = words.category(category)
    removed: dict[int, Rule] = {}
    for tag in category_tags(category):
        rule = by_tag.get(tag)
        if rule is None or rule.action in _REVEALING:
            removed[tag] = Rule(_removing(rows.get(tag)), fallback="empty", reason=reason)
    if category != "dates":
        return removed

    for tag, row in rows.items():
        if row["vr"] in TEMPORAL:
            removed[tag] = Rule(removing_action(row), reason=reason)
    return removed


def _removing(row: Row | None) -> ActionName:
    return removing_action(row) if row else "remove"


def _deviating(rules: Rules, deviation: Deviation) -> Rules:
    """The rules with one deviation."""
    selector = parse_selector(deviation.attribute)
    rule = Rule(
        action=deviation.action,
        step=Decimal(deviation.step) if deviation.step else None,
        fallback=deviation.fallback,
        value=deviation.value,
        reason=words.deviation(deviation),
    )
    changed = _placed(rules, selector, rule)
    if not deviation.create or selector.tag is None or selector.path:
        return changed
    created = {**rules.created, selector.tag: deviation.value}
    return replace(changed, created=created)


def _placed(rules: Rules, selector: Selector, rule: Rule) -> Rules:
    """The rules with one more, at the top or inside the sequences of the selector's path."""
    if selector.path:
        return _placed_inside(rules, selector, rule)
    below = {}
    for tag, inner in rules.below.items():
        below[tag] = _placed(inner, selector, rule)
    if selector.private is not None:
        chosen = {**rules.chosen_private, selector.private: rule}
        return replace(rules, chosen_private=chosen, below=below)
    if selector.tag is not None:
        by_tag = {**rules.by_tag, selector.tag: rule}
        return replace(rules, by_tag=by_tag, below=below)

    if selector.mask is None:
        raise ValueError("a selector names a tag, a family of tags or a private element")
    bits, value = selector.mask
    by_tag = {}
    for tag, known in rules.by_tag.items():
        if tag & bits != value:
            by_tag[tag] = known
    masks = ((bits, value, rule), *rules.masks)
    return replace(
        rules,
        by_tag=by_tag,
        masks=masks,
        below=below,
    )


def _placed_inside(rules: Rules, selector: Selector, rule: Rule) -> Rules:
    """The rules with one more inside of a sequence, which is opened for it."""
    outer, *path = selector.path
    nested = replace(selector, path=tuple(path))
    inner = _placed(
        rules.inside(outer),
        nested,
        rule,
    )
    by_tag = dict(rules.by_tag)
    if outer not in rules.below:
        by_tag[outer] = _RECURSE

    return replace(
        rules,
        below={**rules.below, outer: inner},
        by_tag=by_tag,
    )
