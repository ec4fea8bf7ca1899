"""The name of one image: by the site's rules, ReproIn, dcm2niix's guess, or the standard rules."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deidflow.bids.guesses import guessed_name, reproin_name
from deidflow.bids.names import BidsName, Facts
from deidflow.bids.rules import NameRule

_DIRECTIONS = {"j": "PA", "j-": "AP", "i": "RL", "i-": "LR", "k": "IS", "k-": "SI"}
_WITH_ECHOES = ("func", "anat")
_WITH_PHASE = ("func", "anat", "dwi")


def name_of(
    facts: Facts, site: Sequence[NameRule], standard: Sequence[NameRule]
) -> BidsName | None:
    """The BIDS name of an image; None where it cannot be told.

    What the standard rules send to sourcedata stays there whatever dcm2niix guessed.
    """
    rule = _fitting(facts, site)
    if rule is None:
        name = reproin_name(facts.text) or _by_standard(facts, standard)
    else:
        name = rule.named()
    return None if name is None else _completed(name, facts)


def _by_standard(facts: Facts, standard: Sequence[NameRule]) -> BidsName | None:
    rule = _fitting(facts, standard)
    if rule is None:
        return guessed_name(facts.guess)
    if not rule.name:
        return None
    return guessed_name(facts.guess) or rule.named()


def _fitting(facts: Facts, rules: Sequence[NameRule]) -> NameRule | None:
    return next(
        (rule for rule in rules if rule.fits(facts)),
        None,
    )


def is_set_apart(facts: Facts, rules: Sequence[NameRule]) -> bool:
    """Whether a rule sends an image to sourcedata on purpose: a localizer, a derived map."""
    rule = _fitting(facts, rules)
    return rule is not None and not rule.name


def _completed(name: BidsName, facts: Facts) -> BidsName:
    """The name with what BIDS requires of its kind, and the echo or phase that it is."""
    more: dict[str, str] = {}
    if name.datatype == "func" and "task" not in name.entities:
        more["task"] = "unknown"
    if name.suffix == "epi" and "dir" not in name.entities:
        more["dir"] = _DIRECTIONS.get(facts.direction, "unknown")

    echo = re.search(r"_e(\d+)", facts.output)
    if echo is not None and name.datatype in _WITH_ECHOES:
        more["echo"] = str(int(echo[1]))
    if "_ph" in facts.output and name.datatype in _WITH_PHASE:
        more["part"] = "phase"
    return name.having(**more)


def line_to_add(facts: Facts) -> str:
    """A rule for a site's table that would name images like this one."""
    conditions = {"modality": facts.modality}
    if facts.text:
        conditions["series"] = _exactly(facts.text)
    elif facts.sequence:
        conditions["sequence"] = _exactly(facts.sequence)
    if facts.output:
        conditions["output"] = _exactly(facts.output)

    parts = [f"{key}: '{value}'" for key, value in conditions.items() if value]
    parts.append("name: DATATYPE/SUFFIX")
    return f"- {{{', '.join(parts)}}}"


def _exactly(text: str) -> str:
    """A regular expression for a text, to stand in single quotes."""
    escaped = (
        re.escape(text)
        .replace("\\ ", " ")
        .replace(
            "'",
            "''",
        )
    )
    return f"^{escaped}$"
