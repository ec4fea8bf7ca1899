"""Private elements: only listed or chosen ones are kept, and each value is checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from deidflow.header.actions import apply
from deidflow.header.csa import CSA_ELEMENTS, scrub_csa
from deidflow.header.element_value import ActionSettings, ElementValue
from deidflow.header.physics import is_small_number, plausible_numbers
from deidflow.header.private_rules import PrivateRule
from deidflow.header.rules import Rule, Rules
from deidflow.header.selectors import ALL_OF_CREATOR
from deidflow.header.value_kinds import BINARY, NUMERIC_TEXT, SIZES, TEXT

_LONGEST_TEXT = 64
_LONGEST_CODE = 16
_LARGEST_BLOB = 4096
"""A larger binary value may hold an image, in bytes."""
_NUMBERS = NUMERIC_TEXT | frozenset(SIZES)


class PrivateAction(Enum):
    """What happens to private elements that no rule names."""

    SEARCH = "kept without the patient's identifiers"
    SCRUB_CSA = "identifiers overwritten in place"


PrivateDecision = PrivateRule | Rule | PrivateAction | None
"""What decides on a private element: a listed or chosen rule, an action, or None to remove it."""
KeptValue = tuple[bytes, bytes]
"""The VR to write, and the value."""


@dataclass(frozen=True)
class PrivateElements:
    """Decides on the private elements of one level."""

    rules: Rules
    settings: ActionSettings

    def decision(self, group: int, creator: str, low: int) -> PrivateDecision:
        """What decides on an element, by its creator and low byte; None to remove it."""
        key = group, creator, low
        chosen = self.chosen(*key)
        if chosen is not None:
            return None if chosen.action == "remove" else chosen
        if self.rules.scrub_csa and (creator, low) in CSA_ELEMENTS:
            return PrivateAction.SCRUB_CSA

        listed = self.rules.private.get(key)
        if listed is not None:
            return listed
        return PrivateAction.SEARCH if self.rules.keep_private else None

    def chosen(self, group: int, creator: str, low: int) -> Rule | None:
        """The rule of somebody who named the element, or all of its creator."""
        rules = self.rules.chosen_private
        by_creator = rules.get((group, creator, ALL_OF_CREATOR))
        return rules.get((group, creator, low), by_creator)

    def kept(self, decision: PrivateDecision, tag: int, vr: bytes, raw: bytes) -> KeptValue | None:
        """The VR to write and the value that is kept; None if the value does not pass the check."""
        if isinstance(decision, PrivateRule):
            used = _vr_of(decision, vr)
            value = ElementValue(
                _KEEP,
                tag,
                used,
                raw,
                self.settings,
            )
            return _listed(value, decision)

        rule = decision if isinstance(decision, Rule) else _KEEP
        if decision is PrivateAction.SCRUB_CSA:
            return vr or b"OB", scrub_csa(raw, self.settings.context.scrubber)
        value = ElementValue(
            rule,
            tag,
            vr or b"UN",
            raw,
            self.settings,
        )
        if decision is PrivateAction.SEARCH:
            return _searched(value)
        return _applied(value)


_KEEP, _UID = Rule("keep"), Rule("uid")


def _vr_of(rule: PrivateRule, written: bytes) -> bytes:
    """The VR of a listed element: the listed one if the file does not tell."""
    listed = rule.vr.encode("ascii")[:2]
    return listed if listed and written in (b"", b"UN") else written


def _applied(value: ElementValue) -> KeptValue | None:
    changed = apply(value)
    return None if changed is None else (value.vr, changed)


def _searched(value: ElementValue) -> KeptValue | None:
    """Text without the patient's identifiers; bytes only if they hold none."""
    if value.vr in TEXT or value.vr == b"PN":
        return _applied(value)
    if value.holds_own_number():
        return None
    if value.scrubber.hides(value.raw):
        return None
    return value.vr, value.raw


def _listed(value: ElementValue, rule: PrivateRule) -> KeptValue | None:
    """The value of a listed element if it is what the list says."""
    if value.holds_own_number():
        return None
    if value.vr in SIZES:
        numbers = plausible_numbers(value, rule.most)
        return None if numbers is None else (value.vr, numbers)
    if value.vr == b"UI":
        return _applied(value._replace(rule=_UID))
    if value.vr in BINARY:
        return _binary(value, rule)
    return _text(value, rule)


def _binary(value: ElementValue, rule: PrivateRule) -> KeptValue | None:
    if rule.numbers_only or len(value.raw) > _LARGEST_BLOB:
        return None
    if value.scrubber.hides(value.raw):
        return None
    return value.vr, value.raw


def _text(value: ElementValue, rule: PrivateRule) -> KeptValue | None:
    texts = [text.strip() for text in value.texts()]
    if len(texts) > rule.most:
        return None

    listed = rule.vr.encode("ascii")
    if rule.numbers_only or value.vr in _NUMBERS or listed in _NUMBERS:
        return _numeric_text(value, texts)
    if rule.words is None:
        kept = _is_free_of_identifiers(
            value,
            rule,
            texts,
        )
    else:
        kept = rule.words.issuperset(texts)
    return (value.vr, value.encoded(texts)) if kept else None


def _numeric_text(value: ElementValue, texts: list[str]) -> KeptValue | None:
    """Numbers as text; what is not a small number, or is the patient's own, becomes empty."""
    is_own = value.scrubber.is_own_number
    numbers: list[str] = []
    for text in texts:
        is_kept = is_small_number(text) and not is_own(text)
        numbers.append(text if is_kept else "")
    if any(texts) and not any(numbers):
        return None
    return value.vr, value.encoded(numbers)


def _is_free_of_identifiers(value: ElementValue, rule: PrivateRule, texts: list[str]) -> bool:
    """Whether texts are short and without the patient's identifiers; may raise Withheld."""
    value.check(texts)
    if value.vr not in TEXT:
        return False
    longest = _LONGEST_CODE if rule.vr == "CS" else _LONGEST_TEXT
    if any(len(text) > longest for text in texts):
        return False
    return not any(map(value.scrubber.finds, texts))
