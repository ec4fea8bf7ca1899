"""Profiles explained: every attribute with its code in PS3.15, what is done here, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deidflow.header.profile import OPTION_COLUMNS, Deviation, Profile
from deidflow.header.rules import Rules, compile_profile
from deidflow.header.selectors import Selector, parse_selector
from deidflow.header.table import TABLE, Row, listed_attributes
from deidflow.resources import load_table

_ANY_PRIVATE = "ODDGROUP"
"""The table's name for all private attributes."""
_MOVED = ("shift", "clock")
"""Modes of dates that move them."""


@dataclass(frozen=True)
class Explained:
    """One row of a profile's table."""

    tag: str
    attribute: str
    code: str
    """The action of the basic profile; empty if Table E.1-1 does not name the attribute."""
    action: str
    reason: str
    """An option, or the reason of a deviation; empty if the action is that of the table."""


def explain(profile: Profile) -> list[Explained]:
    """Every attribute of the table, then those that only the profile names."""
    rules = compile_profile(profile)
    deviations = {parse_selector(row.attribute): row for row in profile.deviations}
    selectors: dict[str, Selector] = {}
    for tag, row in listed_attributes():
        selectors[row["tag"]] = Selector(tag=tag)

    explained: list[Explained] = []
    for row in load_table(TABLE):
        selector = selectors.get(row["tag"], Selector())
        deviation = deviations.pop(selector, None)
        explained.append(
            _listed(
                row,
                profile,
                rules,
                deviation,
            )
        )
    explained += map(_unlisted, deviations.values())
    return explained


def _listed(row: Row, profile: Profile, rules: Rules, deviation: Deviation | None) -> Explained:
    """An attribute of the table; `deviation` is that of the profile, if it has one."""
    tag = row["tag"]
    return Explained(
        tag=f"{tag[:4]},{tag[4:]}".lower(),
        attribute=row["keyword"],
        code=row["basic"],
        action=_action(rules, row),
        reason=deviation.reason if deviation else _option(row, profile),
    )


def _unlisted(deviation: Deviation) -> Explained:
    """An attribute that only the profile names."""
    return Explained(
        tag="",
        attribute=deviation.attribute,
        code="",
        action=deviation.action,
        reason=deviation.reason,
    )


def _action(rules: Rules, row: Row) -> str:
    """What is done with an attribute, in the words of the documentation."""
    if row["tag"] == _ANY_PRIVATE:
        return _private_action(rules)
    first_of_group = int(row["tag"].replace("X", "0"), 16)
    rule = rules.for_tag(first_of_group, row["vr"] or "OB")
    if rule.action == "bin":
        return f"bin ({rule.step})"
    if rule.action != "date":
        return rule.action
    mode = rules.dates.mode
    return f"date ({mode})" if mode in _MOVED else rule.fallback


def _private_action(rules: Rules) -> str:
    if rules.private:
        return "listed ones stay"
    return "keep" if rules.keep_private else "remove"


def _option(row: Row, profile: Profile) -> str:
    """The first declared option that is about an attribute."""
    if profile.base == "none":
        return "the profile keeps what it does not name"
    for option in profile.options:
        if row[OPTION_COLUMNS[option]]:
            return f"option {option}"
    return ""


def differing(first: Profile, second: Profile) -> list[tuple[str, str, str]]:
    """Attribute and the two actions, where they differ; a dash where a profile does not name it."""
    left = _action_by_attribute(first)
    right = _action_by_attribute(second)
    rows: list[tuple[str, str, str]] = []
    for attribute in {**left, **right}:
        before = left.get(attribute, "-")
        after = right.get(attribute, "-")
        if before != after:
            rows.append((attribute, before, after))
    return rows


def _action_by_attribute(profile: Profile) -> dict[str, str]:
    return {row.attribute: row.action for row in explain(profile)}


def documented(profiles: Iterable[Profile]) -> str:
    """The page of the documentation that lists what each profile does with every attribute."""
    chosen = list(profiles)
    tables = list(map(explain, chosen))
    lines = [
        "# Profiles",
        "",
        "Made by `docs/make_profiles.py` from the profiles themselves; do not edit.",
        "",
    ]
    for profile, rows in zip(chosen, tables, strict=True):
        lines += _section(profile, rows)

    names = [profile.name for profile in chosen]
    lines += _comparison(names, tables)
    return "\n".join(lines) + "\n"


def _section(profile: Profile, rows: Sequence[Explained]) -> Iterator[str]:
    """The deviations of one profile."""
    yield f"## {profile.name}"
    yield ""
    yield profile.title
    yield ""
    for row in rows:
        if _is_deviation(row, profile):
            yield f"- {row.attribute}: {row.action}. {row.reason}"
    yield ""


def _is_deviation(row: Explained, profile: Profile) -> bool:
    for deviation in profile.deviations:
        if row.reason == deviation.reason and row.attribute in deviation.attribute:
            return True
    return False


def _comparison(names: Sequence[str], tables: Sequence[list[Explained]]) -> Iterator[str]:
    """The actions of all profiles side by side."""
    yield "## Every attribute of Table E.1-1"
    yield ""
    yield _table_row(
        "tag",
        "attribute",
        "PS3.15",
        *names,
    )
    yield "|" + "---|" * (3 + len(names))

    action_by_tag = list(map(_action_by_tag, tables))
    for row in tables[0]:
        if row.code:
            actions = [table[row.tag] for table in action_by_tag]
            yield _table_row(
                row.tag,
                row.attribute,
                row.code,
                *actions,
            )


def _action_by_tag(rows: Sequence[Explained]) -> dict[str, str]:
    return {row.tag: row.action for row in rows}


def _table_row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
