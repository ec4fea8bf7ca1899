"""Table E.3.4-1 of PS3.15: what the table and the declared options ask of a content item."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from pydicom.datadict import tag_for_keyword

from deidflow.resources import load_table, load_yaml
from deidflow.verifier.content_items import Concept
from deidflow.verifier.table import OPTIONS, Demand

_TABLE, _ITEMS = "standard/ps315_e3_4_2026a.csv", "standard/content_items.yaml"
_RETIRED = ("srt", "snm3", "99sdm")
_FAMILIES = (
    frozenset(("TEXT", "PNAME")),
    frozenset(("DATE", "TIME", "DATETIME")),
    frozenset(("IMAGE", "COMPOSITE", "WAVEFORM")),
)
_TELLING = frozenset(("TEXT", "PNAME", "CODE", "NUM", "DATE", "TIME", "DATETIME"))
_STRICTEST = (Demand.ABSENT, Demand.DUMMY, Demand.CLEANED, Demand.KEPT)
Rows = dict[str, dict[str, str]]
"""Rows of one concept by value type."""


def demand_of(concepts: Iterable[Concept], value_type: str, codes: frozenset[str]) -> Demand:
    """The strictest demand on a content item with these concept names."""
    demands = {
        _of_one(
            concept,
            value_type,
            codes,
        )
        for concept in concepts
    }
    for demand in _STRICTEST:
        if demand in demands:
            return demand
    return Demand.UNLISTED


def _of_one(concept: Concept, value_type: str, codes: frozenset[str]) -> Demand:
    rows = _rows().get(concept)
    if rows is None:
        return Demand.UNLISTED
    if value_type in rows:
        return _demand(
            rows[value_type],
            codes,
        )
    for family in _FAMILIES:
        others = sorted(family & rows.keys())
        if value_type in family and others:
            return _demand(
                rows[others[0]],
                codes,
            )

    is_description = any(row["clean_desc"] for row in rows.values())
    tells = value_type in _TELLING and not is_description
    return Demand.ABSENT if tells else Demand.UNLISTED


def _demand(row: dict[str, str], codes: frozenset[str]) -> Demand:
    declared = [
        row.get(
            column,
            "",
        )
        for column, code in OPTIONS.items()
        if code in codes
    ]
    if "K" in declared:
        return Demand.KEPT
    if "C" in declared:
        return Demand.CLEANED
    return Demand.ABSENT if row["basic"] == "X" else Demand.DUMMY


@lru_cache(maxsize=1)
def _rows() -> dict[Concept, Rows]:
    found: dict[Concept, Rows] = {}
    for row in load_table(_TABLE):
        names = [(row["scheme"].lower(), row["code"])]
        if row["retired_code"]:
            names += [(scheme, row["retired_code"]) for scheme in _RETIRED]
        for name in names:
            found.setdefault(
                name,
                {},
            )[row["value_type"]] = row
    return found


@lru_cache(maxsize=1)
def attribute_of_concepts() -> dict[Concept, str]:
    """Concepts that say what an attribute says: its keyword."""
    found = {}
    for keyword, names in load_yaml(_ITEMS)["attributes"].items():
        for name in names:
            scheme, _, code = name.partition(" ")
            found[scheme.lower(), code] = keyword
    return found


def size_of_unit(keyword: str, unit: str) -> str:
    """How many of a UCUM unit are one of the attribute's; empty for one that is not known."""
    sizes = load_yaml(_ITEMS)["units"].get(
        keyword,
        {},
    )
    return str(
        sizes.get(
            unit,
            "",
        )
    )


@lru_cache(maxsize=1)
def report_sequences() -> frozenset[str]:
    """Keywords of the sequences that hold only what reports may hold."""
    loaded = load_yaml(_ITEMS)
    return frozenset((*loaded["sequences"], *loaded["reports"]))


@lru_cache(maxsize=1)
def report_attributes() -> frozenset[int]:
    """Tags of what may be in them."""
    loaded = load_yaml(_ITEMS)
    keywords = [*loaded["sequences"]]
    for line in loaded["allowed"]:
        keywords += line.split()
    return frozenset(
        tag
        for tag in map(
            tag_for_keyword,
            keywords,
        )
        if tag is not None
    )


@lru_cache(maxsize=1)
def known_terms() -> frozenset[str]:
    """Terms, coding schemes and codes that the standard has, in lower case."""
    from pydicom.sr._concepts_dict import concepts

    loaded = load_yaml(_ITEMS)
    terms = [term for line in loaded["terms"] for term in line]
    for line in (*loaded["schemes"], *loaded["meanings"]):
        terms += line.split()
    for scheme, entries in concepts.items():
        terms.append(scheme)
        for codes in entries.values():
            terms += codes
    return frozenset(term.lower() for term in terms)


@lru_cache(maxsize=1)
def known_meanings() -> frozenset[str]:
    """Meanings of codes of the standard and of units, in lower case."""
    from pydicom.sr._concepts_dict import concepts

    meanings = [row["meaning"] for row in load_table(_TABLE)]
    for line in load_yaml(_ITEMS)["meanings"]:
        meanings += line.split()
    for schemes in concepts.values():
        for entries in schemes.values():
            meanings += [meaning for meaning, _ in entries.values()]
    return frozenset(meaning.lower() for meaning in meanings)
