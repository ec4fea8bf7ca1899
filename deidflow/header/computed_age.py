"""PatientAge, computed where a header lacks it: the dates that it follows from are removed."""

from __future__ import annotations

from collections.abc import Mapping

from deidflow.header.ages import age_from, limit_age, parse_age
from deidflow.header.rules import Rules

AGE, BIRTH_DATE, STUDY_DATE = 0x00101010, 0x00100030, 0x00080020


def computed_age(raws: Mapping[int, bytes], rules: Rules, *, binned: bool) -> str | None:
    """A missing age from birth and study date, as an AS value; None if there is nothing to add."""
    if has_age(raws) or rules.for_tag(AGE, "AS").action != "age":
        return None
    age = age_from(
        _text(raws, BIRTH_DATE),
        _text(raws, STUDY_DATE),
    )
    return limit_age(age, binned=binned) if age else None


def has_age(raws: Mapping[int, bytes]) -> bool:
    """Whether a header states an age that can be read; 0 years mean that it is unknown."""
    age = parse_age(_text(raws, AGE))
    return age not in (None, (0, "Y"))


def _text(raws: Mapping[int, bytes], tag: int) -> str:
    raw = raws.get(tag, b"")
    return raw.decode("ascii", "replace").strip("\0 ")
