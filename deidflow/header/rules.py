"""From a profile to one action for each tag."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache

from deidflow.header.profile import OPTION_COLUMNS, ActionName, Dates, Deviation, Profile
from deidflow.header.selectors import parse_selector, tag_of
from deidflow.resources import load_table, load_yaml

TABLE = "standard/ps315_e1_2026d.csv"
_HEXADECIMAL = re.compile(r"[0-9A-F]{8}")
_TEMPORAL = frozenset(("DA", "TM", "DT"))
_DATELESS = frozenset(("remove", "empty", "dummy", "replace", "retain"))
"""What leaves nothing of a date, or was asked for by name."""
_ALWAYS_ABSENT = frozenset((0x0000, 0x0002, 0x0004, 0x7FE0, 0xFFFA, 0xFFFC))
"""Command sets, file meta, directories, pixel data wherever they are nested, signatures, padding."""


@dataclass(frozen=True)
class Rule:
    """The action for one attribute, with what the action needs."""

    action: ActionName
    step: Decimal | None = None
    fallback: ActionName = "remove"
    """What becomes of a date that cannot be moved, or of a text of which no word may stay."""
    value: str = ""


@dataclass(frozen=True)
class PrivateRule:
    """A private element that may stay: its VR, how many values, and the code words it may hold.

    `words` None means numbers, or text where `numbers_only` is not set.
    """

    vr: str
    words: frozenset[str] | None
    numbers_only: bool
    most: int


REMOVE = Rule("remove")


@dataclass(frozen=True)
class Rules:
    """A compiled profile: tag -> rule for listed attributes, and rules by VR for the others."""

    by_tag: dict[int, Rule]
    masks: tuple[tuple[int, int, Rule], ...]
    private: dict[tuple[int, str, int], PrivateRule]
    chosen_private: dict[tuple[int, str, int], Rule]
    """Private elements that somebody named."""
    below: dict[int, Rules]
    """Other rules inside a sequence."""
    dates: Dates
    keep_others: bool
    """Whether what nothing names is kept, unknown and private elements too."""
    keep_private: bool
    scrub_csa: bool
    no_dates: bool = False
    """Whether every DA, TM and DT goes, whatever else is said of it."""
    created: dict[int, str] = field(default_factory=dict)
    """Attributes that every header gets, with their values."""

    def for_tag(self, tag: int, vr: str, *, known: bool = True) -> Rule:
        """The rule of a standard attribute; `known` says whether the data dictionary has it."""
        rule = self.by_tag.get(tag)
        if self.no_dates and vr in _TEMPORAL:
            return rule if rule and rule.action in _DATELESS else Rule("remove")
        if rule is None:
            rule = next((one for bits, value, one in self.masks if tag & bits == value), None)
        if rule is not None:
            return rule
        group = tag >> 16
        if (
            group in _ALWAYS_ABSENT
            or 0x5000 <= group < 0x5100
            or 0x6000 <= group < 0x6100
            or tag & 0xFFFF == 0
        ):
            return REMOVE
        if self.keep_others:
            return Rule("recurse" if vr == "SQ" else "keep")
        return Rule(_unlisted(vr, self.dates.mode)) if known else REMOVE

    def inside(self, tag: int) -> Rules:
        """The rules for the items of a sequence."""
        return self.below.get(tag, self)


@lru_cache(maxsize=8)
def listed_attributes() -> tuple[tuple[int, dict[str, str]], ...]:
    """Tag and row of every attribute of Table E.1-1 that has one tag."""
    rows = load_table(TABLE)
    return tuple((int(row["tag"], 16), row) for row in rows if _HEXADECIMAL.fullmatch(row["tag"]))


def compile_profile(profile: Profile) -> Rules:
    """Resolve the table's codes, the declared options and the deviations (PS3.15 E.1, E.3)."""
    return _compiled(profile.model_dump_json())


@lru_cache(maxsize=16)
def _compiled(text: str) -> Rules:
    profile = Profile.model_validate_json(text)
    by_tag = dict(from_table(profile)) if profile.base == "ps315" else {}
    for keyword in profile.dates.keep:
        known = by_tag.get(tag_of(keyword), Rule("date"))
        by_tag[tag_of(keyword)] = replace(known, action="date")
    for category, on in sorted(profile.categories.items()):
        by_tag |= _category(category, on, by_tag, profile)
    rules = Rules(
        by_tag=by_tag,
        masks=(),
        private=_private_rules(profile),
        chosen_private={},
        below={},
        dates=profile.dates,
        keep_others=profile.base == "none",
        keep_private="all" in profile.private,
        scrub_csa=profile.csa == "scrub",
        no_dates=bool(profile.categories.get("dates")),
    )
    for deviation in profile.deviations:
        rules = _with(rules, deviation)
    return rules


def _with(rules: Rules, deviation: Deviation) -> Rules:
    selector = parse_selector(deviation.attribute)
    step = Decimal(deviation.step) if deviation.step else None
    rule = Rule(deviation.action, step, deviation.fallback, deviation.value)
    created = (
        {selector.tag: deviation.value}
        if deviation.create and selector.tag and not selector.path
        else {}
    )
    changed = _placed(rules, selector.path, selector.tag, selector.mask, selector.private, rule)
    return replace(changed, created={**rules.created, **created})


def _placed(
    rules: Rules,
    path: tuple[int, ...],
    tag: int | None,
    mask: tuple[int, int] | None,
    private: tuple[int, str, int] | None,
    rule: Rule,
) -> Rules:
    """The rules with one more, at the top or inside the sequences of `path`."""
    if path:
        inner = _placed(rules.inside(path[0]), path[1:], tag, mask, private, rule)
        opened = {} if path[0] in rules.below else {path[0]: Rule("recurse")}
        return replace(
            rules, below={**rules.below, path[0]: inner}, by_tag={**rules.by_tag, **opened}
        )
    below = {
        one: _placed(inner, (), tag, mask, private, rule) for one, inner in rules.below.items()
    }
    if private is not None:
        return replace(rules, chosen_private={**rules.chosen_private, private: rule}, below=below)
    if mask is not None:
        kept = {one: known for one, known in rules.by_tag.items() if one & mask[0] != mask[1]}
        return replace(rules, by_tag=kept, masks=((*mask, rule), *rules.masks), below=below)
    assert tag is not None
    return replace(rules, by_tag={**rules.by_tag, tag: rule}, below=below)


def from_table(profile: Profile) -> Iterator[tuple[int, Rule]]:
    """Tag and rule of every attribute of Table E.1-1, with the declared options and without deviations."""
    for tag, row in listed_attributes():
        yield tag, Rule(_listed(row, profile), fallback=_unmoved(row["basic"]))


def _listed(row: dict[str, str], profile: Profile) -> ActionName:
    for option in profile.options:
        code = row[OPTION_COLUMNS[option]]
        if code == "K":
            return "recurse" if row["vr"] == "SQ" else "keep"
        if code == "C":
            cleaned = _cleaned(option, row["vr"], profile.dates.mode)
            if cleaned is not None:
                return cleaned
    if row["vr"] == "SQ" and "Z" in row["basic"] and row["keyword"].startswith("Referenced"):
        return "recurse"
    return _basic(row["basic"], row["vr"])


def _cleaned(option: str, vr: str, dates: str) -> ActionName | None:
    """How an option that asks for cleaning is done; None where it leaves the basic action."""
    if option == "retain_longitudinal_modified_dates":
        return "date" if dates == "shift" else None
    if vr == "SQ":
        return "recurse" if option == "clean_structured_content" else None
    return (
        "words"
        if option in ("clean_descriptors", "clean_structured_content", "retain_device_identity")
        else None
    )


def _basic(code: str, vr: str) -> ActionName:
    """The action for a code of the basic profile; of a choice the one that is legal for every type."""
    if code == "X/Z/U*":
        return "recurse"
    if vr == "SQ":
        return "empty" if code in ("Z", "X/Z") else "remove"
    if code == "X":
        return "remove"
    if "U" in code or (vr == "UI" and "D" in code):
        return "uid"
    if code in ("Z", "X/Z"):
        return "empty"
    return "date" if vr in _TEMPORAL else "dummy"


def _unmoved(code: str) -> ActionName:
    """What a date becomes that cannot be moved: dummy or empty where the attribute may be required."""
    if "D" in code:
        return "dummy"
    return "empty" if "Z" in code else "remove"


def _unlisted(vr: str, dates: str) -> ActionName:
    """The action for an attribute that the table does not name."""
    if vr == "SQ":
        return "recurse"
    if vr == "UI":
        return "uid"
    if vr in _TEMPORAL:
        return {"shift": "date", "keep": "keep"}.get(dates, "remove")  # type: ignore[return-value]
    actions: dict[str, ActionName] = {"PN": "empty", "AE": "remove", "UR": "remove"}
    actions |= dict.fromkeys(("LT", "ST", "UT", "UC"), "words")
    return actions.get(vr, "keep")


def category_tags(category: str) -> Iterator[int]:
    """The tags of a category of `configs/standard/categories.yaml`."""
    for line in load_yaml("standard/categories.yaml")[category]:
        yield from (tag_of(name) for name in str(line).split())


def _category(
    category: str, on: bool, by_tag: dict[int, Rule], profile: Profile
) -> Iterable[tuple[int, Rule]]:
    """Switched on, what would stay goes as the table's basic action says; switched off, it stays."""
    basic = dict(listed_attributes())
    for tag in category_tags(category):
        row = basic.get(tag)
        known = by_tag.get(tag)
        if not on:
            yield tag, Rule("recurse" if row and row["vr"] == "SQ" else "retain")
        elif known is None or known.action in ("keep", "recurse", "words", "date", "age", "bin"):
            yield tag, Rule(_gone(row) if row else "remove", fallback="empty")
    if category == "dates" and on:
        yield from ((tag, Rule(_gone(row))) for tag, row in basic.items() if row["vr"] in _TEMPORAL)


def _gone(row: dict[str, str]) -> ActionName:
    """The basic action for an attribute of which nothing may stay: a date that would be moved is a dummy."""
    action = _basic(row["basic"], row["vr"])
    return "dummy" if action == "date" else action


def _private_rules(profile: Profile) -> dict[tuple[int, str, int], PrivateRule]:
    rules: dict[tuple[int, str, int], PrivateRule] = {}
    if "safe" in profile.private:
        for row in load_table("standard/safe_private_e3_10_1.csv"):
            key = (int(row["group"], 16), row["creator"].strip(), int(row["element_low"], 16))
            rules[key] = PrivateRule(row["vr"], None, numbers_only=False, most=_most(row["vm"]))
    if "physics" in profile.private:
        for entry in load_yaml("private/physics.yaml"):
            words = frozenset(entry["words"]) if "words" in entry else None
            key = (int(entry["group"], 16), entry["creator"], int(entry["element"], 16))
            rules[key] = PrivateRule(
                entry["vr"], words, numbers_only=words is None, most=entry["most"]
            )
    return rules


def _most(multiplicity: str) -> int:
    """The largest number of values that a VM allows; 64 where it has no bound."""
    last = multiplicity.split("-")[-1]
    return int(last) if last.isdigit() else 64
