"""Codes and terms in reports that no standard defines: they may be a login or the name of somebody.

What a report may hold beside its values is a list (`content_items.yaml`); of codes and terms those
stay that the standard has, or that have no word but those of acquisition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from deidflow.dicom.dictionary import keyword_tags
from deidflow.header.content_items import CODES, SCHEME, Data
from deidflow.header.content_table import ITEMS, content_sequences
from deidflow.header.text import Scrubber
from deidflow.resources import load_yaml

_VERSION = 0x00080103
_TERMS = frozenset(
    (
        0x00080105,  # MappingResource
        0x0008010B,  # ContextGroupExtensionFlag
        0x0008010F,  # ContextIdentifier
        0x0040A010,  # RelationshipType
        0x0040A040,  # ValueType
        0x0040A050,  # ContinuityOfContent
        0x0040A130,  # TemporalRangeType
        0x0040DB00,  # TemplateIdentifier
        0x00480301,  # PixelOriginInterpretation
        0x00700023,  # GraphicType
    )
)
_SEARCHED = _TERMS.union(CODES, (SCHEME, _VERSION))
_PRIVATE = "99"
"""How designators of makers begin (PS3.16 section 8.2)."""
_LETTERS = re.compile(r"[^\W\d_]{4,}")
_LONG_NUMBER = re.compile(r"\d{7,}")
"""In a code of a site: the number of a person rather than of a kind."""
_UNIT = re.compile(r"[\[\]{}/*^.]")
"""What units have that words have not."""
_VERSIONS = "http://snomed.info/"


def telling_codes(data: Data, scrubber: Scrubber) -> frozenset[int]:
    """Tags of the codes and terms of an item that may say who somebody is."""
    scheme = next(
        iter(data.texts(SCHEME)),
        "",
    ).upper()
    telling = set()
    for element in data.elements:
        if element.tag in _SEARCHED:
            (text,) = data.texts(element.tag)
            if _is_standard(
                element.tag,
                scheme,
                text,
            ):
                continue
            is_number = scheme not in _schemes() and _LONG_NUMBER.search(text)
            if is_number or _tells(
                text,
                scrubber,
            ):
                telling.add(element.tag)

    return frozenset(telling)


def _is_standard(tag: int, scheme: str, text: str) -> bool:
    if tag in _TERMS:
        return text in _terms()
    if tag == SCHEME:
        return scheme in _schemes() or scheme.startswith(_PRIVATE)
    if tag == _VERSION:
        return text.startswith(_VERSIONS)
    is_unit = scheme == "UCUM" and _UNIT.search(text) is not None
    return is_unit or (scheme, text) in _standard_codes()


def _tells(text: str, scrubber: Scrubber) -> bool:
    words = _LETTERS.findall(text)
    return scrubber.finds(text) or not all(
        map(
            scrubber.words,
            words,
        )
    )


@lru_cache(maxsize=1)
def of_reports() -> frozenset[int]:
    """Tags of the sequences that hold only what reports may hold."""
    tags = keyword_tags()
    keywords = load_yaml(ITEMS)["reports"]
    own = {tags[keyword] for keyword in keywords}
    return content_sequences() | own


@lru_cache(maxsize=1)
def allowed_tags() -> frozenset[int]:
    """Tags of the attributes that may be in these sequences."""
    tags = keyword_tags()
    allowed = set(content_sequences())
    for line in load_yaml(ITEMS)["allowed"]:
        for keyword in line.split():
            allowed.add(tags[keyword])
    return frozenset(allowed)


@lru_cache(maxsize=1)
def _terms() -> frozenset[str]:
    terms: set[str] = set()
    for line in load_yaml(ITEMS)["terms"]:
        terms.update(line)
    return frozenset(terms)


@lru_cache(maxsize=1)
def _standard_codes() -> frozenset[tuple[str, str]]:
    """Scheme in capitals and value of each code that the standard uses (PS3.16), and of units."""
    units = [unit for line in load_yaml(ITEMS)["meanings"] for unit in line.split()]
    return frozenset((*_codes_of_context_groups(), *(("UCUM", unit) for unit in units)))


@lru_cache(maxsize=1)
def _schemes() -> frozenset[str]:
    """Designators of coding schemes in capitals."""
    listed = [scheme for line in load_yaml(ITEMS)["schemes"] for scheme in line.split()]
    used = [scheme for scheme, _ in _standard_codes()]
    return frozenset(
        map(
            str.upper,
            (*listed, *used),
        )
    )


def _codes_of_context_groups() -> Iterator[tuple[str, str]]:
    from pydicom.sr._concepts_dict import concepts

    for scheme, keywords in concepts.items():
        for codes in keywords.values():
            for value in codes:
                yield scheme.upper(), value
