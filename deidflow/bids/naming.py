"""The name of one image: by the site's rules, ReproIn, dcm2niix's guess, or the standard rules."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deidflow.bids.guesses import guessed_name, reproin_name
from deidflow.bids.kinds import legal_name
from deidflow.bids.names import BidsName, Facts
from deidflow.bids.rules import NameRule

_OPPOSITE = {"L": "R", "R": "L", "A": "P", "P": "A", "S": "I", "I": "S"}
_PARTS = {"_ph": "phase", "_real": "real", "_imaginary": "imag"}
"""`part-` by what dcm2niix adds to the name of an output."""
_AXES = "ijk"


def name_of(
    facts: Facts, site: Sequence[NameRule], standard: Sequence[NameRule]
) -> BidsName | None:
    """The BIDS name of an image; None where it cannot be told.

    What the standard rules send to sourcedata stays there whatever dcm2niix guessed.
    """
    rule = fitting_rule(facts, site)
    if rule is not None:
        name = rule.named()
    elif _is_derived(facts, standard):
        name = None
    else:
        name = reproin_name(facts) or _by_standard(facts, standard)
    return None if name is None else legal_name(_completed(name, facts))


def fitting_rule(facts: Facts, rules: Sequence[NameRule]) -> NameRule | None:
    """The first rule that fits an image."""
    return next((rule for rule in rules if rule.fits(facts)), None)


def is_set_apart(facts: Facts, rules: Sequence[NameRule]) -> bool:
    """Whether a rule sends an image to sourcedata on purpose: a localizer, a derived map."""
    rule = fitting_rule(facts, rules)
    return (rule is not None and not rule.name) or _is_derived(facts, rules)


def _is_derived(facts: Facts, rules: Sequence[NameRule]) -> bool:
    """Whether the image itself says that it is a map or a view, whatever it is called."""
    by_type = [rule for rule in rules if rule.image_type and not rule.series and not rule.name]
    return fitting_rule(facts, by_type) is not None


def _by_standard(facts: Facts, standard: Sequence[NameRule]) -> BidsName | None:
    rule = fitting_rule(facts, standard)
    if rule is not None and not rule.name:
        return None

    ruled = None if rule is None else rule.named()
    guessed = guessed_name(facts.guess)
    if guessed is None or ruled is None:
        return guessed or ruled
    if guessed.suffix == "dwi" and not facts.has_gradients:
        return ruled
    if guessed.datatype != ruled.datatype:
        return guessed
    return BidsName(
        guessed.datatype,
        guessed.suffix,
        {**ruled.entities, **guessed.entities},
    )


def _completed(name: BidsName, facts: Facts) -> BidsName:
    """The name with what BIDS requires of its kind, and the echo or part that it is."""
    more: dict[str, str] = {}
    if name.datatype == "func" and "task" not in name.entities:
        more["task"] = "unknown"
    if name.suffix == "epi" and "dir" not in name.entities:
        more["dir"] = _direction(facts)
    if "MOCO" in facts.image_type and "rec" not in name.entities:
        more["rec"] = "moco"

    echo = re.search(r"_e(\d+)", facts.output)
    if echo is not None:
        more["echo"] = str(int(echo[1]))
    for ending, part in _PARTS.items():
        if ending in facts.output:
            more["part"] = part
    return name.having(**more)


def _direction(facts: Facts) -> str:
    """From where to where phase was encoded, `AP`; `unknown` where the image does not say."""
    axis, sign = facts.direction[:1], facts.direction[1:]
    if not axis or axis not in _AXES or len(facts.grid.axes) < len(_AXES):
        return "unknown"

    towards = facts.grid.axes[_AXES.index(axis)]
    label = _OPPOSITE[towards] + towards
    return label[::-1] if sign == "-" else label


def line_to_add(facts: Facts, name: BidsName | None = None, fields: Sequence[str] = ()) -> str:
    """A rule for a site's table that would name images like this one.

    For an image whose name is known and that lacks `fields`, with places for their values.
    """
    conditions = {"modality": facts.modality}
    if facts.text:
        conditions["series"] = _exactly(facts.text)
    elif facts.sequence:
        conditions["sequence"] = _exactly(facts.sequence)
    if facts.output:
        conditions["output"] = _exactly(facts.output)

    parts = [f"{key}: '{value}'" for key, value in conditions.items() if value]
    if name is None or not fields:
        parts.append("name: DATATYPE/SUFFIX")
    else:
        entities = ", ".join(f"{key}: '{label}'" for key, label in name.entities.items())
        values = ", ".join(f"{field}: VALUE" for field in fields)
        parts.append(f"name: {name.datatype}/{name.suffix}")
        if entities:
            parts.append(f"entities: {{{entities}}}")
        parts.append(f"sidecar: {{{values}}}")
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
