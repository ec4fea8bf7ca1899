"""Private elements: only listed ones stay, matched by creator and low byte, each value checked."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from deidflow.header.rules import PrivateRule
from deidflow.header.text import Scrubber
from deidflow.header.values import is_number, split_values

_FORMATS = {"FD": "d", "FL": "f", "US": "H", "SS": "h", "UL": "I", "SL": "i"}
_TEXT = frozenset(("LO", "SH", "ST", "LT", "UT", "UC", "CS", "DS", "IS"))
_LONGEST_TEXT = 64


def keep_private(
    source: Dataset,
    target: Dataset,
    rules: Mapping[tuple[int, str, int], PrivateRule],
    scrubber: Scrubber,
    recurse: Callable[[Dataset], Dataset],
) -> None:
    """Add the private elements of `source` that a rule keeps to `target`, with their creators."""
    for tag in sorted(source.keys()):
        if not tag.is_private or tag.element < 0x1000:
            continue
        creator_tag = BaseTag(tag.group << 16 | tag.element >> 8)
        creator = _creator(source, creator_tag)
        rule = rules.get((tag.group, creator, tag.element & 0xFF)) if creator else None
        element = _kept(source, tag, rule, scrubber, recurse) if rule else None
        if element is not None:
            target.add(element)
            target.add(DataElement(creator_tag, "LO", creator))


def _creator(source: Dataset, tag: BaseTag) -> str:
    try:
        return str(source[tag].value).strip("\0 ")
    except (KeyError, ValueError):
        return ""


def _kept(
    source: Dataset,
    tag: BaseTag,
    rule: PrivateRule,
    scrubber: Scrubber,
    recurse: Callable[[Dataset], Dataset],
) -> DataElement | None:
    try:
        element = source[tag]
        if rule.vr == "SQ":
            items = Sequence([recurse(item) for item in element.value]) if element.VR == "SQ" else None
            return DataElement(tag, "SQ", items) if items is not None else None
        return _checked(tag, rule, _decoded(element.value, rule.vr), scrubber)
    except MemoryError:
        raise
    except Exception:
        return None


def _decoded(value: Any, vr: str) -> Any:
    """The value of an element that came as UN, decoded by the VR that its rule names."""
    if not isinstance(value, bytes):
        return value
    if vr in _FORMATS:
        numbers = struct.unpack(f"<{len(value) // struct.calcsize(_FORMATS[vr])}{_FORMATS[vr]}", value)
        return list(numbers) if len(numbers) > 1 else numbers[0]
    return value.decode("ascii").strip("\0 ").split("\\")


def _plausible(value: Any) -> bool:
    """A number of physics; bytes of text read as floating point are far larger or smaller."""
    return is_number(value) and (float(value) == 0 or 1e-9 < abs(float(value)) < 1e10)


def _checked(tag: BaseTag, rule: PrivateRule, value: Any, scrubber: Scrubber) -> DataElement | None:
    values = split_values(value) if rule.vr in _TEXT else [value] if isinstance(value, (int, float)) else list(value)
    if len(values) > rule.most:
        return None
    if rule.vr in _FORMATS or rule.vr in ("DS", "IS") or rule.numbers_only:
        return DataElement(tag, rule.vr, value) if all(_plausible(one) for one in values) else None
    texts = [str(one).strip() for one in values]
    if rule.words is not None:
        return DataElement(tag, rule.vr, texts) if set(texts) <= rule.words else None
    if rule.vr not in _TEXT or any(len(text) > _LONGEST_TEXT or scrubber.finds(text) for text in texts):
        return None
    return DataElement(tag, rule.vr, texts)
