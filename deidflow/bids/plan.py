"""Which image gets which name: field maps joined, runs numbered, what BIDS requires present."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deidflow.bids.asl import is_run, lonely_calibrations, with_calibrations, with_labelling
from deidflow.bids.field_maps import (
    field_maps,
    is_part,
    with_maps_assigned,
    with_phase_pairs,
    with_runs_and_identifiers,
)
from deidflow.bids.images import ReleasedImage
from deidflow.bids.named import Named, Unnamed
from deidflow.bids.naming import fitting_rule, is_set_apart, line_to_add, name_of
from deidflow.bids.requirements import lack_of, lacking_fields
from deidflow.bids.rules import NameRule, load_rules
from deidflow.bids.runs import with_runs
from deidflow.bids.sidecars import bids_sidecar

NO_RULE = "no rule fits"


@dataclass(frozen=True)
class BidsPlan:
    """All images of a release."""

    named: tuple[Named, ...]
    unnamed: tuple[Unnamed, ...]


def plan_names(images: Iterable[ReleasedImage], table: Path | None = None) -> BidsPlan:
    """Name every image; `table` is a site's YAML list of rules. Raises ConfigError."""
    standard = load_rules(None)
    rules = load_rules(table)
    site = rules[: len(rules) - len(standard)]
    named: list[Named] = []
    unnamed: list[Unnamed] = []
    for image in images:
        entry = _named(
            image,
            site,
            standard,
        )
        if entry is None:
            unnamed.append(_unnamed(image, _why_no_name(image, rules)))
        else:
            named.append(entry)

    completed = with_labelling(with_phase_pairs(named))
    kept, lacking = _with_requirements(completed)
    return BidsPlan(tuple(kept), (*unnamed, *lacking))


def _named(
    image: ReleasedImage, site: Sequence[NameRule], standard: Sequence[NameRule]
) -> Named | None:
    name = name_of(
        image.facts,
        site,
        standard,
    )
    if name is None:
        return None

    rule = fitting_rule(image.facts, site)
    fields = image.sidecar | (rule.sidecar if rule is not None else {})
    sidecar = bids_sidecar(
        fields,
        name,
        image.facts.grid,
    )
    return Named(
        image,
        name,
        sidecar,
        context=rule.context if rule is not None else (),
    )


def _why_no_name(image: ReleasedImage, rules: Sequence[NameRule]) -> str:
    if is_set_apart(image.facts, rules):
        return "a localizer, a derived image, or set apart by a rule"
    return NO_RULE


def _unnamed(image: ReleasedImage, why: str) -> Unnamed:
    return Unnamed(
        image,
        why,
        line_to_add(image.facts),
    )


def _with_requirements(named: Sequence[Named]) -> tuple[list[Named], list[Unnamed]]:
    """Images that have what BIDS requires, numbered, and those that lack something."""
    joined: list[Named] = [entry for entry in named if not is_part(entry)]
    for field_map in field_maps(named):
        joined += field_map.parts

    usable: list[Named] = []
    lacking: list[Unnamed] = []
    for entry in joined:
        why = lack_of(entry)
        if why:
            line = line_to_add(
                entry.image.facts,
                entry.name,
                lacking_fields(entry),
                needs_context=is_run(entry) and not entry.context,
            )
            lacking.append(
                Unnamed(
                    entry.image,
                    why,
                    line,
                )
            )
        else:
            usable.append(entry)

    kept, lonely = _with_whole_field_maps(usable)
    return kept, lacking + lonely


def _with_runs(named: Sequence[Named]) -> tuple[list[Named], list[Unnamed]]:
    """What is not part of a field map, numbered; a calibration of nothing cannot stay in `perf`."""
    alone = lonely_calibrations(named)
    others = [entry for entry in named if not is_part(entry) and entry not in alone]
    lonely = []
    for entry in alone:
        lonely.append(_unnamed(entry.image, "m0scan is alone: it needs an ASL run of its session"))
    return with_calibrations(with_runs(others)), lonely


def _with_whole_field_maps(named: Sequence[Named]) -> tuple[list[Named], list[Unnamed]]:
    """A magnitude without its phase, or a phase without its magnitude, cannot stay in `fmap`."""
    complete = []
    lonely: list[Unnamed] = []
    for field_map in field_maps(named):
        if field_map.is_complete:
            complete.append(field_map)
            continue
        for part in field_map.parts:
            why = f"{part.name.suffix} is alone: a field map needs magnitude and phase"
            lonely.append(_unnamed(part.image, why))

    maps = with_runs_and_identifiers(complete)
    others, calibrations = _with_runs(named)
    lonely += calibrations
    kept = with_maps_assigned(others, maps)
    for field_map in maps:
        kept += field_map.parts
    return sorted(kept, key=lambda entry: entry.order), lonely
