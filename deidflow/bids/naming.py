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
    by_type = []
    for rule in rules:
        if rule.image_type and not rule.series and not rule.name:
            by_type.append(rule)
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
    known = name.entities
    output = facts.output
    more: dict[str, str] = {}
    if name.datatype == "func" and "task" not in known:
        more["task"] = "unknown"
    if name.suffix == "epi" and "dir" not in known:
        more["dir"] = _direction(facts)
    if "MOCO" in facts.image_type and "rec" not in known:
        more["rec"] = "moco"

    echo = re.search(r"_e(\d+)", output)
    if echo is not None:
        number = int(echo[1])
        more["echo"] = str(number)
    for ending, part in _PARTS.items():
        if ending in output:
            more["part"] = part
    return name.having(**more)


def _direction(facts: Facts) -> str:
    """From where to where phase was encoded, `AP`; `unknown` where the image does not say."""
    axis = facts.direction[:1]
    sign = facts.direction[1:]
    axes = dict(
        zip(
            _AXES,
            facts.grid.axes,
            strict=False,
        )
    )
    if axis not in axes:
        return "unknown"

    towards = axes[axis]
    away = _OPPOSITE[towards]
    if sign == "-":
        return towards + away
    return away + towards


def line_to_add(
    facts: Facts,
    name: BidsName | None = None,
    fields: Sequence[str] = (),
    *,
    needs_context: bool = False,
) -> str:
    """A rule for a site's table that would name images like this one.

    For an image whose name is known and that lacks `fields`, or what the volumes of an ASL run
    are, with places for their values.
    """
    conditions = {"modality": facts.modality}
    if facts.text:
        conditions["series"] = _exactly(facts.text)
    elif facts.sequence:
        conditions["sequence"] = _exactly(facts.sequence)
    if facts.output:
        conditions["output"] = _exactly(facts.output)

    parts = []
    for key, value in conditions.items():
        if value:
            parts.append(f"{key}: '{value}'")
    if name is None or not (fields or needs_context):
        parts.append("name: DATATYPE/SUFFIX")
    else:
        parts += _name_parts(name, fields)
    if needs_context:
        parts.append("context: [VOLUME, VOLUME]")
    line = ", ".join(parts)
    return f"- {{{line}}}"


def _name_parts(name: BidsName, fields: Sequence[str]) -> list[str]:
    """Keys of a rule for a name that is known, with places for the values of fields."""
    entities = []
    for key, label in name.entities.items():
        entities.append(f"{key}: '{label}'")
    values = []
    for field in fields:
        values.append(f"{field}: VALUE")

    parts = [f"name: {name.datatype}/{name.suffix}"]
    if entities:
        listed = ", ".join(entities)
        parts.append(f"entities: {{{listed}}}")
    if values:
        listed = ", ".join(values)
        parts.append(f"sidecar: {{{listed}}}")
    return parts


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
