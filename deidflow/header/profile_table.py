"""Profiles explained: every attribute with its code in PS3.15, what is done here, and why where they differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deidflow.header.profile import OPTION_COLUMNS, Profile
from deidflow.header.rules import TABLE, Rules, compile_profile, listed_attributes
from deidflow.header.selectors import parse_selector
from deidflow.resources import load_table


@dataclass(frozen=True)
class Explained:
    """One row of a profile's table."""

    tag: str
    attribute: str
    code: str
    """The action of the basic profile in Table E.1-1; empty where the table does not name the attribute."""
    action: str
    reason: str
    """An option, or the reason of a deviation; empty where the action is that of the table."""


def explain(profile: Profile) -> list[Explained]:
    """Every attribute of the table, then those that only the profile names."""
    rules = compile_profile(profile)
    reasons = {parse_selector(one.attribute): one for one in profile.deviations}
    by_tag = {
        selector.tag: one for selector, one in reasons.items() if selector.tag and not selector.path
    }
    number_of = {row["tag"]: tag for tag, row in listed_attributes()}
    rows = []
    for row in load_table(TABLE):
        deviation = by_tag.pop(number_of[row["tag"]], None) if row["tag"] in number_of else None
        reason = deviation.reason if deviation else _option(row, profile)
        rows.append(
            Explained(_tag(row["tag"]), row["keyword"], row["basic"], _action(rules, row), reason)
        )
    rest = [
        one
        for selector, one in reasons.items()
        if one in by_tag.values() or not selector.tag or selector.path
    ]
    return rows + [Explained("", one.attribute, "", one.action, one.reason) for one in rest]


def _tag(text: str) -> str:
    return f"{text[:4]},{text[4:]}".lower()


def _action(rules: Rules, row: dict[str, str]) -> str:
    if row["tag"] == "ODDGROUP":
        return "listed ones stay" if rules.private else "keep" if rules.keep_private else "remove"
    rule = rules.for_tag(int(row["tag"].replace("X", "0"), 16), row["vr"] or "OB")
    if rule.action == "date":
        return (
            f"date ({rules.dates.mode})"
            if rules.dates.mode in ("shift", "clock")
            else rule.fallback
        )
    return f"bin ({rule.step})" if rule.action == "bin" else rule.action


def _option(row: dict[str, str], profile: Profile) -> str:
    if profile.base == "none":
        return "the profile keeps what it does not name"
    applied = [option for option in profile.options if row[OPTION_COLUMNS[option]]]
    return f"option {applied[0]}" if applied else ""


def differing(first: Profile, second: Profile) -> list[tuple[str, str, str]]:
    """Attribute and the two actions, where they differ."""
    left, right = ({row.attribute: row.action for row in explain(one)} for one in (first, second))
    names = dict.fromkeys((*left, *right))
    return [
        (name, left.get(name, "-"), right.get(name, "-"))
        for name in names
        if left.get(name) != right.get(name)
    ]


def documented(profiles: Iterable[Profile]) -> str:
    """The page of the documentation that lists what each profile does with every attribute of the table."""
    chosen = list(profiles)
    tables = [explain(profile) for profile in chosen]
    lines = [
        "# Profiles",
        "",
        "Made by `docs/make_profiles.py` from the profiles themselves; do not edit.",
        "",
    ]
    for profile, rows in zip(chosen, tables, strict=True):
        lines += [f"## {profile.name}", "", profile.title, ""]
        lines += [
            f"- {row.attribute}: {row.action}. {row.reason}"
            for row in rows
            if _is_deviation(row, profile)
        ]
        lines += [""]
    head = ["tag", "attribute", "PS3.15", *(profile.name for profile in chosen)]
    lines += [
        "## Every attribute of Table E.1-1 (PS3.15 2026d)",
        "",
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
    ]
    for row in tables[0]:
        if row.code:
            actions = (next(one.action for one in table if one.tag == row.tag) for table in tables)
            lines.append(f"| {row.tag} | {row.attribute} | {row.code} | {' | '.join(actions)} |")
    return "\n".join(lines) + "\n"


def _is_deviation(row: Explained, profile: Profile) -> bool:
    return any(
        row.reason == one.reason and row.attribute in one.attribute for one in profile.deviations
    )
