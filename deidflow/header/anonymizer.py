"""De-identification of one header, recursive into every sequence (PS3.15 annex E)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from deidflow.header.context import HeaderContext
from deidflow.header.private import keep_private
from deidflow.header.rules import Rule, Rules
from deidflow.header.temporal import move_pairs, move_value
from deidflow.header.text import keep_tokens
from deidflow.header.values import age_from, dummy, floor_to, limit_age, split_values

_TEXT = frozenset(("LO", "SH", "ST", "LT", "UT", "UC", "CS", "UR"))
_BINARY = frozenset(("OB", "OW", "OF", "OD", "OL", "OV", "UN"))
_TRIGGER_TIME, _AGE, _BIRTH_DATE, _STUDY_DATE = 0x00181060, 0x00101010, 0x00100030, 0x00080020
_DROPPED_GROUPS = frozenset((0x0000, 0x0002, 0x0004, 0x7FE0, 0xFFFA, 0xFFFC))
"""Command sets, file meta, directories, pixel data wherever they are nested, signatures, padding."""
_CLASS_UIDS = frozenset((0x00080016, 0x00081150, 0x0008001B, 0x0008115A, 0x0008010C, 0x00080117, 0x00080118))


@dataclass(frozen=True)
class Anonymizer:
    """Applies compiled rules to data sets of one series."""

    rules: Rules
    context: HeaderContext

    def clean(self, source: Dataset) -> Dataset:
        """A new data set with what may stay of `source`, which is not changed."""
        cleaned = self._level(source)
        self._age(source, cleaned)
        return cleaned

    def _level(self, source: Dataset) -> Dataset:
        target = Dataset()
        for tag in sorted(source.keys()):
            if tag.is_private:
                continue
            element = self._element(source, tag)
            if element is not None:
                target.add(element)
        move_pairs(source, target, self.rules, self.context)
        keep_private(source, target, self.rules.private, self.context.scrubber, self._level)
        return target

    def _element(self, source: Dataset, tag: BaseTag) -> DataElement | None:
        if tag.group in _DROPPED_GROUPS or 0x5000 <= tag.group < 0x5100 or 0x6000 <= tag.group < 0x6100:
            return None
        if tag.element == 0 or not dictionary_has_tag(tag):
            return None
        try:
            element = source[tag]
            return self._apply(element)
        except MemoryError:
            raise
        except Exception:
            return None

    def _apply(self, element: DataElement) -> DataElement | None:
        rule = self.rules.for_tag(int(element.tag), element.VR)
        if int(element.tag) == _TRIGGER_TIME and not self.context.bin_trigger_time:
            rule = Rule("keep")
        return _ACTIONS[rule.action](self, element, rule)

    def _keep(self, element: DataElement, rule: Rule) -> DataElement | None:
        if element.VR == "SQ":
            return self._recurse(element, rule)
        if element.VR in _TEXT:
            return _with(element, self._scrubbed(element))
        if element.VR == "PN":
            return _with(element, "")
        if element.VR in _BINARY and element.tag.group != 0x0028:
            return None
        return element if element.value is not None else _with(element, "")

    def _scrubbed(self, element: DataElement) -> Any:
        values = [self.context.scrubber.clean(one) for one in split_values(element.value)]
        return values if len(values) > 1 else (values[0] if values else "")

    def _recurse(self, element: DataElement, _: Rule) -> DataElement | None:
        if element.VR != "SQ":
            return None
        return _with(element, Sequence([self._level(item) for item in element.value]))

    def _dummy(self, element: DataElement, _: Rule) -> DataElement | None:
        return None if element.VR == "SQ" else _with(element, dummy(element.VR))

    def _uid(self, element: DataElement, _: Rule) -> DataElement | None:
        if element.VR != "UI":
            return None
        if int(element.tag) in _CLASS_UIDS:
            return element
        mapped = [self.context.uids(one) for one in split_values(element.value)]
        return _with(element, mapped if len(mapped) > 1 else "".join(mapped))

    def _date(self, element: DataElement, rule: Rule) -> DataElement | None:
        values = [move_value(one, element.VR, self.rules.dates, self.context) for one in split_values(element.value)]
        if any(value is None for value in values):
            return _ACTIONS[rule.fallback](self, element, rule)
        return _with(element, values if len(values) > 1 else "".join(value or "" for value in values))

    def _bin(self, element: DataElement, rule: Rule) -> DataElement | None:
        floored = [floor_to(one, rule.step or Decimal(5)) for one in split_values(element.value)]
        if any(value is None for value in floored):
            return None
        return _with(element, floored if len(floored) > 1 else "".join(value or "" for value in floored))

    def _limited_age(self, element: DataElement, _: Rule) -> DataElement | None:
        limited = limit_age(str(element.value or ""), binned=self.context.binned)
        return _with(element, limited) if limited else None

    def _words(self, element: DataElement, rule: Rule) -> DataElement | None:
        if element.VR not in _TEXT:
            return None
        kept = self.context.scrubber.words(" ".join(split_values(element.value)))
        return (
            _with(element, kept) if kept or rule.fallback == "remove" else _ACTIONS[rule.fallback](self, element, rule)
        )

    def _tokens(self, element: DataElement, _: Rule) -> DataElement | None:
        return _with(element, keep_tokens(split_values(element.value)))

    def _age(self, source: Dataset, target: Dataset) -> None:
        """Compute a missing age before birth and study date are gone."""
        if _AGE in target or self.rules.for_tag(_AGE, "AS").action != "age" or _BIRTH_DATE not in source:
            return
        age = age_from(str(source.get("PatientBirthDate") or ""), str(source.get("StudyDate") or ""))
        limited = limit_age(age, binned=self.context.binned) if age else None
        if limited:
            target.add_new(_AGE, "AS", limited)

    def for_series(self, *, bin_trigger_time: bool) -> Anonymizer:
        """The same for a series whose trigger times may, or may not, be binned."""
        return replace(self, context=replace(self.context, bin_trigger_time=bin_trigger_time))


def _with(element: DataElement, value: Any) -> DataElement:
    return DataElement(element.tag, element.VR, value)


_Action = Callable[[Anonymizer, DataElement, Rule], DataElement | None]
_ACTIONS: dict[str, _Action] = {
    "remove": lambda anonymizer, element, rule: None,
    "empty": lambda anonymizer, element, rule: _with(element, Sequence() if element.VR == "SQ" else ""),
    "keep": Anonymizer._keep,
    "recurse": Anonymizer._recurse,
    "dummy": Anonymizer._dummy,
    "uid": Anonymizer._uid,
    "pseudonym": lambda anonymizer, element, rule: _with(element, anonymizer.context.pseudonym),
    "date": Anonymizer._date,
    "bin": Anonymizer._bin,
    "age": Anonymizer._limited_age,
    "words": Anonymizer._words,
    "tokens": Anonymizer._tokens,
}
