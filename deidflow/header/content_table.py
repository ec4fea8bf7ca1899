"""Table E.3.4-1 of PS3.15: what becomes of a content item, by its concept name and value type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from deidflow.dicom.dictionary import keyword_tags
from deidflow.header import rule_words as words
from deidflow.header.profile import OPTION_COLUMNS, ActionName, Profile
from deidflow.header.table import Row, deciding_option, listed_action
from deidflow.resources import load_table, load_yaml

TABLE = "standard/ps315_e3_4_2026a.csv"
ITEMS = "standard/content_items.yaml"
VALUES = {
    "TEXT": (0x0040A160, "UT"),
    "PNAME": (0x0040A123, "PN"),
    "DATE": (0x0040A121, "DA"),
    "TIME": (0x0040A122, "TM"),
    "DATETIME": (0x0040A120, "DT"),
    "UIDREF": (0x0040A124, "UI"),
}
"""Value types whose value is one attribute of the item: its tag and VR (PS3.3 C.17.3.2.1)."""
DATES = frozenset(("DATE", "TIME", "DATETIME"))
REFERENCES = frozenset(("IMAGE", "COMPOSITE", "WAVEFORM"))
_ALIKE = (frozenset(("TEXT", "PNAME")), DATES, REFERENCES)
"""A concept that is listed with one of these types is meant with the others too."""
_SAYS_MUCH = frozenset(("TEXT", "PNAME", "CODE", "NUM")) | DATES
"""Types whose values identify if their concept does, whatever type it should have."""
_RETIRED_SCHEMES = ("srt", "snm3", "99sdm")


class Concept(NamedTuple):
    """A concept name: coding scheme designator, folded, and code value."""

    scheme: str
    code: str


class ContentAction(NamedTuple):
    """What the table asks for; `recurse` keeps an item that has no single value."""

    action: ActionName
    reason: str


@dataclass(frozen=True)
class ContentTable:
    """The table under the declared options of one profile."""

    actions: dict[Concept, dict[str, ContentAction]]
    """By value type."""
    descriptions: frozenset[Concept]
    """Concepts that the Clean Descriptors Option is about: with other types they are findings."""

    def action(self, concepts: Iterable[Concept], value_type: str) -> ContentAction | None:
        """The action for an item, the strictest of its names; None if none of them is listed."""
        asked = [
            self._of_one(
                concept,
                value_type,
            )
            for concept in concepts
        ]
        listed = [action for action in asked if action is not None]
        for strict in ("remove", "dummy"):
            for action in listed:
                if action.action == strict:
                    return action
        return listed[0] if listed else None

    def _of_one(self, concept: Concept, value_type: str) -> ContentAction | None:
        by_type = self.actions.get(concept)
        if by_type is None:
            return None
        if value_type in by_type:
            return by_type[value_type]

        for alike in _ALIKE:
            if value_type in alike:
                for other in sorted(alike & by_type.keys()):
                    return by_type[other]
        if value_type not in _SAYS_MUCH or concept in self.descriptions:
            return None
        return ContentAction(
            "remove",
            words.CONTENT_TYPE,
        )


def content_table(profile: Profile) -> ContentTable | None:
    """The table for a profile; None where it does not declare the option that applies it."""
    if profile.base != "ps315" or "clean_structured_content" not in profile.options:
        return None

    actions: dict[Concept, dict[str, ContentAction]] = {}
    descriptions: set[Concept] = set()
    for row in load_table(TABLE):
        action = _action(
            _as_attribute(row),
            profile,
        )
        for concept in _concepts(row):
            actions.setdefault(
                concept,
                {},
            )[row["value_type"]] = action
            if row["clean_desc"]:
                descriptions.add(concept)

    return ContentTable(
        actions,
        frozenset(descriptions),
    )


def _as_attribute(row: Row) -> Row:
    """A row in the form of Table E.1-1, whose codes mean the same."""
    attribute = dict.fromkeys(
        OPTION_COLUMNS.values(),
        "",
    )
    _, vr = VALUES.get(
        row["value_type"],
        (0, "SQ"),
    )
    return {**attribute, **row, "vr": vr, "keyword": ""}


def _action(row: Row, profile: Profile) -> ContentAction:
    option = deciding_option(
        row,
        profile,
    )
    reason = words.content(
        row,
        option,
    )
    if row["vr"] != "SQ":
        return ContentAction(
            listed_action(
                row,
                profile,
            ),
            reason,
        )

    is_kept = option is not None or "D" in row["basic"]

    return ContentAction(
        "recurse" if is_kept else "remove",
        reason,
    )


def _concepts(row: Row) -> Iterator[Concept]:
    """A concept under its own code and those that it had in retired schemes (PS3.15 E.3.4)."""
    yield concept_of(
        row["scheme"],
        row["code"],
    )
    if row["retired_code"]:
        for scheme in _RETIRED_SCHEMES:
            yield Concept(
                scheme,
                row["retired_code"],
            )


def concept_of(scheme: str, code: str) -> Concept:
    """A concept from the texts of its code."""
    return Concept(
        scheme.strip().casefold(),
        code.strip(),
    )


@lru_cache(maxsize=1)
def content_sequences() -> frozenset[int]:
    """Tags of the sequences whose items are content items."""
    tags = keyword_tags()
    return frozenset(tags[keyword] for keyword in load_yaml(ITEMS)["sequences"])


@lru_cache(maxsize=1)
def mirrored_attributes() -> dict[Concept, str]:
    """Concept -> keyword of the attribute that says the same."""
    mirrored: dict[Concept, str] = {}
    for keyword, names in load_yaml(ITEMS)["attributes"].items():
        for name in names:
            scheme, _, code = name.partition(" ")
            concept = concept_of(scheme, code)
            mirrored[concept] = keyword
    return mirrored
